//! A client that writes the bytes it is told to.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Client {
    stream: TcpStream,
    rest: Vec<u8>,
}

/// An answer: the status, the head in lower case, the body.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Client {
        Client { stream: TcpStream::connect(address).await.unwrap(), rest: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // A server that has closed already is found out when its answer is read.
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// The next answer; `None` when the server closed instead.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        loop {
            if let Some(answer) = self.whole_answer() {
                return Some(answer);
            }
            if self.stream.read_buf(&mut self.rest).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    fn whole_answer(&mut self) -> Option<Answer> {
        let end = self.rest.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = String::from_utf8(self.rest[..end].to_vec()).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.unwrap_or_else(|| panic!("no length: {head}")).parse().unwrap();
        let body = self.rest.get(end..end + length)?.to_vec();
        self.rest.drain(..end + length);
        Some(Answer { status: head[9..12].parse().unwrap(), body: String::from_utf8(body).unwrap(), head })
    }

    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request).await;
        self.answer().await.expect("an answer")
    }
}

/// A request with these header lines, each with its end.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

/// What a server says to one request of its own connection.
pub(crate) async fn once(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    Client::connect(address).await.ask(request(method, path, headers, body)).await
}
