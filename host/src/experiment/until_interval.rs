//! Repeating until the interval of every median is narrow enough.

use std::collections::BTreeMap;

use super::plan::Experiment;
use super::runner::{RunError, Runner, State};
use super::schedule::Unit;
use super::venue::Venue;
use crate::results::row::Level;
use crate::stats::{Bootstrap, Clusters, Confidence, SizeNeeded, clustered_median, processes_for};

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
                                 not within the {:.1}% asked for; {}",
                                until.fraction * 100.0,
                                self.advice(state, workload, until.fraction)
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

    /// What would make the interval narrow enough: told from what was measured.
    fn advice(&self, state: &State, workload: usize, fraction: f64) -> String {
        let needed = self.plan.venues().into_iter().filter_map(|venue| {
            let clusters = self.clusters(state, workload, venue)?;
            match processes_for(&clusters, fraction, Confidence::NINETY_FIVE) {
                SizeNeeded::InAll { needed, .. } => Some((needed, clusters.pooled().len() / clusters.processes())),
                _ => None,
            }
        });
        match needed.max() {
            Some((processes, repetitions)) => format!(
                "as this machine is, that takes about {processes} processes of {repetitions} repetitions each \
                 (--processes, --max-repetitions); a quieter one needs fewer"
            ),
            None => "raise --max-repetitions or quieten the machine".to_owned(),
        }
    }

    /// The warm wall times of a workload in a venue.
    fn clusters(&self, state: &State, workload: usize, venue: Venue) -> Option<Clusters> {
        let processes = state.walls.get(&(workload, venue)).into_iter().flat_map(BTreeMap::values);
        Clusters::new(processes.cloned().collect()).ok()
    }

    /// The widest relative half-interval among a workload's venues, and the fewest repetitions.
    fn widest(&self, state: &State, workload: usize) -> (Option<f64>, u32) {
        let mut widest = Some(0.0_f64);
        let mut fewest = u32::MAX;
        for venue in self.plan.venues() {
            let clusters = self.clusters(state, workload, venue);
            let found = clusters.as_ref().map_or(0, |clusters| clusters.pooled().len());
            fewest = fewest.min(u32::try_from(found).unwrap_or(u32::MAX));
            // The interval that the report will give, so that what was asked for is what is read.
            let width = clusters.and_then(|clusters| {
                let median = clustered_median(&clusters, &Bootstrap::default());
                median.interval?.relative_half_width(median.value)
            });
            widest = widest.zip(width).map(|(widest, width)| widest.max(width));
        }
        (widest, fewest)
    }
}
