//! What a stored run has of its experiments' units.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use experiments::{Earlier, Outcome};
use serde::{Deserialize, Serialize};

use crate::results::row::Document;
use crate::results::{Filter, Run, Store, StoreError};

/// The kind of the document that holds what came of a unit: a `StoredUnit`.
pub const UNIT: &str = "unit";
/// The kind of the documents that hold what a unit had measured before its end: a `StoredUnit`. Of those of one unit that are the
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
    // The run's first process was 0, also where it recorded no call.
    Ok(store.last_process(run.number).await?.map_or(1, |last| last.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use experiments::{Estimate, Unit};
    use serde_json::json;

    use super::*;

    /// What round 0 of an experiment had measured as that part, by that process.
    fn stored(client: u32, part: u32, measured: u32) -> StoredUnit {
        let unit = Unit {
            experiment: "some".to_owned(),
            target: "t".to_owned(),
            function: "f".to_owned(),
            size: "test".to_owned(),
            variant: String::new(),
            round: 0,
            parameters: json!({}),
            estimate: Estimate::default(),
        };
        StoredUnit { outcome: Outcome { unit, measured: json!(measured), cut: None }, client, part }
    }

    const KEY: &str = "some/t/f/test//0";

    #[test]
    fn the_latest_of_each_part_counts_and_those_of_the_last_process() {
        let mut units = StoredUnits::default();
        for (client, part, measured) in [(0, 0, 1), (0, 1, 2), (0, 1, 3)] {
            units.take(stored(client, part, measured), (0, false));
        }
        assert_eq!(units.clone().earlier().saved[KEY], [json!(1), json!(3)]);
        units.take(stored(1, 0, 4), (0, false));
        assert_eq!(units.clone().earlier().saved[KEY], [json!(4)]);
        units.take(stored(1, 0, 5), (0, true));
        let earlier = units.earlier();
        assert!(earlier.saved.is_empty());
        assert_eq!(earlier.done[KEY], json!(5));
    }

    #[test]
    fn what_was_not_done_is_told_from_what_was() {
        let mut units = StoredUnits::default();
        units.take(stored(0, 0, 1), (7, false));
        assert!(units.of("some").is_none(), "nothing is known of when");
        units.last.insert("some".to_owned(), 7);
        let (last, outcomes) = units.of("some").unwrap_or_default();
        assert_eq!((last, outcomes.len(), outcomes[0].cut.is_some()), (7, 1, true));
        units.take(stored(0, 0, 2), (8, true));
        assert!(units.of("some").is_some_and(|(_, outcomes)| outcomes.len() == 1 && outcomes[0].cut.is_none()));
        assert!(units.of("other").is_none());
    }

    #[test]
    fn a_document_of_before_there_were_parts_is_read() {
        let mut document = serde_json::to_value(stored(0, 0, 1)).unwrap_or_default();
        document.as_object_mut().map(|fields| fields.remove("part"));
        assert_eq!(serde_json::from_value::<StoredUnit>(document).ok(), Some(stored(0, 0, 1)));
    }
}
