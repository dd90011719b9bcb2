//! The program with its socket.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub(crate) const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// The event of every call.
pub(crate) const EVENT: &str = r#"{"a":1}"#;

/// It ends with this.
pub(crate) struct Program {
    process: Child,
    socket: PathBuf,
}

impl Program {
    /// With this environment and no other.
    pub(crate) fn start<'a>(folder: &Path, environment: impl IntoIterator<Item = (&'a str, &'a str)>) -> Program {
        let socket = folder.join("calls.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_faasbench-caller"))
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .env_clear()
            .envs(environment)
            .spawn()
            .unwrap();
        Program { process, socket }
    }

    /// What it says when it ends at once, with this environment and no socket.
    pub(crate) fn refused<'a>(environment: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_faasbench-caller"));
        let output = command.env_clear().stdin(Stdio::null()).envs(environment).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    }

    /// A request that was sent, as an image makes it.
    pub(crate) fn send(&self, head: &str, body: &str) -> UnixStream {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        write!(stream, "{head}Host: localhost\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
            .unwrap();
        stream
    }

    /// The status and the body of the answer to one.
    pub(crate) fn request(&self, head: &str, body: &str) -> (u16, String) {
        let mut answer = String::new();
        self.send(head, body).read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    pub(crate) fn call(&self, function: &str) -> (u16, String) {
        self.request(&format!("POST /{function} HTTP/1.1\r\ntraceparent: {TRACE}\r\ntracestate: a=b\r\n"), EVENT)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
