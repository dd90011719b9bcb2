//! A container from before its creation to its removal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptions, KillContainerOptions};
use local_platform::StartRequest;
use platform::{DeploymentId, Ledger, PlatformError, Resource, ResourceId};
use tokio::runtime::Handle;

use crate::engine::Engine;
use crate::failure::{PLATFORM, failed, is_conflict};
use crate::remove::{CONTAINER, creation, intention, remove_container, remove_folder};

/// How long a creation that was given up may still bring forth the container.
const IN_FLIGHT: Duration = Duration::from_secs(2);

/// A container that was, or is about to be, created. Dropped, it is removed.
pub(crate) struct Container {
    engine: Arc<Engine>,
    pub(crate) name: String,
    deployment: DeploymentId,
    folder: Option<PathBuf>,
    ledger: Arc<dyn Ledger>,
    entry: ResourceId,
    is_created: AtomicBool,
    is_removed: AtomicBool,
    handle: Handle,
}

impl Container {
    /// Writes down that the container is about to be created.
    pub(crate) async fn intend(
        engine: &Arc<Engine>,
        target: &str,
        deployment: &DeploymentId,
        request: &StartRequest,
        folder: Option<PathBuf>,
    ) -> Result<Container, PlatformError> {
        let name = format!("faasbench-{deployment}-{}", request.id);
        let resource = Resource {
            deployment: deployment.clone(),
            platform: PLATFORM.to_owned(),
            target: target.to_owned(),
            kind: CONTAINER.to_owned(),
            name: name.clone(),
            details: intention(engine, folder.as_deref()),
        };
        let entry = match request.ledger.intend(&resource).await {
            Ok(entry) => entry,
            Err(error) => {
                if let Some(folder) = &folder {
                    remove_folder(folder);
                }
                return Err(error.into());
            }
        };
        Ok(Container {
            engine: engine.clone(),
            name,
            deployment: deployment.clone(),
            folder,
            ledger: request.ledger.clone(),
            entry,
            is_created: AtomicBool::new(false),
            is_removed: AtomicBool::new(false),
            handle: Handle::current(),
        })
    }

    /// The folder of its socket.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Creates it; gives the engine's id of it.
    pub(crate) async fn create(&self, body: ContainerCreateBody) -> Result<String, PlatformError> {
        let options = CreateContainerOptions { name: Some(self.name.clone()), ..CreateContainerOptions::default() };
        let created = self.engine.api.create_container(Some(options), body).await.map_err(|error| {
            if is_conflict(&error) {
                return PlatformError::NameTaken { platform: PLATFORM.to_owned(), name: self.name.clone() };
            }
            failed("creating a container", &error)
        })?;
        self.is_created.store(true, Ordering::Release);
        Ok(created.id)
    }

    /// Writes down that it exists.
    pub(crate) async fn tell_ledger(&self, id: &str) -> Result<(), PlatformError> {
        Ok(self.ledger.created(self.entry, &creation(&self.engine, self.folder(), id)).await?)
    }

    /// Sends it a signal. That it has ended already is as good.
    pub(crate) async fn signal(&self, signal: &str) {
        let options = KillContainerOptions { signal: signal.to_owned() };
        let _ = self.engine.api.kill_container(&self.name, Some(options)).await;
    }

    /// Removes it and all that it had.
    pub(crate) async fn remove(&self) -> Result<(), PlatformError> {
        if self.is_removed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let removal = self.removal();
        let removed = removal.remove().await;
        if removed.is_err() {
            self.is_removed.store(false, Ordering::Release);
        }
        removed
    }

    fn removal(&self) -> Removal {
        let is_created = self.is_created.load(Ordering::Acquire);
        Removal {
            engine: self.engine.clone(),
            name: self.name.clone(),
            deployment: self.deployment.clone(),
            until_certain: if is_created { Duration::ZERO } else { IN_FLIGHT },
            folder: self.folder.clone(),
            ledger: self.ledger.clone(),
            entry: self.entry,
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if !self.is_removed.load(Ordering::Acquire) {
            let removal = self.removal();
            // What fails stays in the ledger.
            self.handle.spawn(async move { removal.remove().await });
        }
    }
}

/// All that a removal needs.
struct Removal {
    engine: Arc<Engine>,
    name: String,
    deployment: DeploymentId,
    until_certain: Duration,
    folder: Option<PathBuf>,
    ledger: Arc<dyn Ledger>,
    entry: ResourceId,
}

impl Removal {
    async fn remove(&self) -> Result<(), PlatformError> {
        remove_container(&self.engine, &self.name, &self.deployment, self.until_certain).await?;
        if let Some(folder) = &self.folder {
            remove_folder(folder);
        }
        Ok(self.ledger.removed(self.entry).await?)
    }
}
