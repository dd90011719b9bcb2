//! A platform's error on its way over HTTP.

use std::time::Duration;

use http_protocol::{Response, json};
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};
use lab::{Error, ErrorKind};
use platform::PlatformError;
use serde::{Deserialize, Serialize};

/// Tells an error of the platform from a function's own: its kind.
pub(crate) const ERROR_HEADER: HeaderName = HeaderName::from_static("x-faasbench-error");

/// What a platform can't do, as [`PlatformError::Unsupported`] holds it: a text that lives for ever.
const UNSUPPORTED: [&str; 8] = [
    "invoke without waiting",
    "force a cold start",
    "change the number of instances",
    "show logs",
    "measure by itself",
    "tell what it bills",
    "list what carries our mark",
    "do this",
];

/// The body of a failure: what any client reads, and what ours makes the same error from.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FailureBody {
    error: Told,
    #[serde(default)]
    platform_error: Option<WireError>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Told {
    #[serde(rename = "type")]
    kind: String,
    message: String,
}

/// A [`PlatformError`] that can be written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum WireError {
    Unsupported { platform: String, what: String },
    Unreachable { platform: String, reason: String, advice: String },
    Denied { platform: String, reason: String, advice: String },
    Invalid { message: String },
    NameTaken { platform: String, name: String },
    NotFound { platform: String, name: String },
    ExitedAtStart { name: String, reason: String, logs: String },
    NotReady { name: String, waited_ms: u64, logs: String },
    Overloaded { name: String, waiting: u32 },
    NoAnswer { name: String, waited_ms: u64 },
    Failed { platform: String, doing: String, reason: String },
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl WireError {
    pub(crate) fn new(error: &PlatformError) -> WireError {
        match error {
            PlatformError::Unsupported { platform, what } => {
                WireError::Unsupported { platform: platform.clone(), what: (*what).to_owned() }
            }
            PlatformError::Unreachable { platform, reason, advice } => {
                WireError::Unreachable { platform: platform.clone(), reason: reason.clone(), advice: advice.clone() }
            }
            PlatformError::Denied { platform, reason, advice } => {
                WireError::Denied { platform: platform.clone(), reason: reason.clone(), advice: advice.clone() }
            }
            PlatformError::Invalid(message) => WireError::Invalid { message: message.clone() },
            PlatformError::NameTaken { platform, name } => {
                WireError::NameTaken { platform: platform.clone(), name: name.clone() }
            }
            PlatformError::NotFound { platform, name } => {
                WireError::NotFound { platform: platform.clone(), name: name.clone() }
            }
            PlatformError::ExitedAtStart { name, reason, logs } => {
                WireError::ExitedAtStart { name: name.clone(), reason: reason.clone(), logs: logs.clone() }
            }
            PlatformError::NotReady { name, waited, logs } => {
                WireError::NotReady { name: name.clone(), waited_ms: milliseconds(*waited), logs: logs.clone() }
            }
            PlatformError::Overloaded { name, waiting } => {
                WireError::Overloaded { name: name.clone(), waiting: *waiting }
            }
            PlatformError::NoAnswer { name, waited } => {
                WireError::NoAnswer { name: name.clone(), waited_ms: milliseconds(*waited) }
            }
            PlatformError::Failed { platform, doing, reason } => {
                WireError::Failed { platform: platform.clone(), doing: doing.clone(), reason: reason.clone() }
            }
            other => WireError::Failed {
                platform: "the server".to_owned(),
                doing: "the request".to_owned(),
                reason: other.to_string(),
            },
        }
    }

    /// The same error again.
    pub(crate) fn into_error(self) -> PlatformError {
        match self {
            WireError::Unsupported { platform, what } => {
                let what = UNSUPPORTED.into_iter().find(|known| *known == what).unwrap_or("do this");
                PlatformError::Unsupported { platform, what }
            }
            WireError::Unreachable { platform, reason, advice } => {
                PlatformError::Unreachable { platform, reason, advice }
            }
            WireError::Denied { platform, reason, advice } => PlatformError::Denied { platform, reason, advice },
            WireError::Invalid { message } => PlatformError::Invalid(message),
            WireError::NameTaken { platform, name } => PlatformError::NameTaken { platform, name },
            WireError::NotFound { platform, name } => PlatformError::NotFound { platform, name },
            WireError::ExitedAtStart { name, reason, logs } => PlatformError::ExitedAtStart { name, reason, logs },
            WireError::NotReady { name, waited_ms, logs } => {
                PlatformError::NotReady { name, waited: Duration::from_millis(waited_ms), logs }
            }
            WireError::Overloaded { name, waiting } => PlatformError::Overloaded { name, waiting },
            WireError::NoAnswer { name, waited_ms } => {
                PlatformError::NoAnswer { name, waited: Duration::from_millis(waited_ms) }
            }
            WireError::Failed { platform, doing, reason } => PlatformError::Failed { platform, doing, reason },
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            WireError::Unsupported { .. } => "unsupported",
            WireError::Unreachable { .. } => "unreachable",
            WireError::Denied { .. } => "denied",
            WireError::Invalid { .. } => "invalid",
            WireError::NameTaken { .. } => "name-taken",
            WireError::NotFound { .. } => "not-found",
            WireError::ExitedAtStart { .. } => "exited-at-start",
            WireError::NotReady { .. } => "not-ready",
            WireError::Overloaded { .. } => "overloaded",
            WireError::NoAnswer { .. } => "no-answer",
            WireError::Failed { .. } => "failed",
        }
    }
}

