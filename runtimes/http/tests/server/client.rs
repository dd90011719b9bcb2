//! A server on a free port, and a client that writes the bytes it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_protocol::{EventService, Limits, Listener, Server};
use lab::Error;
use runtime::{Invocation, Runtime, Settings, Shutdown};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Answers with its event, or does what that says.
fn echo(event: &str, _: &Invocation) -> Result<String, Error> {
    match event {
        "refuse" => Err(Error::bad_request("no")),
        "panic" => panic!("as asked"),
        "sleep" => {
            std::thread::sleep(Duration::from_millis(200));
            Ok("\"slept\"".to_owned())
        }
        _ => Ok(event.to_owned()),
    }
}

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) served: JoinHandle<bool>,
}

pub(crate) async fn server(limits: Limits, grace: Duration) -> Running {
    let runtime = Arc::new(Runtime::new(echo, "test", &Settings::read(&|_| None).unwrap()));
    let shutdown = Shutdown::new(grace);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(EventService::new(runtime, shutdown.clone()), shutdown.clone(), limits);
    let served = tokio::spawn(server.serve(Listener::Tcp(listener)));
    Running { address, shutdown, served }
}

/// A server with the usual limits.
pub(crate) async fn usual() -> Running {
    server(Limits::default(), Duration::from_secs(5)).await
}

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

    /// What the server sent up to and with `end`.
    pub(crate) async fn raw_until(&mut self, end: &str) -> String {
        loop {
            let text = String::from_utf8_lossy(&self.rest).into_owned();
            if text.ends_with(end) || self.stream.read_buf(&mut self.rest).await.unwrap_or(0) == 0 {
                return text;
            }
        }
    }

    /// The first `count` bytes that the server sent.
    #[cfg(feature = "h2c")]
    pub(crate) async fn raw(&mut self, count: usize) -> Vec<u8> {
        while self.rest.len() < count && self.stream.read_buf(&mut self.rest).await.unwrap_or(0) > 0 {}
        self.rest[..count].to_vec()
    }

    /// Whether the server closes the connection without another answer.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.answer().await.is_none()
    }

    pub(crate) async fn end_writing(&mut self) {
        let _ = self.stream.shutdown().await;
    }
}

pub(crate) fn post(event: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{event}", event.len())
}

/// What a server says to one request of its own connection.
pub(crate) async fn once(address: SocketAddr, request: impl AsRef<[u8]>) -> Option<Answer> {
    let mut client = Client::connect(address).await;
    client.send(request).await;
    client.answer().await
}
