//! A program that stands for wasmtime and for Spin: it takes their command line, serves where that says, and answers with
//! what it was told. It is this test binary again, behind a script, as nothing else is sure to be there.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

/// The variable with the command line, one argument a line.
const ARGUMENTS: &str = "STAND_IN_ARGUMENTS";

/// The script, in `folder`.
pub(crate) fn program(folder: &Path) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo stand-in 1.2.3; exit; }}\n\
         {ARGUMENTS}=$(printf '%s\\n' \"$@\") exec '{}' --ignored --exact --nocapture stand_in::serve\n",
        own.display()
    );
    let path = folder.join("program");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
#[ignore = "the program that other tests start"]
fn serve() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else { return };
    let arguments: Vec<String> = arguments.lines().map(str::to_owned).collect();
    let after = |flag: &str| arguments.iter().position(|argument| argument == flag).map(|place| &arguments[place + 1]);
    let is_spin = arguments[0] == "up";
    let listen = if is_spin { after("--listen") } else { after("--addr") }.unwrap();
    // What begins with this refuses to be served.
    let served = if is_spin { after("--from").unwrap() } else { arguments.last().unwrap() };
    let text = std::fs::read(served).unwrap();
    assert!(!arguments.iter().any(|argument| argument == "BREAK=1"), "told to break");
    let listener = TcpListener::bind(listen).unwrap();
    let address = listener.local_addr().unwrap();
    // libtest's own remarks have no end of line.
    let said =
        if is_spin { format!("\nServing http://{address}") } else { format!("\nServing HTTP on http://{address}/") };
    println!("{said}\nstdout [0] :: hello\nstderr [0] :: oh\nits own");
    for stream in listener.incoming() {
        let (arguments, text) = (arguments.clone(), String::from_utf8_lossy(&text).into_owned());
        std::thread::spawn(move || {
            let mut stream = stream.unwrap();
            while answer(&mut stream, &arguments, &text, is_spin).is_some() {}
        });
    }
}

fn answer(stream: &mut TcpStream, arguments: &[String], served: &str, is_spin: bool) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|&bytes| bytes > 0)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(bytes) = line.strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let path = first.split(' ').nth(1).unwrap();
    let health = if is_spin { "/.well-known/spin/health" } else { "/_/health" };
    let (status, said) = if path == health {
        (200, "OK".to_owned())
    } else if path == "/" {
        let environment: BTreeMap<String, String> = std::env::vars().collect();
        let said = json!({
            "process": std::process::id(), "arguments": arguments, "environment": environment, "served": served,
            "event": String::from_utf8_lossy(&body),
        });
        (200, said.to_string())
    } else {
        (404, String::new())
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nx-instance-id: i{}\r\nx-instance-seq: 0\r\nx-instance-uptime-us: 1\r\n\r\n",
        said.len(),
        std::process::id(),
    );
    stream.write_all((head + &said).as_bytes()).ok()
}
