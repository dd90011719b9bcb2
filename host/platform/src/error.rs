//! Why a platform did not do what it was asked.

use std::time::Duration;

use thiserror::Error;

use crate::LedgerError;

/// Why a platform did not do what it was asked. Messages name what it happened to and what to do next.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlatformError {
    /// The platform can't do this at all.
    #[error("{platform} can't {what}")]
    Unsupported {
        /// The platform's name.
        platform: String,
        /// What was asked, as in "force a cold start".
        what: &'static str,
    },
    /// The platform is not there, or does not answer.
    #[error("{platform} can't be reached: {reason}; {advice}")]
    Unreachable {
        /// The platform's name.
        platform: String,
        /// What was seen.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// It does not let us.
    #[error("{platform} refused: {reason}; {advice}")]
    Denied {
        /// The platform's name.
        platform: String,
        /// What was seen.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// The request is not one that the platform accepts: a mistake of the user's.
    #[error("{0}")]
    Invalid(String),
    /// The name is taken by something that is not ours.
    #[error(
        "{platform} already has `{name}`, which faasbench did not create; choose another name or remove it yourself"
    )]
    NameTaken {
        /// The platform's name.
        platform: String,
        /// The name.
        name: String,
    },
    /// There is no such deployment.
    #[error("{platform} has no deployment `{name}`; `faasbench deploy` makes one")]
    NotFound {
        /// The platform's name.
        platform: String,
        /// The name.
        name: String,
    },
    /// An instance ended before it could serve.
    #[error("{name} ended at its start: {reason}{}", said(.logs))]
    ExitedAtStart {
        /// The deployment's name.
        name: String,
        /// Its exit status or signal.
        reason: String,
        /// The last of what it printed.
        logs: String,
    },
    /// It did not become ready in time.
    #[error("{name} was not ready after {} s{}", .waited.as_secs_f64(), said(.logs))]
    NotReady {
        /// The deployment's name.
        name: String,
        /// How long was waited.
        waited: Duration,
        /// The last of what it printed.
        logs: String,
    },
    /// As many wait for an instance as may.
    #[error("{name} is overloaded: {waiting} invocations wait already; send fewer at once or raise --queue or --max")]
    Overloaded {
        /// The deployment's name.
        name: String,
        /// How many wait.
        waiting: u32,
    },
    /// No answer came within the caller's patience.
    #[error("no answer of {name} within {} s", .waited.as_secs_f64())]
    NoAnswer {
        /// The deployment's name.
        name: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The ledger could not be written, so nothing was created.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Anything else that failed there.
    #[error("{doing} failed on {platform}: {reason}")]
    Failed {
        /// The platform's name.
        platform: String,
        /// What was being done, as in "starting a container".
        doing: String,
        /// The reason.
        reason: String,
    },
}

fn said(logs: &str) -> String {
    let logs = logs.trim();
    if logs.is_empty() { String::new() } else { format!("; it printed: {logs}") }
}

impl PlatformError {
    /// Whether what was asked was the mistake, rather than something failing.
    pub fn is_users(&self) -> bool {
        matches!(
            self,
            PlatformError::Unsupported { .. }
                | PlatformError::Invalid(_)
                | PlatformError::NameTaken { .. }
                | PlatformError::NotFound { .. }
        )
    }
}
