//! An image's process, and HTTP to it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The image of function1 with nothing in its environment.
pub(crate) fn image() -> Command {
    named_image("function1")
}

pub(crate) fn named_image(name: &str) -> Command {
    let mut command = Command::new(match name {
        "function1" => env!("CARGO_BIN_EXE_function1"),
        "function2" => env!("CARGO_BIN_EXE_function2"),
        "thumbnailer" => env!("CARGO_BIN_EXE_thumbnailer"),
        other => panic!("no image {other}"),
    });
    // A process that is killed leaves its scratch folder, so it is made where builds put theirs.
    command.env_clear().env("FAASBENCH_SCRATCH", env!("CARGO_TARGET_TMPDIR"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A process that is killed when its test is over.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Running {
        Running(command.spawn().unwrap())
    }

    pub(crate) fn terminate(&self) {
        let id = i32::try_from(self.0.id()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), rustix::process::Signal::TERM)
            .unwrap();
    }

    pub(crate) fn wait(mut self) -> ExitStatus {
        eventually(|| self.0.try_wait().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks until there is something.
pub(crate) fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "it never happened");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The one record of a function's response.
    pub(crate) fn record(&self) -> Value {
        root_record(&self.json())
    }
}

/// The root's record of a response.
pub(crate) fn root_record(response: &Value) -> Value {
    response["records"][response["identifier"].as_str().unwrap()].clone()
}

/// One request on a connection of its own, once the server is there.
pub(crate) fn post(port: u16, path: &str, headers: &str, body: &str) -> Answer {
    request(eventually(|| TcpStream::connect(("127.0.0.1", port)).ok()), "POST", path, headers, body)
}

pub(crate) fn get(port: u16, path: &str) -> Answer {
    request(eventually(|| TcpStream::connect(("127.0.0.1", port)).ok()), "GET", path, "", "")
}

pub(crate) fn post_unix(socket: &Path, path: &str, headers: &str, body: &str) -> Answer {
    request(eventually(|| UnixStream::connect(socket).ok()), "POST", path, headers, body)
}

/// With a chunked body, as the strictest platforms send it.
fn request(mut stream: impl Read + Write, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n{headers}\r\n"
    );
    if !body.is_empty() {
        request.push_str(&format!("{:x}\r\n{body}\r\n", body.len()));
    }
    request.push_str("0\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
    Answer { status: head[9..12].parse().unwrap(), head, body: body.to_owned() }
}
