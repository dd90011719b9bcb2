//! One connection to a server.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::pool::Origin;

/// Largest answer, bytes.
pub(crate) const MAXIMUM_ANSWER_BYTES: usize = 64 << 20;

/// Why a request brought no answer.
#[derive(Debug, Error)]
pub(crate) enum ExchangeError {
    /// The connection had ended before any of the request went out, which can be sent on another one.
    #[error("the connection had ended")]
    Ended(Box<Request<Full<Bytes>>>),
    /// No connection.
    #[error("{0}")]
    Connect(String),
    /// It broke within the exchange.
    #[error("{0}")]
    Broken(String),
}

/// A whole answer.
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
    pub(crate) async fn open(origin: &Origin, tls: &Arc<ClientConfig>) -> Result<Connection, ExchangeError> {
        let failed = |error: std::io::Error| ExchangeError::Connect(error.to_string());
        let stream = TcpStream::connect((origin.host.as_str(), origin.port)).await.map_err(failed)?;
        // Requests are whole: there is nothing to wait for.
        stream.set_nodelay(true).map_err(failed)?;
        if !origin.is_secure {
            return Connection::over(stream).await;
        }
        let name = ServerName::try_from(origin.host.clone())
            .map_err(|error| ExchangeError::Connect(format!("`{}`: {error}", origin.host)))?;
        Connection::over(TlsConnector::from(tls.clone()).connect(name, stream).await.map_err(failed)?).await
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Connection, ExchangeError> {
        let shaken = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| ExchangeError::Connect(cause(&error)))?;
        // It ends with the sender; its error is told to the request that it breaks.
        tokio::spawn(connection);
        Ok(Connection { sender })
    }

    pub(crate) fn is_usable(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Exchanged, ExchangeError> {
        if self.sender.ready().await.is_err() {
            return Err(ExchangeError::Ended(Box::new(request)));
        }
        let response = self.sender.try_send_request(request).await.map_err(|mut error| match error.take_message() {
            // Given back as it was: nothing of it has been sent.
            Some(request) => ExchangeError::Ended(Box::new(request)),
            None => ExchangeError::Broken(cause(&error.into_error())),
        })?;
        let first_byte = Instant::now();
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAXIMUM_ANSWER_BYTES)
            .collect()
            .await
            .map_err(|error| ExchangeError::Broken(cause(error.as_ref())))?;
        Ok(Exchanged { status: parts.status.as_u16(), headers: parts.headers, body: body.to_bytes(), first_byte })
    }
}

/// An error with what is behind it.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
