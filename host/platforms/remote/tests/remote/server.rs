//! A server that answers as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What it does with a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Sends these bytes and goes on.
    Answer(String),
    /// Sends these bytes and closes the connection.
    Close(String),
    /// Sends nothing, ever.
    Hang,
}

/// An answer with a body.
pub(crate) fn answer(status: &str, body: &str) -> Reply {
    answer_with(status, "", body)
}

/// An answer with further header lines.
pub(crate) fn answer_with(status: &str, headers: &str, body: &str) -> Reply {
    Reply::Answer(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

type Behaviour = Arc<dyn Fn(usize, &str) -> Reply + Send + Sync>;

/// A server on a port of its own; it ends with this value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// The requests, whole.
    requests: Arc<Mutex<Vec<String>>>,
    /// The connections that were made.
    connections: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl Server {
    /// One whose answers are made from a request's number, from 0 on, and its text.
    pub(crate) async fn start(behaviour: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Server {
        Server::start_over(None, behaviour).await
    }

    pub(crate) async fn start_over(
        tls: Option<TlsAcceptor>,
        behaviour: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let (seen, made) = (requests.clone(), connections.clone());
        let behaviour: Behaviour = Arc::new(behaviour);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *made.lock().unwrap() += 1;
                let (seen, behaviour, tls) = (seen.clone(), behaviour.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        // A client that does not trust it ends the connection.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &seen, &behaviour).await;
                            }
                        }
                        None => serve(stream, &seen, &behaviour).await,
                    }
                });
            }
        });
        Server { address, requests, connections, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, seen: &Mutex<Vec<String>>, behaviour: &Behaviour) {
    while let Some(request) = read(&mut stream).await {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        match behaviour(number, &request) {
            Reply::Answer(text) => {
                if stream.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
            }
            Reply::Close(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.shutdown().await;
                return;
            }
            // Until the other side gives up.
            Reply::Hang => while matches!(stream.read(&mut [0; 64]).await, Ok(1..)) {},
        }
    }
}

/// A request with a body of known length; `None` when the connection ends.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
    while bytes.len() < head + length.unwrap_or(0) {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
