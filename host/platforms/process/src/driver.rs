//! The driver of the platform process.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use image_kind::ImageKind;
use local_platform::{Driver, Prepared, Surroundings};
use platform::{
    Capabilities, ColdStart, DeploymentSpec, Found, Ledger, Limits, PlatformError, Reached, Resource, Scale,
};
use tokio::task::spawn_blocking;

use crate::facilities::{Facilities, Mechanism};
use crate::limits::{DEFAULTS, InstanceLimits};
use crate::names::{Details, KIND, Name};
use crate::prepared::{ProcessDeployment, make};
use crate::process_table::ProcessIdentity;
use crate::storage::{Outside, Storage};
use crate::{image_file, leftovers};

const PLATFORM: &str = "process";
/// How long an instance may take to become ready.
const PATIENCE: Duration = Duration::from_secs(10);

/// One native image per instance, in a sandbox of what this machine allows.
pub struct ProcessDriver {
    facilities: Arc<Facilities>,
    target: String,
    patience: Duration,
}

impl ProcessDriver {
    /// Finds out what this machine allows, which takes some milliseconds.
    ///
    /// # Errors
    /// When no process can be started at all.
    pub fn new() -> Result<ProcessDriver, PlatformError> {
        let facilities = Facilities::find().map_err(|error| PlatformError::Unreachable {
            platform: PLATFORM.to_owned(),
            reason: format!("the launcher can't be made: {error}"),
            advice: "see to it that files in memory (memfd) and the temporary folder can be used".to_owned(),
        })?;
        Ok(ProcessDriver { facilities: Arc::new(facilities), target: PLATFORM.to_owned(), patience: PATIENCE })
    }

    /// The same as if this machine lacked a mechanism, to test and to measure what takes its place.
    #[must_use]
    pub fn without(mut self, mechanism: Mechanism) -> ProcessDriver {
        if let Some(facilities) = Arc::get_mut(&mut self.facilities) {
            facilities.forget(mechanism);
        }
        self
    }

    /// The same for a named installation, which the ledger's entries carry; `process` otherwise.
    #[must_use]
    pub fn with_target(self, target: &str) -> ProcessDriver {
        ProcessDriver { target: target.to_owned(), ..self }
    }

    /// The same with another time in which an instance must become ready; 10 s otherwise.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> ProcessDriver {
        ProcessDriver { patience, ..self }
    }
}

#[async_trait]
impl Driver for ProcessDriver {
    fn platform(&self) -> &'static str {
        PLATFORM
    }

    fn image_kind(&self) -> ImageKind {
        ImageKind::Binary
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            asynchronous: true,
            cold_start: ColdStart::Forced,
            scale: true,
            keep_alive: true,
            memory_limit: true,
            cpu_limit: self.facilities.no_cpu_limit().is_none(),
            concurrency: true,
            logs: true,
            metrics: true,
            billing: true,
            nested_calls: true,
            local_processes: true,
        }
    }

    fn defaults(&self) -> (Scale, Limits) {
        let scale = Scale {
            minimum_instances: Some(0),
            maximum_instances: Some(8),
            concurrency: Some(1),
            keep_alive: Some(Duration::from_secs(60)),
            queue: Some(128),
        };
        let cpus = DEFAULTS.cpus.filter(|_| self.facilities.no_cpu_limit().is_none());
        (scale, Limits { cpus, ..DEFAULTS })
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        let kernel = rustix::system::uname();
        let version = format!("{} {}", kernel.sysname().to_string_lossy(), kernel.release().to_string_lossy());
        Ok(Reached { version, remarks: self.facilities.remarks() })
    }

    async fn prepare(
        &self,
        spec: &DeploymentSpec,
        surroundings: &Surroundings,
        ledger: &dyn Ledger,
    ) -> Result<Arc<dyn Prepared>, PlatformError> {
        let limits = InstanceLimits::of(spec, &self.facilities)?;
        let storage = Storage::parse(&surroundings.storage_location)?;
        let image = spec.image.clone();
        blocking("reading the image", move || image_file::check(&image)).await?;
        let failed = |reason: String| PlatformError::Failed {
            platform: PLATFORM.to_owned(),
            doing: format!("preparing {}", spec.name),
            reason,
        };
        let name = Name::new(&spec.id);
        let owner = ProcessIdentity::own().ok_or_else(|| failed("/proc can't be read".to_owned()))?;
        let parents = self.facilities.hierarchies().map(|hierarchies| hierarchies.parents()).unwrap_or_default();
        let details = Details {
            folder: surroundings.state.join(name.folder()),
            cgroups: parents.into_iter().map(|parent| parent.join(name.as_str())).collect(),
            owner,
        };
        let resource = Resource {
            deployment: spec.id.clone(),
            platform: PLATFORM.to_owned(),
            target: self.target.clone(),
            kind: KIND.to_owned(),
            name: name.as_str().to_owned(),
            details: serde_json::to_value(&details).map_err(|error| failed(error.to_string()))?,
        };
        let entry = ledger.intend(&resource).await?;
        let (made, facilities) = (details.clone(), self.facilities.clone());
        blocking("preparing", move || {
            make(&made, &facilities).map_err(|error| PlatformError::Failed {
                platform: PLATFORM.to_owned(),
                doing: format!("making {}", made.folder.display()),
                reason: error.to_string(),
            })
        })
        .await?;
        ledger.created(entry, &resource.details).await?;
        let facilities = self.facilities.clone();
        let outside = Outside { storage, others_socket: surroundings.others_socket.clone() };
        let deployment = ProcessDeployment::new(facilities, name, &details, spec, limits, outside, self.patience);
        Ok(Arc::new(deployment))
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        let resource = resource.clone();
        blocking("removing", move || leftovers::remove(&resource)).await
    }

    async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        let facilities = self.facilities.clone();
        blocking("looking for control groups", move || Ok(leftovers::find(&facilities))).await
    }
}

/// Runs what waits for the disk or the kernel on a thread for such.
async fn blocking<T: Send + 'static>(
    doing: &str,
    work: impl FnOnce() -> Result<T, PlatformError> + Send + 'static,
) -> Result<T, PlatformError> {
    spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(PlatformError::Failed { platform: PLATFORM.to_owned(), doing: doing.to_owned(), reason: error.to_string() })
    })
}
