//! The workers of one engine in one round: one process, or as many as instances are wanted natively.

use std::time::Duration;

use futures_util::future::join_all;

use crate::engine::EngineKind;
use crate::probe::memory::{Holding, MemoryProbe};
use crate::worker::{Measured, Preparation, Prepared, ProbeRequest, Worker, WorkerCommand, WorkerError};

/// Workers that are invoked together.
pub(super) struct Crew {
    pub(super) engine: EngineKind,
    /// Number of the first of its processes, counted over the run.
    pub(super) process: u32,
    workers: Vec<Worker>,
    /// What the first of them told of itself.
    pub(super) prepared: Prepared,
    /// Monotonic time just before the first was started, ns.
    pub(super) spawned_monotonic_ns: u64,
}

impl Crew {
    /// Starts and prepares the workers that `instances` need: each native instance is a process, WASM instances share one.
    pub(super) async fn start(
        command: &WorkerCommand,
        timeout: Duration,
        process: u32,
        preparation: &Preparation,
        instances: u32,
    ) -> Result<Crew, WorkerError> {
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
        Ok(Crew { engine: preparation.engine, process, workers, prepared, spawned_monotonic_ns })
    }

    /// Invokes once in every instance, in all processes at once.
    pub(super) async fn invoke(&mut self, probe: &ProbeRequest) -> Result<Vec<Measured>, WorkerError> {
        if let [worker] = self.workers.as_mut_slice() {
            return Ok(vec![worker.invoke(probe.clone()).await?]);
        }
        join_all(self.workers.iter_mut().map(|worker| worker.invoke(probe.clone()))).await.into_iter().collect()
    }

    /// The process of the only worker, or of the first.
    pub(super) fn pid(&self) -> Option<u32> {
        self.workers.first().and_then(Worker::pid)
    }

    /// What all processes hold together now, or why that can't be told.
    pub(super) fn holding(&self) -> Result<Holding, String> {
        let mut total = Holding { rss_bytes: 0, pss_bytes: 0, uss_bytes: 0, swap_bytes: 0 };
        for worker in &self.workers {
            let pid = worker.pid().ok_or("a worker has ended")?;
            let holding = MemoryProbe::new(pid).and_then(|probe| probe.holding()).map_err(|error| error.to_string())?;
            total.rss_bytes += holding.rss_bytes;
            total.pss_bytes += holding.pss_bytes;
            total.uss_bytes += holding.uss_bytes;
            total.swap_bytes += holding.swap_bytes;
        }
        Ok(total)
    }

    /// Lets all of them end.
    pub(super) async fn finish(self) -> Result<(), WorkerError> {
        for ended in join_all(self.workers.into_iter().map(Worker::finish)).await {
            ended?;
        }
        Ok(())
    }
}
