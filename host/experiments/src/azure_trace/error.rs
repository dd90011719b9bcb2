//! What is wrong with a trace.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Malformed rows that are told one by one.
const TOLD: usize = 10;
/// So many malformed rows are left out of any file.
const FEW: u64 = 10;
/// A file with a greater share of them is not what it is taken for.
const SHARE: f64 = 0.01;

/// Why a trace can't be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum TraceError {
    /// The file can't be read.
    #[error("the trace {} can't be read: {reason}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// Its first line is not that of such a file.
    #[error("{} is no such trace: line 1 should begin with {expected}; it has {found}", path.display())]
    Header {
        /// Which.
        path: PathBuf,
        /// The columns that it should have.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// More rows are malformed than can be left out.
    #[error("{} of {} rows of {} are malformed, more than can be left out: {}", malformed.rows, malformed.read, path.display(), malformed.told.join("; "))]
    Malformed {
        /// Which.
        path: PathBuf,
        /// The rows.
        malformed: Malformed,
    },
    /// There is nothing in the window.
    #[error("{} has no call of a function with durations in minutes {from} to {to}; choose another window", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
        /// The first minute, from 0.
        from: u32,
        /// The minute after the last.
        to: u32,
    },
    /// There is more than can be held.
    #[error("{} has more than {most} calls in the window; choose a shorter one", path.display())]
    TooMany {
        /// Which.
        path: PathBuf,
        /// How many can be held.
        most: usize,
    },
}

/// Rows that were left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// How many.
    pub(crate) rows: u64,
    /// Of how many.
    pub(crate) read: u64,
    /// The first of them, each by its line.
    pub(crate) told: Vec<String>,
}

impl Malformed {
    /// Counts a row that is as it should be, or leaves it out.
    pub(crate) fn take<T>(&mut self, line: u64, row: Result<T, String>) -> Option<T> {
        self.read += 1;
        match row {
            Ok(row) => Some(row),
            Err(reason) => {
                self.rows += 1;
                if self.told.len() < TOLD {
                    self.told.push(format!("line {line}: {reason}"));
                }
                None
            }
        }
    }

    /// Refuses a file of which too much was left out.
    ///
    /// # Errors
    /// When that is so.
    pub(crate) fn check(self, path: &std::path::Path) -> Result<Malformed, TraceError> {
        if self.rows > FEW && self.rows as f64 > SHARE * self.read as f64 {
            return Err(TraceError::Malformed { path: path.to_owned(), malformed: self });
        }
        Ok(self)
    }
}
