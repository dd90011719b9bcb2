//! The `papi` experiment in a simulated processor.

use std::sync::atomic::Ordering;

use super::counting::Counting;
use super::crew::Crew;
use super::record;
use super::runner::{RunError, Runner, State};
use super::schedule::Unit;
use crate::engine::EngineKind;
use crate::worker::{Preparation, ProbeRequest};

/// How much longer everything takes in a simulated processor, as a factor on time limits.
const SIMULATION_SLOWDOWN: u32 = 100;

impl Runner<'_> {
    /// One invocation inside Valgrind. What it counts does not vary, so each process makes one.
    pub(super) async fn simulate(&self, unit: Unit, engine: EngineKind, state: &mut State) -> Result<(), RunError> {
        let process = self.processes.fetch_add(1, Ordering::Relaxed);
        let (command, output) = match Counting::simulator(&self.command, self.folders) {
            Ok(simulator) => simulator,
            Err(reason) => return self.problem(unit, engine, &reason, state),
        };
        let preparation = Preparation { simulated: true, ..self.preparation(unit, engine) };
        let timeout = self.timeout() * SIMULATION_SLOWDOWN;
        let mut crew = match Crew::start(&command, timeout, process, &preparation, 1).await {
            Ok(crew) => crew,
            Err(error) => return self.gave_up(unit, engine, process, 0, &error, state),
        };
        // The first one warms up outside the counted function.
        let place = self.place(unit, engine, process, 1);
        let outcome = async {
            crew.invoke(&ProbeRequest::Time).await?;
            let measured = crew.invoke(&ProbeRequest::Simulation).await?;
            crew.finish().await?;
            Ok(measured)
        };
        match outcome.await {
            Ok(measured) => {
                for measured in &measured {
                    let recorded = record::measured(&self.journal, place, measured)?;
                    match Counting::simulated(output.path()) {
                        Ok(values) => record::counters(&self.journal, recorded.id, &values)?,
                        Err(reason) => self.problem(unit, engine, &reason, state)?,
                    }
                    self.judge(unit, engine, process, 1, recorded, state)?;
                }
                Ok(())
            }
            Err(error) => self.gave_up(unit, engine, process, 1, &error, state),
        }
    }
}
