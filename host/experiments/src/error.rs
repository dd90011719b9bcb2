//! Why an experiment was not carried out.

use platform::PlatformError;
use thiserror::Error;

use crate::SinkError;

/// A request that can't be carried out: the user's mistake.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct RequestError(pub String);

/// Why a unit was not carried out. What it measured before is recorded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// The platform could not do it.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// What was measured could not be recorded, so nothing more is measured.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// It can't be answered from what was measured.
    #[error("{0}")]
    NoAnswer(String),
    /// The request's settings can't be used.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// It was asked to stop.
    #[error("it was stopped")]
    Stopped,
}

impl ExperimentError {
    /// Whether what was asked was the mistake, rather than something failing.
    pub fn is_users(&self) -> bool {
        match self {
            ExperimentError::Platform(error) => error.is_users(),
            ExperimentError::Request(_) => true,
            _ => false,
        }
    }
}
