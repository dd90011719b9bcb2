//! What a run has measured already, so that one that was cut can go on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::plan::Experiment;
use super::venue::Venue;
use crate::results::row::{Invocation, Outcome};
use crate::results::{Filter, Run, Store, StoreError};

/// One venue's part of a unit: experiment, function, size, round and venue.
type Part = (String, String, String, u32, Venue);

/// What is stored of a run. Empty for a run that begins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Done {
    /// Successful invocations of every repetition.
    invocations: BTreeMap<Part, BTreeMap<u32, usize>>,
    /// Wall times of warm invocations of `time` in their processes, by function, size and venue.
    walls: BTreeMap<(String, String, Venue), BTreeMap<u32, Vec<f64>>>,
    /// Digests of results by function and size, each with a venue that gave it.
    digests: BTreeMap<(String, String), BTreeMap<String, Venue>>,
    next_process: u32,
    next_round: u32,
}

impl Done {
    /// Reads what is stored of a run.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn read(store: &Store, run: &Run) -> Result<Done, StoreError> {
        let mut done = Done::default();
        store
            .for_each::<Invocation>(run.number, &Filter::default(), |stored| {
                done.add(stored.row);
                ControlFlow::Continue(())
            })
            .await?;
        Ok(done)
    }

    fn add(&mut self, row: Invocation) {
        if let Some(process) = row.process {
            self.next_process = self.next_process.max(process + 1);
        }
        self.next_round = self.next_round.max(row.round + 1);
        let Outcome::Ok { result_digest } = row.outcome else { return };
        // What another version of faasbench measured elsewhere is not part of this plan.
        let Some(venue) = Venue::stored(&row.engine, &row.platform) else { return };
        if let Some(digest) = result_digest {
            let digests = self.digests.entry((row.function.clone(), row.size.clone())).or_default();
            digests.entry(digest).or_insert(venue);
        }
        if row.repetition == 0 {
            return;
        }
        if let (Some(wall_ns), Some(process)) = (row.wall_ns, row.process)
            && row.experiment == Experiment::Time.name()
        {
            let walls = self.walls.entry((row.function.clone(), row.size.clone(), venue)).or_default();
            walls.entry(process).or_default().push(wall_ns as f64);
        }
        let part = (row.experiment, row.function, row.size, row.round, venue);
        *self.invocations.entry(part).or_default().entry(row.repetition).or_default() += 1;
    }

    /// How many warm invocations are there.
    pub fn warm_invocations(&self) -> usize {
        self.invocations.values().flat_map(BTreeMap::values).sum()
    }

    /// The repetitions of a unit that a venue need not do again: those with at least `each` successful invocations.
    pub(super) fn repetitions(
        &self,
        experiment: Experiment,
        function: &str,
        size: &str,
        round: u32,
        venue: Venue,
        each: usize,
    ) -> BTreeSet<u32> {
        let part = (experiment.name().to_owned(), function.to_owned(), size.to_owned(), round, venue);
        let stored = self.invocations.get(&part).into_iter().flatten();
        stored.filter(|(_, count)| **count >= each).map(|(repetition, _)| *repetition).collect()
    }

    /// The wall times of a workload in a venue, by process.
    pub(super) fn walls(&self, function: &str, size: &str, venue: Venue) -> BTreeMap<u32, Vec<f64>> {
        let key = (function.to_owned(), size.to_owned(), venue);
        self.walls.get(&key).cloned().unwrap_or_default()
    }

    /// The digests of a workload's results.
    pub(super) fn digests(&self, function: &str, size: &str) -> BTreeMap<String, Venue> {
        self.digests.get(&(function.to_owned(), size.to_owned())).cloned().unwrap_or_default()
    }

    /// The number of the next worker process.
    pub(super) fn next_process(&self) -> u32 {
        self.next_process
    }

    /// The round after all that are stored.
    pub(super) fn next_round(&self) -> u32 {
        self.next_round
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineKind;

    fn invocation(repetition: u32, ok: bool) -> Invocation {
        Invocation {
            experiment: "papi".into(),
            function: "function1".into(),
            size: "test".into(),
            engine: "wasm".into(),
            platform: "in-process".into(),
            deployment: None,
            process: Some(4),
            round: 2,
            repetition,
            is_cold: repetition == 0,
            intended_unix_ns: None,
            start_unix_ns: 0,
            wall_ns: None,
            user_ns: None,
            system_ns: None,
            time_absent_reason: None,
            outcome: match ok {
                true => Outcome::Ok { result_digest: Some("sha256:1".into()) },
                false => Outcome::Error { kind: "limit".into(), message: "too slow".into() },
            },
            instance_identifier: None,
            response: None,
        }
    }

    #[test]
    fn a_repetition_counts_when_all_of_its_invocations_succeeded() {
        let mut done = Done::default();
        for (repetition, ok) in [(0, true), (1, true), (1, true), (2, true), (3, true), (3, false)] {
            done.add(invocation(repetition, ok));
        }
        let of =
            |each| done.repetitions(Experiment::Papi, "function1", "test", 2, Venue::Worker(EngineKind::Wasm), each);
        assert_eq!(of(1), BTreeSet::from([1, 2, 3]));
        assert_eq!(of(2), BTreeSet::from([1]));
        assert_eq!(
            done.repetitions(Experiment::Papi, "function1", "test", 1, Venue::Worker(EngineKind::Wasm), 1),
            BTreeSet::new()
        );
        assert_eq!((done.next_process(), done.next_round(), done.warm_invocations()), (5, 3, 4));
        assert_eq!(done.digests("function1", "test").len(), 1);
    }
}
