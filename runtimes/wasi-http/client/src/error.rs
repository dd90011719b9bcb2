//! Errors, before they become those of `wit/lab.wit`.

use alloc::format;
use alloc::string::String;

/// The class of an error, as in `lab::ErrorKind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The event is not one that this function accepts.
    BadRequest,
    /// An object or a function of that name does not exist.
    NotFound,
    /// The platform does not allow this.
    Denied,
    /// A limit was reached.
    Limit,
    /// The platform could not do it now.
    Unavailable,
    /// A fault of the function or of the platform.
    Internal,
}

/// What could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Its class.
    pub kind: Kind,
    /// What happened, to what, and what to do next.
    pub message: String,
}

impl Error {
    /// An error of `kind`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into() }
    }
}

impl Kind {
    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Some(match name {
            "bad-request" => Kind::BadRequest,
            "not-found" => Kind::NotFound,
            "denied" => Kind::Denied,
            "limit" => Kind::Limit,
            "unavailable" => Kind::Unavailable,
            "internal" => Kind::Internal,
            _ => return None,
        })
    }

    /// The kind that an HTTP status of a failure stands for, as `lab::ErrorKind` has it.
    pub fn from_http_status(status: u16) -> Kind {
        match status {
            400 | 405 | 406 | 415 | 422 => Kind::BadRequest,
            401 | 403 => Kind::Denied,
            404 | 410 => Kind::NotFound,
            413 | 429 => Kind::Limit,
            408 | 502 | 503 | 504 => Kind::Unavailable,
            _ => Kind::Internal,
        }
    }
}

/// `: ` and the beginning of a body, where it is text.
pub fn excerpt(body: &[u8]) -> String {
    let text: String = core::str::from_utf8(body).unwrap_or_default().trim().chars().take(200).collect();
    if text.is_empty() { text } else { format!(": {text}") }
}

/// Kinds as `wit/lab.wit` has them, of the bindings whose `types` are given.
#[macro_export]
macro_rules! to_wit {
    ($types:ident) => {
        fn to_wit(error: $crate::error::Error) -> $types::Error {
            use $crate::error::Kind;
            let kind = match error.kind {
                Kind::BadRequest => $types::ErrorKind::BadRequest,
                Kind::NotFound => $types::ErrorKind::NotFound,
                Kind::Denied => $types::ErrorKind::Denied,
                Kind::Limit => $types::ErrorKind::Limit,
                Kind::Unavailable => $types::ErrorKind::Unavailable,
                Kind::Internal => $types::ErrorKind::Internal,
            };
            $types::Error { kind, message: error.message }
        }
    };
}
