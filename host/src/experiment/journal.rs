//! Where an experiment's results go, and who is told when they are late.

use super::progress::Progress;
use crate::results::row::Level;
use crate::results::{InvocationId, RecordError, Recorder, Row};

/// A recorder whose troubles are said and don't end the run, for as long as every row is taken.
#[derive(Debug, Clone)]
pub struct Journal<'a> {
    recorder: &'a Recorder,
    progress: Progress,
}

impl<'a> Journal<'a> {
    /// Writes to `recorder`, and says on `progress` what goes wrong meanwhile.
    pub fn new(recorder: &'a Recorder, progress: Progress) -> Journal<'a> {
        Journal { recorder, progress }
    }

    /// An id for an invocation that is about to be recorded.
    pub(super) fn reserve(&self) -> InvocationId {
        self.recorder.reserve()
    }

    /// Records a row.
    ///
    /// # Errors
    /// When it was not taken.
    pub(super) fn record(&self, row: impl Into<Row>) -> Result<(), RecordError> {
        self.taken(self.recorder.record(row))
    }

    /// Records a note.
    ///
    /// # Errors
    /// When it was not taken.
    pub fn note(&self, level: Level, text: impl Into<String>) -> Result<(), RecordError> {
        self.taken(self.recorder.note(level, text))
    }

    fn taken(&self, result: Result<(), RecordError>) -> Result<(), RecordError> {
        match result {
            Err(error) if error.was_taken() => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                self.progress.line(&format!("warning: {error}{cause}"));
                Ok(())
            }
            result => result,
        }
    }
}
