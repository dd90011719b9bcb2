//! The workers of one engine in one round: one process, or as many as instances are wanted natively.

use std::time::Duration;

use futures_util::future::join_all;

use super::crew::ColdStart;
use crate::engine::EngineKind;
use crate::worker::{Measured, Preparation, Prepared, ProbeRequest, Worker, WorkerCommand, WorkerError};

/// Workers that are invoked together.
pub(super) struct Workers {
    workers: Vec<Worker>,
    /// What the first of them told of itself.
    prepared: Prepared,
    /// Monotonic time just before the first was started, ns.
    spawned_monotonic_ns: u64,
}

impl Workers {
    /// Starts and prepares the workers that `instances` need: each native instance is a process, WASM instances share one.
    pub(super) async fn start(
        command: &WorkerCommand,
        timeout: Duration,
        preparation: &Preparation,
        instances: u32,
    ) -> Result<Workers, WorkerError> {
        let (processes, each) = match preparation.engine {
            EngineKind::Native => (instances, 1),
            EngineKind::Wasm => (1, instances),
        };
        let mut workers = Vec::new();
        let mut first = None;
        for _ in 0..processes {
            let mut worker = Worker::start(command, timeout)?;
            let spawned = worker.spawned_monotonic_ns();
            let prepared = worker.prepare(Preparation { instances: each, ..preparation.clone() }).await?;
            first.get_or_insert((prepared, spawned));
            workers.push(worker);
        }
        let (prepared, spawned_monotonic_ns) =
            first.ok_or_else(|| WorkerError::Protocol("a round without instances".to_owned()))?;
        Ok(Workers { workers, prepared, spawned_monotonic_ns })
    }

    /// Invokes once in every instance, in all processes at once.
    pub(super) async fn invoke(&mut self, probe: &ProbeRequest) -> Result<Vec<Measured>, WorkerError> {
        if let [worker] = self.workers.as_mut_slice() {
            return Ok(vec![worker.invoke(probe.clone()).await?]);
        }
        join_all(self.workers.iter_mut().map(|worker| worker.invoke(probe.clone()))).await.into_iter().collect()
    }

    /// Their processes; fewer once some have ended.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.workers.iter().filter_map(Worker::pid).collect()
    }

    pub(super) fn cold_start(&self, first_call_ns: Option<u64>) -> ColdStart {
        let start_ns = self.prepared.main_monotonic_ns.saturating_sub(self.spawned_monotonic_ns);
        let mut phases = vec![("process-start".to_owned(), start_ns)];
        phases.extend(self.prepared.phases.iter().map(|phase| (phase.name.clone(), phase.duration_ns)));
        let steps_ns: u64 = phases.iter().map(|(_, duration_ns)| duration_ns).sum();
        ColdStart {
            phases,
            total_ns: first_call_ns.map(|call_ns| steps_ns + call_ns),
            empty_bracket_ns: self.prepared.empty_bracket_ns,
        }
    }

    /// Lets all of them end.
    pub(super) async fn finish(self) -> Result<(), WorkerError> {
        for ended in join_all(self.workers.into_iter().map(Worker::finish)).await {
            ended?;
        }
        Ok(())
    }
}
