//! One connection to a server.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderValue};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::Endpoint;

/// Largest answer, bytes.
const MAXIMUM_ANSWER_BYTES: usize = 64 << 20;

/// Why a request brought no answer.
#[derive(Debug, Error)]
pub(crate) enum ExchangeError {
    /// The connection had ended before the request went out, which can be sent on another one.
    #[error("the connection had ended")]
    Ended(Box<Request<Bytes>>),
    /// No connection.
    #[error("{0}")]
    Connect(io::Error),
    /// It broke within the exchange.
    #[error("the connection broke: {0}")]
    Broken(hyper::Error),
    /// The answer is larger than is taken, or broke off.
    #[error("the answer could not be read: {0}")]
    Answer(Box<dyn std::error::Error + Send + Sync>),
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Exchanged {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// When its head was there.
    pub(crate) first_byte: Instant,
}

/// One connection to a server.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(crate) async fn open(endpoint: &Endpoint) -> Result<Connection, ExchangeError> {
        match endpoint {
            Endpoint::Http { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(ExchangeError::Connect)?;
                Connection::over_tcp(stream).await
            }
            Endpoint::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(ExchangeError::Connect)?;
                Connection::over(stream).await
            }
        }
    }

    pub(crate) async fn tcp(address: SocketAddr) -> Result<Connection, ExchangeError> {
        Connection::over_tcp(TcpStream::connect(address).await.map_err(ExchangeError::Connect)?).await
    }

    async fn over_tcp(stream: TcpStream) -> Result<Connection, ExchangeError> {
        // Requests are whole: there is nothing to wait for.
        stream.set_nodelay(true).map_err(ExchangeError::Connect)?;
        Connection::over(stream).await
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Connection, ExchangeError> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(ExchangeError::Broken)?;
        // It ends with the sender; its error is told to the request that it breaks.
        tokio::spawn(connection);
        Ok(Connection { sender })
    }

    pub(crate) fn is_usable(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn exchange(&mut self, mut request: Request<Bytes>) -> Result<Exchanged, ExchangeError> {
        if !request.headers().contains_key(HOST) {
            request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
        }
        if self.sender.ready().await.is_err() {
            return Err(ExchangeError::Ended(Box::new(request)));
        }
        let response = self.sender.try_send_request(request.map(Full::new)).await.map_err(|mut error| {
            match error.take_message() {
                // Given back as it was: nothing of it has been sent.
                Some(request) => ExchangeError::Ended(Box::new(request.map(whole))),
                None => ExchangeError::Broken(error.into_error()),
            }
        })?;
        let first_byte = Instant::now();
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAXIMUM_ANSWER_BYTES).collect().await.map_err(ExchangeError::Answer)?;
        Ok(Exchanged { status: parts.status.as_u16(), headers: parts.headers, body: body.to_bytes(), first_byte })
    }
}

/// The bytes of a body that has not been sent.
fn whole(body: Full<Bytes>) -> Bytes {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use hyper::body::Body;
    let mut body = pin!(body);
    match body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        _ => Bytes::new(),
    }
}
