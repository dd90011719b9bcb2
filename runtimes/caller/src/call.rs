//! What an image asks for, and what it is answered.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Builder;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

/// The most letters that are shown of what a service says.
const SHOWN: usize = 300;

/// A status, the kind of an error, and its message.
pub(crate) type Failure = (u16, &'static str, String);

/// An answer to an image.
pub(crate) type Answer = Response<Full<Bytes>>;

/// One nested call.
pub(crate) struct Call {
    /// The function, as the path has it.
    pub(crate) name: String,
    /// The caller's trace, W3C.
    pub(crate) traceparent: Option<HeaderValue>,
    pub(crate) tracestate: Option<HeaderValue>,
    pub(crate) body: Bytes,
}

impl Call {
    /// The name, if it is made of letters, digits, `-` and these others, and not longer than that.
    pub(crate) fn name(&self, others: &[u8], longest: usize) -> Result<&str, Failure> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || others.contains(&byte);
        if self.name.is_empty() || self.name.len() > longest || !self.name.bytes().all(plain) {
            return Err((400, "bad-request", "a call is POST /FUNCTION with the function's name".to_owned()));
        }
        Ok(&self.name)
    }

    /// A POST of the event in JSON, with the caller's trace as it is.
    pub(crate) fn post(&self) -> Builder {
        let mut builder = Request::builder().method(Method::POST).header(CONTENT_TYPE, "application/json");
        for (name, value) in [("traceparent", &self.traceparent), ("tracestate", &self.tracestate)] {
            if let Some(value) = value {
                builder = builder.header(HeaderName::from_static(name), value);
            }
        }
        builder
    }

    /// What a service in front of functions, or a function, has answered to a POST. An error that is not a function's own becomes
    /// one that says whose it is, with `advice`.
    pub(crate) fn answered(
        &self,
        service: &str,
        status: StatusCode,
        body: Bytes,
        advice: &str,
    ) -> Result<Answer, Failure> {
        let status = status.as_u16();
        if (200..300).contains(&status) || is_own_error(&body) {
            return Ok(respond(status, body));
        }
        let said = shown(&String::from_utf8_lossy(&body));
        let mut message = format!("{service} answered the call of `{}` with status {status}", self.name);
        for part in [said.as_str(), advice].iter().filter(|part| !part.is_empty()) {
            message = format!("{message}: {part}");
        }
        // A redirection leads to a login, and nowhere that a function is.
        let status = if status < 400 { 502 } else { status };
        Err((status, kind(status), message))
    }
}

/// The kind of error that a status of a service is.
pub(crate) fn kind(status: u16) -> &'static str {
    match status {
        401 | 403 => "denied",
        404 => "not-found",
        413 | 429 => "limit",
        400..=499 => "bad-request",
        _ => "unavailable",
    }
}

/// The beginning of what was said, on one line.
pub(crate) fn shown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(SHOWN).collect()
}

/// An error in our own form.
pub fn error_body(kind: &str, message: &str) -> String {
    json!({ "error": { "type": kind, "message": message } }).to_string()
}

/// Whether a body is an error of one of our functions.
fn is_own_error(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["error"]["type"].is_string() && body["error"]["message"].is_string()
}

/// An answer of JSON.
pub(crate) fn respond(status: u16, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
