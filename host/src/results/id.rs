//! Identities of runs and of what they record.

use std::{fmt, ops::Range};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The number of a run in its database, from 1. People use [`super::Run::id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RunNumber(pub(super) i64);

/// An invocation, unique in its database. Comes from [`super::Recorder::reserve`] or from a stored row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct InvocationId(pub(super) i64);

/// How many rows of a kind a run may have.
const ROWS_PER_RUN: i64 = 1 << 32;

impl RunNumber {
    /// The id of the first row of this run, in every table.
    pub(super) fn first_row(self) -> i64 {
        self.0 * ROWS_PER_RUN
    }

    /// The id of the first of the notes that are not made by the run's recorder while it goes on, and so are not to meet
    /// with those that are.
    pub(super) fn first_note_apart(self) -> i64 {
        self.first_row() + ROWS_PER_RUN / 2
    }

    /// The ids that rows of this run have, in every table.
    pub(super) fn rows(self) -> Range<i64> {
        self.first_row()..self.first_row() + ROWS_PER_RUN
    }
}

impl InvocationId {
    /// The id as it stands in the database.
    pub fn get(self) -> i64 {
        self.0
    }

    /// The invocation with that id in the database: what [`InvocationId::get`] gave.
    pub fn from_number(number: i64) -> InvocationId {
        InvocationId(number)
    }

    /// The run that it belongs to.
    pub fn run(self) -> RunNumber {
        RunNumber(self.0 / ROWS_PER_RUN)
    }
}

impl fmt::Display for RunNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for InvocationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Crockford's base 32: digits before letters, so that text sorts as numbers do, and nothing that reads like another.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// An id for a run created at `unix_ns`: seven digits of seconds (they last until the year 3058) and four random ones.
pub(super) fn run_id(unix_ns: i64) -> String {
    let seconds = unix_ns.max(0) / 1_000_000_000;
    let random = uuid::Uuid::new_v4().as_u128();
    let time = (0..7).rev().map(|place| seconds >> (5 * place));
    // The lowest 48 bits of a version 4 UUID are random.
    let unique = (0..4).map(|place| (random >> (5 * place)) as i64);
    time.chain(unique).map(|digit| char::from(DIGITS[(digit & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_sort_by_time_and_differ_within_a_second() {
        let second = 1_000_000_000;
        let ids: Vec<String> = (0..2_000).map(|step| run_id(step * 97 * 8_640 * second)).collect();
        assert!(ids.is_sorted_by(|a, b| a[..7] <= b[..7]), "{ids:?}");
        assert!(ids.iter().all(|id| id.len() == 11));
        assert_ne!(run_id(second), run_id(second));
    }

    #[test]
    fn rows_of_neighbouring_runs_never_meet() {
        assert_eq!(RunNumber(1).rows().end, RunNumber(2).first_row());
        assert_eq!(InvocationId(RunNumber(7).rows().end - 1).run(), RunNumber(7));
    }
}
