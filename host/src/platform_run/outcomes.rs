//! What a stored run has of its experiments' units.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use experiments::{Earlier, Outcome};
use serde::{Deserialize, Serialize};

use crate::results::row::{Document, Invocation};
use crate::results::{Filter, Run, Store, StoreError};

/// The kind of the document that holds what came of a unit: a [`StoredUnit`].
pub const UNIT: &str = "unit";
/// The kind of the documents that hold what a unit had measured before its end: a [`StoredUnit`]. Of those of one unit that are the
/// same part the latest counts, and of those of several processes the last one's.
pub const UNIT_SO_FAR: &str = "unit-so-far";
/// The kind of the document that holds an experiment's answer: [`experiments::Finding`].
pub const FINDING: &str = "finding";
/// The kind of the document that holds a part of a trace: [`experiments::Span`].
pub const SPAN: &str = "span";

/// What a unit measured, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredUnit {
    #[serde(flatten)]
    pub(super) outcome: Outcome,
    /// Which of the processes that carried out the run wrote it, from 0. Where a unit was begun again, its calls are those that count.
    #[serde(default)]
    pub(super) client: u32,
    /// Which part of what was measured it is.
    #[serde(default)]
    pub(super) part: u32,
}

/// What a stored run has of its units.
#[derive(Debug, Clone, Default)]
pub struct StoredUnits {
    /// Those that are done, by their keys, with the ids of their documents.
    done: BTreeMap<String, (i64, Outcome)>,
    /// What others had saved, by their keys: the process, and its parts.
    saved: BTreeMap<String, (u32, BTreeMap<u32, Outcome>)>,
    /// The id of the last document of each experiment.
    last: BTreeMap<String, i64>,
}

impl StoredUnits {
    /// Reads them.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn read(store: &Store, run: &Run) -> Result<StoredUnits, StoreError> {
        let mut units = StoredUnits::default();
        for kind in [UNIT_SO_FAR, UNIT] {
            let filter = Filter { name: Some(kind.to_owned()), ..Filter::default() };
            store
                .for_each::<Document>(run.number, &filter, |stored| {
                    // One that another version wrote otherwise is done again.
                    if let Ok(unit) = serde_json::from_str::<StoredUnit>(&stored.row.document) {
                        let last = units.last.entry(unit.outcome.unit.experiment.clone()).or_default();
                        *last = stored.id.max(*last);
                        units.take(unit, (stored.id, kind == UNIT));
                    }
                    ControlFlow::Continue(())
                })
                .await?;
        }
        Ok(units)
    }

    fn take(&mut self, stored: StoredUnit, (id, is_done): (i64, bool)) {
        let StoredUnit { outcome, client, part } = stored;
        let key = outcome.unit.key();
        if is_done {
            self.saved.remove(&key);
            self.done.insert(key, (id, outcome));
            return;
        }
        let (of, parts) = self.saved.entry(key).or_default();
        if *of != client {
            (*of, *parts) = (client, BTreeMap::new());
        }
        parts.insert(part, outcome);
    }

    /// What a run that goes on with it has of it.
    pub fn earlier(self) -> Earlier {
        let saved = self.saved.into_iter();
        Earlier {
            done: self.done.into_iter().map(|(key, (_, outcome))| (key, outcome.measured)).collect(),
            saved: saved
                .map(|(key, (_, parts))| (key, parts.into_values().map(|outcome| outcome.measured).collect()))
                .collect(),
        }
    }

    /// What an experiment's answer is drawn from, and the id of the last document of it.
    pub(super) fn of(&self, experiment: &str) -> Option<(i64, Vec<Outcome>)> {
        let is_its = |outcome: &&Outcome| outcome.unit.experiment == experiment;
        let cut =
            |outcome: &Outcome| Outcome { cut: Some("its process ended before it did".to_owned()), ..outcome.clone() };
        let saved = self.saved.values().flat_map(|(_, parts)| parts.values()).filter(is_its).map(cut);
        let mut done: Vec<&(i64, Outcome)> = self.done.values().filter(|(_, outcome)| is_its(&outcome)).collect();
        // In the order in which they were done.
        done.sort_by_key(|(id, _)| *id);
        let outcomes = done.into_iter().map(|(_, outcome)| outcome.clone()).chain(saved).collect();
        Some((*self.last.get(experiment)?, outcomes))
    }
}

/// The number of the process that goes on with a run: one more than the greatest that made calls of it.
///
/// # Errors
/// When the database can't be read.
pub async fn next_client(store: &Store, run: &Run) -> Result<u32, StoreError> {
    let mut next = 1;
    store
        .for_each::<Invocation>(run.number, &Filter::default(), |stored| {
            next = next.max(stored.row.process.map_or(0, |process| process + 1));
            ControlFlow::Continue(())
        })
        .await?;
    Ok(next)
}
