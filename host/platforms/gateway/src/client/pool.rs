//! Connections that are kept and used again.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Request;
use hyper::header::{AUTHORIZATION, HeaderValue};
use tokio::time::timeout;

use super::connection::{Connection, ExchangeError, Exchanged};
use super::endpoint::Endpoint;
use crate::Token;

/// Connections that are kept without a request.
const KEPT: usize = 1024;
/// The longest that a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// Connections to one server.
pub(crate) struct Pool {
    endpoint: Endpoint,
    authorization: Option<HeaderValue>,
    free: Mutex<Vec<Connection>>,
}

/// An answer, and when the connection stood where a new one was made.
pub(crate) struct Answered {
    pub(crate) exchanged: Exchanged,
    pub(crate) connected: Option<Instant>,
}

impl Pool {
    pub(crate) fn new(endpoint: Endpoint, token: Option<&Token>) -> Pool {
        let authorization = token.and_then(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.reveal())).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        Pool { endpoint, authorization, free: Mutex::default() }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a request on a connection that is free, or on a new one.
    pub(crate) async fn send(&self, mut request: Request<Bytes>) -> Result<Answered, ExchangeError> {
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        while let Some(mut connection) = self.take() {
            match connection.exchange(request).await {
                Ok(exchanged) => {
                    self.keep(connection);
                    return Ok(Answered { exchanged, connected: None });
                }
                // The server closed it meanwhile.
                Err(ExchangeError::Ended(unsent)) => request = *unsent,
                Err(error) => return Err(error),
            }
        }
        let slow = || {
            let message = format!("no connection within {} s", CONNECT.as_secs());
            ExchangeError::Connect(std::io::Error::new(std::io::ErrorKind::TimedOut, message))
        };
        let mut connection = timeout(CONNECT, Connection::open(&self.endpoint)).await.map_err(|_| slow())??;
        let connected = Some(Instant::now());
        let exchanged = connection.exchange(request).await?;
        self.keep(connection);
        Ok(Answered { exchanged, connected })
    }

    fn take(&self) -> Option<Connection> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(connection) = free.pop() {
            if connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    fn keep(&self, connection: Connection) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT && connection.is_usable() {
            free.push(connection);
        }
    }
}
