//! Sending the result of an asynchronous call to where its client wants it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_protocol::Response;
use hyper::Uri;
use hyper::header::{CONTENT_TYPE, HOST};

use crate::client::{Connection, Exchanged};

/// How often sending is tried.
const TRIES: u32 = 3;
/// The longest that one try may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a result goes.
#[derive(Debug, Clone)]
pub(crate) struct Callback {
    uri: Uri,
    host: String,
    port: u16,
    anywhere: bool,
}

impl Callback {
    /// The callback of a header's value.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn new(text: &[u8], anywhere: bool) -> Result<Callback, String> {
        let wrong = || "X-Callback-Url is no URL that can be called: give http://HOST:PORT/PATH".to_owned();
        let uri: Uri = std::str::from_utf8(text).map_err(|_| wrong())?.parse().map_err(|_| wrong())?;
        let host = uri.host().ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned();
        if uri.scheme_str() != Some("http") || uri.authority().is_some_and(|authority| authority.as_str().contains('@'))
        {
            return Err(wrong());
        }
        let port = uri.port_u16().unwrap_or(80);
        let callback = Callback { uri, host, port, anywhere };
        // A name is looked up later, and where it leads is looked at then.
        let elsewhere = match callback.host.parse::<IpAddr>() {
            Ok(address) => !is_loopback(address),
            Err(_) => !callback.host.eq_ignore_ascii_case("localhost"),
        };
        if elsewhere && !anywhere {
            return Err(format!(
                "X-Callback-Url leads to `{}`, and this server sends results only to this machine",
                callback.host
            ));
        }
        Ok(callback)
    }

    /// Sends a result, and again when that fails.
    pub(crate) async fn send(&self, result: &Response) {
        for attempt in 1..=TRIES {
            let reason = match tokio::time::timeout(PATIENCE, self.try_once(result)).await {
                Ok(Ok(status)) if status < 500 => return,
                Ok(Ok(status)) => format!("status {status}"),
                Ok(Err(reason)) => reason,
                Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
            };
            tracing::warn!(host = self.host, port = self.port, attempt, reason, "a result could not be sent");
            tokio::time::sleep(Duration::from_millis(200) * attempt).await;
        }
    }

    async fn try_once(&self, result: &Response) -> Result<u16, String> {
        let address = self.address().await?;
        let mut connection = Connection::tcp(address).await.map_err(|error| error.to_string())?;
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = hyper::Request::new(result.body().clone());
        *request.method_mut() = hyper::Method::POST;
        *request.uri_mut() = path.parse().map_err(|_| "the path can't be sent".to_owned())?;
        for (name, value) in result.headers() {
            if name.as_str().starts_with("x-") || name == CONTENT_TYPE {
                request.headers_mut().insert(name.clone(), value.clone());
            }
        }
        if let Some(host) = self.uri.authority().and_then(|authority| authority.as_str().parse().ok()) {
            request.headers_mut().insert(HOST, host);
        }
        let Exchanged { status, .. } = connection.exchange(request).await.map_err(|error| error.to_string())?;
        Ok(status)
    }

    async fn address(&self) -> Result<SocketAddr, String> {
        let addresses = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let mut addresses = addresses.map_err(|error| format!("{} is not found: {error}", self.host))?;
        addresses
            .find(|address| self.anywhere || is_loopback(address.ip()))
            .ok_or_else(|| format!("{} has no address on this machine", self.host))
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_called_unless_told() {
        for good in ["http://127.0.0.1:9/x", "http://localhost/x?a=1", "http://[::1]:80/", "http://127.9.9.9"] {
            assert!(Callback::new(good.as_bytes(), false).is_ok(), "{good}");
        }
        for bad in
            ["http://10.0.0.1/", "http://example.com/", "http://127.0.0.1.example.com/", "http://[::ffff:10.0.0.1]/"]
        {
            assert!(Callback::new(bad.as_bytes(), false).is_err_and(|error| error.contains("this machine")), "{bad}");
            assert!(Callback::new(bad.as_bytes(), true).is_ok(), "{bad}");
        }
        for bad in ["", "/x", "https://127.0.0.1/", "http://user@127.0.0.1/", "file:///etc/passwd"] {
            assert!(Callback::new(bad.as_bytes(), true).is_err(), "{bad}");
        }
    }
}
