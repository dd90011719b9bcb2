//! The one error that functions and platforms exchange.

use std::{fmt, io};

/// The class of an [`Error`]: who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The event is not one that this function accepts.
    BadRequest,
    /// An object or a function of that name does not exist.
    NotFound,
    /// The platform does not allow this.
    Denied,
    /// A limit of the instance or of the function was reached.
    Limit,
    /// The platform could not do it now.
    Unavailable,
    /// A fault of the function or of the platform.
    Internal,
}

impl ErrorKind {
    /// All of them.
    pub const ALL: [ErrorKind; 6] = [
        ErrorKind::BadRequest,
        ErrorKind::NotFound,
        ErrorKind::Denied,
        ErrorKind::Limit,
        ErrorKind::Unavailable,
        ErrorKind::Internal,
    ];

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<ErrorKind> {
        ErrorKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind that an HTTP status of a failure stands for.
    pub fn from_http_status(status: u16) -> ErrorKind {
        match status {
            400 | 405 | 406 | 415 | 422 => ErrorKind::BadRequest,
            401 | 403 => ErrorKind::Denied,
            404 | 410 => ErrorKind::NotFound,
            413 | 429 => ErrorKind::Limit,
            408 | 502 | 503 | 504 => ErrorKind::Unavailable,
            _ => ErrorKind::Internal,
        }
    }

    /// The name used in records and on the wire: `bad-request`.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::BadRequest => "bad-request",
            ErrorKind::NotFound => "not-found",
            ErrorKind::Denied => "denied",
            ErrorKind::Limit => "limit",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Internal => "internal",
        }
    }
}

/// Why a function or a platform could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Its class.
    pub kind: ErrorKind,
    /// What happened, to what, and what to do next.
    pub message: String,
}

impl Error {
    /// An error of `kind`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into() }
    }

    /// An error in the event.
    pub fn bad_request(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::BadRequest, message)
    }

    /// A missing object or function.
    pub fn not_found(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::NotFound, message)
    }

    /// A limit that was reached.
    pub fn limit(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Limit, message)
    }

    /// A fault that is not the caller's.
    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Internal, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for Error {}

/// An [`Error`] that crossed an [`io`] interface comes back whole; any other I/O error is internal.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        match error.downcast::<Error>() {
            Ok(ours) => ours,
            Err(other) => Error::internal(other.to_string()),
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        io::Error::other(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_way_through_an_io_interface() {
        let error = Error::not_found("no object 'a' in bucket 'b'");
        assert_eq!(Error::from(io::Error::from(error.clone())), error);
    }
}
