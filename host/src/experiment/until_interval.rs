//! Repeating until the interval of every median is narrow enough.

use std::collections::BTreeMap;

use super::plan::Experiment;
use super::runner::{RunError, Runner, State};
use super::schedule::Unit;
use crate::results::row::Level;
use crate::stats::{Bootstrap, Clusters, clustered_median};

/// Repetitions that are run before an interval is looked at again.
const REPETITIONS_BETWEEN_LOOKS: u32 = 10;

impl Runner<'_> {
    /// Goes on with workloads whose intervals are still too wide.
    pub(super) async fn until_interval(&self, state: &mut State) -> Result<(), RunError> {
        let Some(until) = self.plan.until_interval else { return Ok(()) };
        if !self.plan.experiments.iter().any(|planned| planned.experiment == Experiment::Time) {
            return Ok(());
        }
        let mut process = self.plan.processes.max(self.done.next_round());
        for workload in 0..self.workloads.len() {
            loop {
                let (widest, fewest) = self.widest(state, workload);
                let narrow = widest.is_some_and(|width| width <= until.fraction);
                if narrow || fewest == 0 || fewest >= until.max_repetitions || self.interrupted() {
                    if !narrow && !self.interrupted() {
                        let name = self.name(workload);
                        let reached = widest.map_or("unknown".to_owned(), |width| format!("{:.1}%", width * 100.0));
                        self.note(
                            Level::Warning,
                            &format!(
                                "{name}: the interval of the median is within {reached} after {fewest} repetitions, \
                                 not within the {:.1}% asked for; raise --max-repetitions or quieten the machine",
                                until.fraction * 100.0
                            ),
                        )?;
                    }
                    break;
                }
                self.progress.more_steps(1);
                let repetitions = REPETITIONS_BETWEEN_LOOKS.max(fewest / 2).min(until.max_repetitions - fewest);
                self.unit(Unit { experiment: Experiment::Time, workload, process, repetitions }, state).await?;
                self.progress.step();
                process += 1;
            }
        }
        Ok(())
    }

    /// The widest relative half-interval among a workload's engines, and the fewest repetitions.
    fn widest(&self, state: &State, workload: usize) -> (Option<f64>, u32) {
        let mut widest = Some(0.0_f64);
        let mut fewest = u32::MAX;
        for engine in &self.plan.engines {
            let processes: Vec<Vec<f64>> =
                state.walls.get(&(workload, *engine)).into_iter().flat_map(BTreeMap::values).cloned().collect();
            fewest = fewest.min(processes.iter().map(Vec::len).sum::<usize>().try_into().unwrap_or(u32::MAX));
            // The interval that the report will give, so that what was asked for is what is read.
            let width = Clusters::new(processes).ok().and_then(|clusters| {
                let median = clustered_median(&clusters, &Bootstrap::default());
                median.interval?.relative_half_width(median.value)
            });
            widest = widest.zip(width).map(|(widest, width)| widest.max(width));
        }
        (widest, fewest)
    }
}