/// The status and the class that say the same as an error.
fn status_and_kind(error: &PlatformError) -> (u16, ErrorKind) {
    match error {
        PlatformError::Unsupported { .. } => (501, ErrorKind::BadRequest),
        PlatformError::Unreachable { .. } => (503, ErrorKind::Unavailable),
        PlatformError::Denied { .. } => (403, ErrorKind::Denied),
        PlatformError::Invalid(_) => (400, ErrorKind::BadRequest),
        PlatformError::NameTaken { .. } => (409, ErrorKind::BadRequest),
        PlatformError::NotFound { .. } => (404, ErrorKind::NotFound),
        PlatformError::ExitedAtStart { .. } => (502, ErrorKind::Unavailable),
        PlatformError::NotReady { .. } => (503, ErrorKind::Unavailable),
        PlatformError::Overloaded { .. } => (429, ErrorKind::Limit),
        PlatformError::NoAnswer { .. } => (504, ErrorKind::Unavailable),
        _ => (500, ErrorKind::Internal),
    }
}

/// A platform's error as an answer. One that is over when others are done says when to try again.
pub(crate) fn failure(error: &PlatformError) -> Response {
    let (status, kind) = status_and_kind(error);
    let wire = WireError::new(error);
    let name = wire.kind();
    let told = Told { kind: kind.name().to_owned(), message: error.to_string() };
    let body = FailureBody { error: told, platform_error: Some(wire) };
    // Texts and numbers alone: this can't fail.
    let mut response = json(status, serde_json::to_vec(&body).unwrap_or_default());
    response.headers_mut().insert(ERROR_HEADER, HeaderValue::from_static(name));
    if status == 429 {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// An answer that refuses a request.
pub(crate) fn refusal(status: u16, error: &Error) -> Response {
    let told = Told { kind: error.kind.name().to_owned(), message: error.message.clone() };
    let body = FailureBody { error: told, platform_error: None };
    let mut response = json(status, serde_json::to_vec(&body).unwrap_or_default());
    response.headers_mut().insert(ERROR_HEADER, HeaderValue::from_static("refused"));
    if status == 429 {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// The error that a failure's body tells.
pub(crate) fn told(status: u16, body: &[u8], platform: &str, doing: &str) -> PlatformError {
    match serde_json::from_slice::<FailureBody>(body) {
        Ok(FailureBody { platform_error: Some(wire), .. }) => wire.into_error(),
        Ok(FailureBody { error, .. }) => match status {
            400 | 404 | 405 | 409 | 410 | 413 => PlatformError::Invalid(error.message),
            401 | 403 => PlatformError::Denied {
                platform: platform.to_owned(),
                reason: error.message,
                advice: "give the server's token in FAASBENCH_TOKEN or FAASBENCH_TOKEN_FILE".to_owned(),
            },
            _ => PlatformError::Failed {
                platform: platform.to_owned(),
                doing: doing.to_owned(),
                reason: format!("status {status}: {}", error.message),
            },
        },
        Err(_) => {
            let said: String = String::from_utf8_lossy(body).trim().chars().take(200).collect();
            PlatformError::Failed {
                platform: platform.to_owned(),
                doing: doing.to_owned(),
                reason: format!("status {status}: {said}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_comes_back_the_same() {
        let text = || "x".to_owned();
        for error in [
            PlatformError::Unsupported { platform: text(), what: "show logs" },
            PlatformError::Unreachable { platform: text(), reason: text(), advice: text() },
            PlatformError::Denied { platform: text(), reason: text(), advice: text() },
            PlatformError::Invalid(text()),
            PlatformError::NameTaken { platform: text(), name: text() },
            PlatformError::NotFound { platform: text(), name: text() },
            PlatformError::ExitedAtStart { name: text(), reason: text(), logs: text() },
            PlatformError::NotReady { name: text(), waited: Duration::from_millis(1500), logs: text() },
            PlatformError::Overloaded { name: text(), waiting: 7 },
            PlatformError::NoAnswer { name: text(), waited: Duration::from_millis(1500) },
            PlatformError::Failed { platform: text(), doing: text(), reason: text() },
        ] {
            let response = failure(&error);
            let status = response.status().as_u16();
            let again = told(status, response.body(), "wasm", "a request");
            assert_eq!((again.to_string(), again.is_users()), (error.to_string(), error.is_users()));
            assert_eq!(response.headers().contains_key(RETRY_AFTER), status == 429);
            assert!(response.headers().contains_key(&ERROR_HEADER));
        }
    }

    #[test]
    fn a_body_of_something_else_is_quoted() {
        let error = told(502, b"<html>bad gateway</html>", "wasm", "a request");
        assert_eq!(error.to_string(), "a request failed on wasm: status 502: <html>bad gateway</html>");
    }
}
