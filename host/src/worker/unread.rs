//! Why something is absent.

use std::fmt;

/// The first reason why something could not be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unread {
    pub(crate) reason: Option<String>,
}

impl Unread {
    /// The value; an error is kept as the reason, where there is none yet.
    pub(crate) fn keep<T, E: fmt::Display>(&mut self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.reason.get_or_insert_with(|| error.to_string());
                None
            }
        }
    }
}
