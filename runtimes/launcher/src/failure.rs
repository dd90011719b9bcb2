//! Why nothing was started.

use std::fmt;

/// What could not be done, and why.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Failure {
        Failure(message.into())
    }

    /// `doing` failed with `error`.
    pub(crate) fn of(doing: impl fmt::Display, error: impl fmt::Display) -> Failure {
        Failure(format!("{doing} failed: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
