//! A server of known times, on a thread of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use load::{RequestTemplate, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// What a server does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// Answers with this status after a time.
    Answer(u16, Duration),
    /// Never answers.
    Hang,
    /// Closes the connection in the midst of the answer.
    Break,
}

/// A running server. Dropped, it ends.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Requests that it has read.
    pub(crate) requests: Arc<AtomicU64>,
    /// Connections that it has taken.
    pub(crate) connections: Arc<AtomicU64>,
    _end: oneshot::Sender<()>,
}

impl Server {
    /// One that reacts to request number `n` (from 0), `elapsed` after its start, as `react` says.
    pub(crate) fn start(react: impl Fn(u64, Duration) -> Reaction + Send + Sync + 'static) -> Server {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, connections) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (end, ended) = oneshot::channel();
        let (counted, taken, react) = (requests.clone(), connections.clone(), Arc::new(react));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                let start = Instant::now();
                let serving = async {
                    loop {
                        let (stream, _) = listener.accept().await.unwrap();
                        stream.set_nodelay(true).unwrap();
                        taken.fetch_add(1, Ordering::Relaxed);
                        tokio::spawn(serve(stream, start, counted.clone(), react.clone()));
                    }
                };
                tokio::select! {
                    _ = ended => {}
                    () = serving => {}
                }
            });
        });
        Server { address, requests, connections, _end: end }
    }

    pub(crate) fn target(&self) -> Target {
        format!("http://{}/function/f", self.address).parse().unwrap()
    }
}

pub(crate) fn request() -> RequestTemplate {
    RequestTemplate::post_json("{}")
}

async fn serve<R: Fn(u64, Duration) -> Reaction>(
    mut stream: TcpStream,
    start: Instant,
    counted: Arc<AtomicU64>,
    react: Arc<R>,
) {
    let mut read = Vec::new();
    loop {
        // The requests of these tests have two bytes of body.
        let end = loop {
            if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 6)
                && read.len() >= end
            {
                break end;
            }
            let mut buffer = [0; 4096];
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(length) => read.extend_from_slice(&buffer[..length]),
            }
        };
        read.drain(..end);
        let number = counted.fetch_add(1, Ordering::Relaxed);
        match react(number, start.elapsed()) {
            Reaction::Answer(status, after) => {
                if !after.is_zero() {
                    tokio::time::sleep(after).await;
                }
                let cold = u8::from(number > 0);
                let answer = format!(
                    "HTTP/1.1 {status} X\r\nContent-Length: 2\r\nX-Instance-Id: i{}\r\nX-Instance-Seq: {cold}\r\n\r\n{{}}",
                    number % 3
                );
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            Reaction::Hang => std::future::pending::<()>().await,
            Reaction::Break => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{").await;
                return;
            }
        }
    }
}
