//! Starting what is invoked in one round of a venue.

use std::sync::atomic::Ordering;

use super::crew::{Crew, CrewError};
use super::plan::Experiment;
use super::runner::{Invoked, RunError, Runner, State};
use super::sandboxes::{Round, Sandboxes};
use super::schedule::Unit;
use super::venue::Venue;
use super::workers::Workers;
use crate::engine::EngineKind;
use crate::worker::{Preparation, ProbeRequest};

impl Runner<'_> {
    /// Starts the instances of one venue and makes their first invocation, which is the cold one.
    pub(super) async fn start(&self, unit: Unit, venue: Venue, state: &mut State) -> Result<Option<Crew>, RunError> {
        let instances = if unit.experiment == Experiment::Memory { self.plan.instances } else { 1 };
        let processes = if venue == Venue::Worker(EngineKind::Wasm) { 1 } else { instances };
        let process = self.processes.fetch_add(processes, Ordering::Relaxed);
        let started = match venue {
            Venue::Worker(engine) => {
                let preparation = self.preparation(unit, engine);
                let started = Workers::start(&self.command, self.timeout(), &preparation, instances).await;
                started.map(|workers| Crew::of_workers(venue, process, workers)).map_err(CrewError::Worker)
            }
            Venue::Platform(name) => {
                let started = match self.round(unit, name, instances) {
                    Ok(round) => Sandboxes::start(round).await.map_err(CrewError::Deploy),
                    Err(reason) => return self.problem(unit, venue, &reason, state).map(|()| None),
                };
                started.map(|sandboxes| Crew::of_sandboxes(venue, process, sandboxes))
            }
        };
        let mut crew = match started {
            Ok(crew) => crew,
            Err(error) => {
                self.gave_up(unit, venue, process, 0, &error, state)?;
                return Ok(None);
            }
        };
        // The first invocation of an instance is cold: kept, and marked as such.
        if let Some(probe) = self.probes(unit.experiment, venue, state).first().cloned()
            && let Invoked::Gone = self.invoke(unit, &mut crew, 0, &probe, state).await?
        {
            self.abandon(crew, &self.name(unit.workload)).await?;
            return Ok(None);
        }
        Ok(Some(crew))
    }

    pub(super) fn preparation(&self, unit: Unit, engine: EngineKind) -> Preparation {
        let workload = &self.workloads[unit.workload];
        Preparation {
            function: workload.function.name.to_owned(),
            engine,
            event: workload.event.clone(),
            storage: self.folders.objects(),
            inputs: workload.inputs.clone(),
            scratch: self.folders.scratch(),
            artefact_cache: Some(self.folders.components()),
            memory_limit_bytes: self.plan.memory_limit_bytes,
            instances: 1,
            pin: self.plan.pin,
            simulated: false,
        }
    }

    fn round(&self, unit: Unit, name: &'static str, instances: u32) -> Result<Round<'_>, String> {
        let workload = &self.workloads[unit.workload];
        let missing = || format!("the platform {name} was not made ready for {}", workload.function.name);
        let places = self.places.as_ref().ok_or_else(missing)?;
        Ok(Round {
            platform: places.platforms.get(name).ok_or_else(missing)?.clone(),
            ledger: places.ledger.clone(),
            run: places.run,
            image: places.images.get(&(workload.function.name, name)).ok_or_else(missing)?,
            event: &workload.event,
            inputs: workload.inputs.clone(),
            objects: self.folders.objects(),
            instances,
            timeout: self.timeout(),
            memory_limit_bytes: self.plan.memory_limit_bytes,
        })
    }

    /// One more cold start of the component, compiled on the spot instead of loaded from the cache.
    pub(super) async fn cold_with_compilation(&self, unit: Unit, state: &mut State) -> Result<(), RunError> {
        let venue = Venue::Worker(EngineKind::Wasm);
        let process = self.processes.fetch_add(1, Ordering::Relaxed);
        let preparation = Preparation { artefact_cache: None, ..self.preparation(unit, EngineKind::Wasm) };
        match Workers::start(&self.command, self.timeout(), &preparation, 1).await {
            Ok(workers) => {
                let mut crew = Crew::of_workers(venue, process, workers);
                self.invoke(unit, &mut crew, 0, &ProbeRequest::Time, state).await?;
                Ok(())
            }
            Err(error) => self.gave_up(unit, venue, process, 0, &error.into(), state),
        }
    }
}
