//! What is invoked together in one round of a venue: workers of ours, or instances of a platform.

use platform::PlatformError;
use thiserror::Error;

use super::sandboxes::Sandboxes;
use super::venue::Venue;
use super::workers::Workers;
use crate::deployments::DeployError;
use crate::probe::memory::{Holding, MemoryProbe};
use crate::worker::{Measured, ProbeRequest, WorkerError};

/// Why a crew can't go on.
#[derive(Debug, Error)]
pub(super) enum CrewError {
    /// A worker ended or failed.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// A platform failed.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// It was not deployed, or not removed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
}

impl CrewError {
    /// The class of error that results have.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            CrewError::Worker(WorkerError::Timeout { .. }) | CrewError::Platform(PlatformError::NoAnswer { .. }) => {
                "limit"
            }
            CrewError::Worker(_) => "internal",
            CrewError::Platform(_) | CrewError::Deploy(_) => "unavailable",
        }
    }
}

/// The steps of a cold start, and what they came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ColdStart {
    /// Name and length in ns of each step that came before the first call, or is a part of it.
    pub(super) phases: Vec<(String, u64)>,
    /// From nothing to the first answer, ns; `None` where the first call has no time.
    pub(super) total_ns: Option<u64>,
    /// Wall time that an empty bracket measures, ns; `None` where nothing is bracketed.
    pub(super) empty_bracket_ns: Option<u64>,
}

/// Who is invoked together.
pub(super) struct Crew {
    pub(super) venue: Venue,
    /// Number of the first of its processes, counted over the run.
    pub(super) process: u32,
    members: Members,
}

enum Members {
    Workers(Workers),
    Sandboxes(Box<Sandboxes>),
}

impl Crew {
    pub(super) fn of_workers(venue: Venue, process: u32, workers: Workers) -> Crew {
        Crew { venue, process, members: Members::Workers(workers) }
    }

    pub(super) fn of_sandboxes(venue: Venue, process: u32, sandboxes: Sandboxes) -> Crew {
        Crew { venue, process, members: Members::Sandboxes(Box::new(sandboxes)) }
    }

    /// Invokes once in every instance, in all processes at once.
    pub(super) async fn invoke(&mut self, probe: &ProbeRequest) -> Result<Vec<Measured>, CrewError> {
        match &mut self.members {
            Members::Workers(workers) => Ok(workers.invoke(probe).await?),
            Members::Sandboxes(sandboxes) => Ok(sandboxes.invoke(probe).await?),
        }
    }

    /// The process of the only instance, or of the first. Before the first invocation a platform has none.
    pub(super) fn pid(&self) -> Option<u32> {
        self.pids().first().copied()
    }

    fn pids(&self) -> Vec<u32> {
        match &self.members {
            Members::Workers(workers) => workers.pids(),
            Members::Sandboxes(sandboxes) => sandboxes.pids(),
        }
    }

    /// What all processes hold together now, or why that can't be told.
    pub(super) fn holding(&self) -> Result<Holding, String> {
        let pids = self.pids();
        if pids.is_empty() {
            return Err("it has no process on this machine, or none any more".to_owned());
        }
        let mut total = Holding { rss_bytes: 0, pss_bytes: 0, uss_bytes: 0, swap_bytes: 0 };
        for pid in pids {
            let holding = MemoryProbe::new(pid).and_then(|probe| probe.holding()).map_err(|error| error.to_string())?;
            total.rss_bytes += holding.rss_bytes;
            total.pss_bytes += holding.pss_bytes;
            total.uss_bytes += holding.uss_bytes;
            total.swap_bytes += holding.swap_bytes;
        }
        Ok(total)
    }

    /// The steps of its cold start, whose first call took `first_call_ns`.
    pub(super) fn cold_start(&self, first_call_ns: Option<u64>) -> ColdStart {
        match &self.members {
            Members::Workers(workers) => workers.cold_start(first_call_ns),
            Members::Sandboxes(sandboxes) => sandboxes.cold_start(first_call_ns),
        }
    }

    /// Ends all of them: workers at once, in the midst of whatever they do; a platform's instances when they have finished what
    /// they do, which their time limit bounds.
    pub(super) async fn abandon(self) -> Result<(), CrewError> {
        match self.members {
            // Dropped workers are killed.
            Members::Workers(_) => Ok(()),
            Members::Sandboxes(sandboxes) => Ok(sandboxes.finish().await?),
        }
    }

    /// Lets all of them end, and removes what was made for them.
    pub(super) async fn finish(self) -> Result<(), CrewError> {
        match self.members {
            Members::Workers(workers) => Ok(workers.finish().await?),
            Members::Sandboxes(sandboxes) => Ok(sandboxes.finish().await?),
        }
    }
}
