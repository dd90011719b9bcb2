//! Connections that are kept and used again.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use reqwest::Url;
use rustls::ClientConfig;
use tokio::time::timeout;
use url::Host;

use super::connection::{Connection, ExchangeError, Exchanged};

/// Connections to one server that are kept without a request.
const KEPT: usize = 1024;
/// How long one is kept: shorter than what servers and balancers in between keep it, as one that they end while a request is
/// on its way loses the call.
const KEPT_FOR: Duration = Duration::from_secs(20);

/// One server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) is_secure: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Origin {
    /// The server of an address of HTTP; `None` for another address.
    pub(crate) fn of(url: &Url) -> Option<Origin> {
        let host = match url.host()? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let is_secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        Some(Origin { is_secure, host, port: url.port_or_known_default()? })
    }
}

/// An answer, and when the connection stood where a new one was made.
pub(crate) struct Answered {
    pub(crate) exchanged: Exchanged,
    pub(crate) connected: Option<Instant>,
}

/// Connections to servers, without a proxy.
pub(crate) struct Direct {
    tls: Arc<ClientConfig>,
    connect: Duration,
    free: Mutex<HashMap<Origin, Vec<(Connection, Instant)>>>,
}

impl Direct {
    /// `connect` is the longest that a connection may take to be made.
    pub(crate) fn new(mut tls: ClientConfig, connect: Duration) -> Direct {
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Direct { tls: Arc::new(tls), connect, free: Mutex::default() }
    }

    /// Sends a request on a connection that is free, or on a new one. It is sent once: only when a kept connection had ended
    /// before any of it was sent, another one is taken.
    pub(crate) async fn send(
        &self,
        origin: &Origin,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Answered, ExchangeError> {
        while let Some(mut connection) = self.take(origin) {
            match connection.exchange(request).await {
                Ok(exchanged) => {
                    self.keep(origin, connection);
                    return Ok(Answered { exchanged, connected: None });
                }
                // The server closed it meanwhile.
                Err(ExchangeError::Ended(unsent)) => request = *unsent,
                Err(error) => return Err(error),
            }
        }
        let slow = || ExchangeError::Connect(format!("none within {} s", self.connect.as_secs_f64()));
        let opened = timeout(self.connect, Connection::open(origin, &self.tls)).await;
        let mut connection = opened.map_err(|_| slow())??;
        let connected = Some(Instant::now());
        let exchanged = connection.exchange(request).await?;
        self.keep(origin, connection);
        Ok(Answered { exchanged, connected })
    }

    fn take(&self, origin: &Origin) -> Option<Connection> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = free.get_mut(origin)?;
        while let Some((connection, since)) = kept.pop() {
            if since.elapsed() > KEPT_FOR {
                // The last one is the youngest.
                kept.clear();
            } else if connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    fn keep(&self, origin: &Origin, connection: Connection) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = free.entry(origin.clone()).or_default();
        if kept.len() < KEPT && connection.is_usable() {
            kept.push((connection, Instant::now()));
        }
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").finish_non_exhaustive()
    }
}
