//! What came of one invocation.

use std::sync::Arc;

use lab::{Error, ErrorKind};

/// Which instance served an invocation, and how far it had come: what tells a caller a cold call from a warm one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Stable for the life of this process.
    pub id: Arc<str>,
    /// 0 for the first invocation of this process: that one was cold.
    pub sequence: u64,
    /// How long the process had existed when the invocation began.
    pub uptime_us: u64,
}

impl Identity {
    /// The same as names and values of headers.
    pub fn headers(&self) -> [(&'static str, String); 3] {
        [
            ("X-Instance-Id", self.id.to_string()),
            ("X-Instance-Seq", self.sequence.to_string()),
            ("X-Instance-Uptime-Us", self.uptime_us.to_string()),
        ]
    }
}

/// Why an invocation brought no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The function refused or failed.
    Function(Error),
    /// The function panicked; its message.
    Panicked(String),
    /// The deadline passed before the function was done.
    TimedOut,
    /// More invocations are waiting than this instance takes.
    Overloaded,
}

impl Failure {
    /// The error as functions and platforms exchange it.
    pub fn error(&self) -> Error {
        match self {
            Failure::Function(error) => error.clone(),
            Failure::Panicked(message) => Error::internal(format!("the function panicked: {message}")),
            Failure::TimedOut => Error::limit("the deadline passed before the function was done"),
            Failure::Overloaded => Error::limit("this instance has as many invocations waiting as it takes: try again"),
        }
    }

    /// The HTTP status that says the same.
    pub fn status(&self) -> u16 {
        match self {
            Failure::Panicked(_) => 500,
            Failure::TimedOut => 504,
            Failure::Overloaded => 429,
            Failure::Function(error) => match error.kind {
                ErrorKind::BadRequest => 400,
                ErrorKind::Denied => 403,
                ErrorKind::NotFound => 404,
                ErrorKind::Limit => 413,
                ErrorKind::Unavailable => 503,
                ErrorKind::Internal => 500,
            },
        }
    }

    /// The body of an answer that says the same: `{"error": {"type", "message"}}`.
    pub fn body(&self) -> String {
        error_body(&self.error())
    }

    /// Whether the function itself answered, with an error: it is well and can serve on.
    pub fn is_orderly(&self) -> bool {
        matches!(self, Failure::Function(error) if error.kind != ErrorKind::Internal)
    }
}

/// `{"error": {"type", "message"}}`.
fn error_body(error: &Error) -> String {
    serde_json::json!({ "error": { "type": error.kind.name(), "message": error.message } }).to_string()
}

/// What came of one invocation, and who served it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The function's response, UTF-8 JSON.
    pub result: Result<String, Failure>,
    /// `None` where the invocation did not begin.
    pub identity: Option<Identity>,
}

impl Answer {
    /// The HTTP status: 200, or [`Failure::status`].
    pub fn status(&self) -> u16 {
        self.result.as_ref().map_or_else(Failure::status, |_| 200)
    }

    /// The response, or [`Failure::body`].
    pub fn into_body(self) -> String {
        self.result.unwrap_or_else(|failure| failure.body())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_has_its_status_and_a_body_that_is_json() {
        let function = |kind| Failure::Function(Error::new(kind, "say \"why\""));
        for (failure, status, name) in [
            (function(ErrorKind::BadRequest), 400, "bad-request"),
            (function(ErrorKind::Denied), 403, "denied"),
            (function(ErrorKind::NotFound), 404, "not-found"),
            (function(ErrorKind::Limit), 413, "limit"),
            (function(ErrorKind::Unavailable), 503, "unavailable"),
            (function(ErrorKind::Internal), 500, "internal"),
            (Failure::Panicked("\n".to_owned()), 500, "internal"),
            (Failure::TimedOut, 504, "limit"),
            (Failure::Overloaded, 429, "limit"),
        ] {
            assert_eq!(failure.status(), status);
            let body: serde_json::Value = serde_json::from_str(&failure.body()).unwrap_or_default();
            assert_eq!(body["error"]["type"], name);
            assert!(body["error"]["message"].is_string());
        }
    }
}
