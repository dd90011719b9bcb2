//! moto's server: AWS as others understand it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// A server that ends with this.
pub(crate) struct Moto {
    process: Child,
    pub(crate) endpoint: String,
}

impl Moto {
    /// Starts one; `None`, said so, where it is not installed.
    pub(crate) fn start() -> Option<Moto> {
        let mut command = Command::new("moto_server");
        command.args(["-H", "127.0.0.1", "-p", "0"]).stdout(Stdio::null()).stderr(Stdio::piped());
        let Ok(mut process) = command.spawn() else {
            eprintln!("skipped: moto_server is not installed (pip install 'moto[server]')");
            return None;
        };
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let endpoint = loop {
            let Some(Ok(line)) = lines.next() else {
                let _ = process.kill();
                let _ = process.wait();
                eprintln!("skipped: moto_server does not start");
                return None;
            };
            if let Some((_, address)) = line.split_once("Running on ") {
                break address.trim().to_owned();
            }
        };
        // What it writes on must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let moto = Moto { process, endpoint };
        // Without Docker it answers invocations with their event.
        moto.post("/moto-api/config", r#"{"lambda": {"use_docker": false}}"#);
        Some(moto)
    }

    fn post(&self, path: &str, body: &str) {
        let address = self.endpoint.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
