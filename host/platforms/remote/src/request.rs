//! A request to a platform's API.

use std::fmt;

use bytes::Bytes;
use platform::PlannedRequest;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};

use crate::address::joined;

/// One request.
#[derive(Clone)]
pub struct ApiRequest {
    /// What it does, as in "creating the function function1": for errors and for `--dry-run`.
    pub doing: String,
    /// HTTP's method.
    pub method: Method,
    /// The path and the query below the API's address.
    pub path: String,
    /// Further headers.
    pub headers: HeaderMap,
    /// The body, JSON.
    pub json: Option<serde_json::Value>,
    /// The body, of another kind; with its type.
    pub bytes: Option<(Bytes, &'static str)>,
    /// Whether it can be made again after it failed half way: what it does twice is as if done once.
    pub repeatable: bool,
}

impl ApiRequest {
    /// A request without a body. GET, HEAD, PUT and DELETE may be repeated.
    pub fn new(doing: impl Into<String>, method: Method, path: impl Into<String>) -> ApiRequest {
        let repeatable = method.is_idempotent();
        ApiRequest {
            doing: doing.into(),
            method,
            path: path.into(),
            headers: HeaderMap::new(),
            json: None,
            bytes: None,
            repeatable,
        }
    }

    /// With a JSON body.
    pub fn json(mut self, body: serde_json::Value) -> ApiRequest {
        self.json = Some(body);
        self
    }

    /// With a body of another kind.
    pub fn bytes(mut self, body: Bytes, content_type: &'static str) -> ApiRequest {
        self.bytes = Some((body, content_type));
        self
    }

    /// With a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> ApiRequest {
        self.headers.insert(name, value);
        self
    }

    /// As `--dry-run` shows it. The caller has left secrets out of `json`, or replaces them in what this returns.
    pub fn planned(&self, base: &Url, condition: Option<&str>) -> PlannedRequest {
        let body = match (&self.json, &self.bytes) {
            (Some(json), _) => Some(json.clone()),
            (None, Some((bytes, kind))) => Some(format!("{} bytes of {kind}", bytes.len()).into()),
            (None, None) => None,
        };
        PlannedRequest {
            purpose: self.doing.clone(),
            method: self.method.to_string(),
            address: joined(base, &self.path),
            body,
            condition: condition.map(str::to_owned),
        }
    }
}

/// Without the headers, the body and the query, which may hold what is secret.
impl fmt::Debug for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiRequest")
            .field("doing", &self.doing)
            .field("method", &self.method)
            .field("path", &self.path.split('?').next().unwrap_or_default())
            .field("repeatable", &self.repeatable)
            .finish_non_exhaustive()
    }
}
