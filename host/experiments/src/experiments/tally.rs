//! Calls counted, and what became of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Call;

/// Calls, and the failed ones by their kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// All that were made.
    pub(crate) calls: u64,
    /// Those that failed.
    pub(crate) failures: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts one more.
    pub(crate) fn count(&mut self, call: &Call) {
        self.calls += 1;
        if let Some(failure) = &call.failure {
            *self.failures.entry(failure.kind.clone()).or_default() += 1;
        }
    }

    /// Those of another part as well.
    pub(crate) fn add(&mut self, other: &Tally) {
        self.calls += other.calls;
        for (kind, number) in &other.failures {
            *self.failures.entry(kind.clone()).or_default() += number;
        }
    }

    /// How many failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// `3 of 20 calls failed: 2 limit, 1 no-answer`.
    pub(crate) fn in_words(&self) -> String {
        if self.failed() == 0 {
            return format!("none of {} calls failed", self.calls);
        }
        let kinds: Vec<String> = self.failures.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
        format!("{} of {} calls failed: {}", self.failed(), self.calls, kinds.join(", "))
    }
}
