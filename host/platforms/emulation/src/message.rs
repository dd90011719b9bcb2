//! What is asked and answered.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A request, read to its end.
#[derive(Debug, Clone)]
pub struct Request {
    /// HTTP's method.
    pub method: Method,
    /// The path's parts, decoded.
    pub path: Vec<String>,
    /// The query, decoded; of a name that is there twice, the last.
    pub query: BTreeMap<String, String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// The request that a line and a body are.
    pub(crate) fn new(method: Method, uri: &hyper::Uri, headers: HeaderMap, body: Bytes) -> Request {
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let path = uri.path().trim_start_matches('/').split('/').map(decoded).collect();
        Request { method, path, query, headers, body }
    }

    /// The method and the path's parts: what emulators choose their answers by.
    pub fn asks(&self) -> (&str, Vec<&str>) {
        (self.method.as_str(), self.path.iter().map(String::as_str).collect())
    }

    /// `METHOD /path`, for messages and for finding it again.
    pub fn line(&self) -> String {
        format!("{} /{}", self.method, self.path.join("/"))
    }

    /// A header's text; `None` where it is not there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP's status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The connection ends after this much of the body; `None`: the answer is whole.
    pub(crate) cut: Option<usize>,
}

impl Response {
    /// An answer of bytes.
    ///
    /// # Panics
    /// When the status is none of HTTP's.
    pub fn bytes(status: u16, body: impl Into<Bytes>) -> Response {
        let status = StatusCode::from_u16(status).unwrap_or_else(|_| panic!("{status} is no status of HTTP"));
        Response { status, headers: HeaderMap::new(), body: body.into(), cut: None }
    }

    /// An answer of JSON.
    ///
    /// # Panics
    /// When the status is none of HTTP's.
    pub fn json(status: u16, body: &Value) -> Response {
        Response::bytes(status, body.to_string()).header(CONTENT_TYPE.as_str(), "application/json")
    }

    /// With a header.
    ///
    /// # Panics
    /// When it can't be one.
    pub fn header(mut self, name: &str, value: &str) -> Response {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) else {
            panic!("{name}: {value} is no header")
        };
        self.headers.insert(name, value);
        self
    }

    /// The same, whose connection ends after `bytes` of the body.
    pub fn cut_after(mut self, bytes: usize) -> Response {
        self.cut = Some(bytes);
        self
    }
}
