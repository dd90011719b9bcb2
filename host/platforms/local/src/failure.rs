//! Errors as answers.

use bytes::Bytes;
use lab::{Error, ErrorKind};
use platform::PlatformError;

/// The HTTP status of a function's error, as native images have it.
pub fn status_of(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::BadRequest => 400,
        ErrorKind::NotFound => 404,
        ErrorKind::Denied => 403,
        ErrorKind::Limit => 413,
        ErrorKind::Unavailable => 503,
        ErrorKind::Internal => 500,
    }
}

/// The body of an error: `{"error": {"type", "message"}}`.
pub fn error_body(error: &Error) -> Bytes {
    let body = serde_json::json!({ "error": { "type": error.kind.name(), "message": error.message } });
    Bytes::from(body.to_string())
}

/// Why a call had no answer, as an error of a function, and its HTTP status.
pub(crate) fn as_functions_error(error: &PlatformError) -> (u16, Error) {
    let (status, kind) = match error {
        PlatformError::Overloaded { .. } => (429, ErrorKind::Limit),
        PlatformError::NotFound { .. } => (404, ErrorKind::NotFound),
        PlatformError::Invalid(_) => (400, ErrorKind::BadRequest),
        PlatformError::NoAnswer { .. } => (504, ErrorKind::Unavailable),
        PlatformError::ExitedAtStart { .. } | PlatformError::NotReady { .. } => (502, ErrorKind::Unavailable),
        _ => (503, ErrorKind::Unavailable),
    };
    (status, Error::new(kind, error.to_string()))
}

/// The message in an error's body, or the body itself.
pub(crate) fn message_of(body: &[u8]) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = parsed.as_ref().and_then(|body| body["error"]["message"].as_str());
    message.map_or_else(|| String::from_utf8_lossy(body).chars().take(500).collect(), str::to_owned)
}

/// The same error once more, for another who waits for the same thing.
pub(crate) fn again(error: &PlatformError, platform: &str) -> PlatformError {
    match error {
        PlatformError::ExitedAtStart { name, reason, logs } => {
            PlatformError::ExitedAtStart { name: name.clone(), reason: reason.clone(), logs: logs.clone() }
        }
        PlatformError::NotReady { name, waited, logs } => {
            PlatformError::NotReady { name: name.clone(), waited: *waited, logs: logs.clone() }
        }
        PlatformError::Invalid(message) => PlatformError::Invalid(message.clone()),
        other => PlatformError::Failed {
            platform: platform.to_owned(),
            doing: "starting an instance".to_owned(),
            reason: other.to_string(),
        },
    }
}
