//! What is sent, and where to.

use std::path::PathBuf;
use std::str::FromStr;

use bytes::Bytes;
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Method, Uri};
use thiserror::Error;

/// The way to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A host, by name or number, and a port.
    Tcp {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// A unix socket.
    Unix(PathBuf),
}

/// A URL that can't be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("can't send requests to `{url}`: {reason}; give http://HOST:PORT/PATH, https://… or unix:/SOCKET:/PATH")]
pub struct TargetError {
    url: String,
    reason: String,
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The way there.
    pub address: Address,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// What stands in `Host`, and whose certificate is expected.
    pub authority: String,
    /// Path and query.
    pub path: String,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(url: &str) -> Result<Target, TargetError> {
        let wrong = |reason: &str| TargetError { url: url.to_owned(), reason: reason.to_owned() };
        if let Some(rest) = url.strip_prefix("unix:") {
            let (socket, path) = rest.rsplit_once(":/").ok_or_else(|| wrong("it names no path on the server"))?;
            if !socket.starts_with('/') {
                return Err(wrong("the socket's path is not absolute"));
            }
            return Ok(Target {
                address: Address::Unix(socket.into()),
                tls: false,
                authority: "localhost".to_owned(),
                path: format!("/{path}"),
            });
        }
        let uri: Uri = url.parse().map_err(|error: hyper::http::uri::InvalidUri| wrong(&error.to_string()))?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("it is neither http nor https")),
        };
        let (host, authority) = match (uri.host(), uri.authority()) {
            (Some(host), Some(authority)) if !authority.as_str().contains('@') => (host, authority),
            (_, Some(_)) => return Err(wrong("credentials don't belong into a URL; send a header")),
            _ => return Err(wrong("it names no host")),
        };
        Ok(Target {
            address: Address::Tcp {
                host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
                port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            },
            tls,
            authority: authority.as_str().to_owned(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }
}

/// Which version of HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HttpVersion {
    /// HTTP/1.1: a request at a time on each connection.
    #[default]
    Http1,
    /// HTTP/2, with prior knowledge where there is no TLS: many at a time on each connection.
    Http2,
}

/// The request that is sent again and again.
#[derive(Debug, Clone)]
pub struct RequestTemplate {
    /// Its method.
    pub method: Method,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl RequestTemplate {
    /// A POST of JSON.
    pub fn post_json(body: impl Into<Bytes>) -> RequestTemplate {
        let mut headers = HeaderMap::new();
        headers.insert(hyper::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        RequestTemplate { method: Method::POST, headers, body: body.into() }
    }

    /// The head's parts for a target: URI and headers with `Host`.
    pub(crate) fn for_target(&self, target: &Target, version: HttpVersion) -> Result<(Uri, HeaderMap), TargetError> {
        let wrong = |reason: String| TargetError { url: target.path.clone(), reason };
        let mut headers = self.headers.clone();
        let uri = match version {
            HttpVersion::Http1 => {
                if !headers.contains_key(HOST) {
                    let host = HeaderValue::from_str(&target.authority).map_err(|error| wrong(error.to_string()))?;
                    headers.insert(HOST, host);
                }
                target.path.clone()
            }
            HttpVersion::Http2 => {
                let scheme = if target.tls { "https" } else { "http" };
                // A name of the request's own stands where HTTP/2 has it (RFC 9113, 8.3.1).
                let named = headers.remove(HOST);
                let authority = match &named {
                    Some(host) => host.to_str().map_err(|error| wrong(error.to_string()))?,
                    None => &target.authority,
                };
                format!("{scheme}://{authority}{}", target.path)
            }
        };
        Ok((uri.parse().map_err(|error: hyper::http::uri::InvalidUri| wrong(error.to_string()))?, headers))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let target: Target = "http://127.0.0.1:8080/function/f?x=1".parse().unwrap();
        assert_eq!(target.address, Address::Tcp { host: "127.0.0.1".into(), port: 8080 });
        assert_eq!((target.path.as_str(), target.tls), ("/function/f?x=1", false));
        let target: Target = "https://[::1]".parse().unwrap();
        assert_eq!(target.address, Address::Tcp { host: "::1".into(), port: 443 });
        assert_eq!((target.path.as_str(), target.authority.as_str()), ("/", "[::1]"));
        let target: Target = "unix:/run/a.sock:/function/f".parse().unwrap();
        assert_eq!((target.address, target.path.as_str()), (Address::Unix("/run/a.sock".into()), "/function/f"));
    }

    #[test]
    fn a_host_of_the_requests_own_is_what_both_versions_send() {
        let mut request = RequestTemplate::post_json("");
        request.headers.insert(HOST, HeaderValue::from_static("function1.example.com"));
        let target = "http://127.0.0.1:8080/a".parse().unwrap();
        let (uri, headers) = request.for_target(&target, HttpVersion::Http1).unwrap();
        assert_eq!((uri.to_string().as_str(), headers[HOST].to_str().unwrap()), ("/a", "function1.example.com"));
        let (uri, headers) = request.for_target(&target, HttpVersion::Http2).unwrap();
        assert_eq!(uri.to_string(), "http://function1.example.com/a");
        assert!(!headers.contains_key(HOST));
    }

    #[test]
    fn what_can_not_be_reached_is_refused() {
        for url in ["", "ftp://a/", "function1", "http://user:password@host/", "unix:relative:/f", "unix:/socket"] {
            assert!(url.parse::<Target>().is_err(), "{url}");
        }
    }
}
