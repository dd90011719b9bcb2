//! Where a server is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use hyper::Uri;
use thiserror::Error;

use crate::Listen;

/// A text that says of no server where it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no server's address: give http://HOST:PORT or unix:/PATH")]
pub struct EndpointError(String);

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// Over TCP.
    Http {
        /// A name or an address, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A unix socket.
    Unix(PathBuf),
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Endpoint, EndpointError> {
        let wrong = || EndpointError(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') { Ok(Endpoint::Unix(path.into())) } else { Err(wrong()) };
        }
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        let is_plain = uri.scheme_str() == Some("http") && matches!(uri.path(), "" | "/") && uri.query().is_none();
        if !is_plain || authority.as_str().contains('@') {
            return Err(wrong());
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        Ok(Endpoint::Http { host, port: authority.port_u16().unwrap_or(80) })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Http { host, port } if host.contains(':') => write!(f, "http://[{host}]:{port}"),
            Endpoint::Http { host, port } => write!(f, "http://{host}:{port}"),
            Endpoint::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl From<&Listen> for Endpoint {
    fn from(listen: &Listen) -> Endpoint {
        match listen {
            Listen::Tcp(address) => Endpoint::Http { host: address.ip().to_string(), port: address.port() },
            Listen::Unix(path) => Endpoint::Unix(path.clone()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_as_it_was_written() {
        for text in ["http://127.0.0.1:8080", "http://[::1]:8080", "http://host:80", "unix:/run/f.sock"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        assert_eq!("http://host/".parse::<Endpoint>().unwrap().to_string(), "http://host:80");
    }

    #[test]
    fn what_leads_nowhere_or_holds_a_password_is_refused() {
        for bad in ["", "host:80", "https://host", "http://a:b@host", "http://host/path", "unix:here"] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }
}
