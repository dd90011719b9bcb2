//! The `papi` experiment in a simulated processor.

use std::sync::atomic::Ordering;

use super::counting::Counting;
use super::crew::CrewError;
use super::record;
use super::runner::{RunError, Runner, State};
use super::schedule::Unit;
use super::venue::Venue;
use super::workers::Workers;
use crate::worker::{Preparation, ProbeRequest};

/// How much longer everything takes in a simulated processor, as a factor on time limits.
const SIMULATION_SLOWDOWN: u32 = 100;

impl Runner<'_> {
    /// One invocation inside Valgrind. What it counts does not vary, so each process makes one.
    pub(super) async fn simulate(&self, unit: Unit, venue: Venue, state: &mut State) -> Result<(), RunError> {
        let Venue::Worker(engine) = venue else {
            let reason = "a platform's instances can't be run in Valgrind; leave --simulate or --platform away";
            return self.problem(unit, venue, reason, state);
        };
        let process = self.processes.fetch_add(1, Ordering::Relaxed);
        let (command, output) = match Counting::simulator(&self.command, self.folders) {
            Ok(simulator) => simulator,
            Err(reason) => return self.problem(unit, venue, &reason, state),
        };
        let preparation = Preparation { simulated: true, ..self.preparation(unit, engine) };
        let timeout = self.timeout() * SIMULATION_SLOWDOWN;
        let mut workers = match Workers::start(&command, timeout, &preparation, 1).await {
            Ok(workers) => workers,
            Err(error) => return self.gave_up(unit, venue, process, 0, &error.into(), state),
        };
        // The first one warms up outside the counted function.
        let place = self.place(unit, venue, process, 1);
        let outcome = async {
            workers.invoke(&ProbeRequest::Time).await?;
            let measured = workers.invoke(&ProbeRequest::Simulation).await?;
            workers.finish().await?;
            Ok(measured)
        };
        match outcome.await {
            Ok(measured) => {
                for measured in &measured {
                    let recorded = record::measured(&self.journal, place, measured)?;
                    match Counting::simulated(output.path()) {
                        Ok(values) => record::counters(&self.journal, recorded.id, &values)?,
                        Err(reason) => self.problem(unit, venue, &reason, state)?,
                    }
                    self.judge(unit, venue, process, 1, recorded, state)?;
                }
                Ok(())
            }
            Err(error) => self.gave_up(unit, venue, process, 1, &CrewError::Worker(error), state),
        }
    }
}
