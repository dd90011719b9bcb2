//! One deployment on a real engine, and all that it needs around it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use container_platform::{Connection, ContainerDriver, ContainerOptions};
use local_platform::{CallOthers, Driver, Instance, Prepared, Served, StartRequest, Surroundings};
use platform::{
    DeploymentId, DeploymentSpec, Invocation, Ledger, Limits, LogStream, MemoryLedger, PlatformError, ResourceState,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::engines::Engine;
use crate::images::image;

/// How long an invocation may take where its time is not the matter.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A deployment, and what is around it.
pub(crate) struct Scene {
    pub(crate) driver: Arc<ContainerDriver>,
    pub(crate) spec: DeploymentSpec,
    pub(crate) surroundings: Surroundings,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) prepared: Arc<dyn Prepared>,
    pub(crate) lines: Arc<Mutex<Vec<(LogStream, String)>>>,
    pub(crate) folder: TempDir,
}

/// Nobody to call.
struct NoOthers;

#[async_trait]
impl CallOthers for NoOthers {
    async fn call(&self, name: &str, _: Invocation) -> Result<String, lab::Error> {
        Err(lab::Error::internal(format!("there is no {name} here")))
    }
}

/// A deployment's specification with the driver's defaults.
pub(crate) fn specification(driver: &ContainerDriver, image: image_kind::Image) -> DeploymentSpec {
    let (scale, limits) = driver.defaults();
    DeploymentSpec {
        id: DeploymentId::new(),
        function: image.function.clone(),
        name: image.function.clone(),
        image,
        scale,
        limits,
        environment: Default::default(),
    }
}

/// What is around a deployment, in this folder.
pub(crate) fn surroundings(folder: &Path) -> Surroundings {
    let storage = folder.join("storage");
    std::fs::create_dir_all(&storage).unwrap();
    let others_socket = folder.join("others");
    if !others_socket.exists() {
        // Somebody listens there, as always.
        std::os::unix::net::UnixListener::bind(&others_socket).unwrap();
    }
    let state = folder.join("state");
    std::fs::create_dir_all(&state).unwrap();
    Surroundings {
        storage: Arc::new(native::DirectoryStorage::new(&storage).unwrap()),
        storage_location: storage.display().to_string(),
        others: Arc::new(NoOthers),
        others_socket,
        state,
    }
}

pub(crate) fn driver(engine: &Engine, connection: Connection) -> Arc<ContainerDriver> {
    let address = Some(engine.address.clone());
    Arc::new(ContainerDriver::new(ContainerOptions { address, connection, ..ContainerOptions::default() }))
}

impl Scene {
    /// A deployment of this function, changed before it is made; `None`, having said so, without its binary.
    pub(crate) async fn new(
        engine: &Engine,
        function: &str,
        change: impl FnOnce(&mut DeploymentSpec),
    ) -> Option<Scene> {
        Scene::with(engine, Connection::Detect, function, change).await
    }

    pub(crate) async fn with(
        engine: &Engine,
        connection: Connection,
        function: &str,
        change: impl FnOnce(&mut DeploymentSpec),
    ) -> Option<Scene> {
        let folder = TempDir::new().unwrap();
        let driver = driver(engine, connection);
        let mut spec = specification(&driver, image(function, folder.path())?);
        change(&mut spec);
        let surroundings = surroundings(folder.path());
        let ledger = Arc::new(MemoryLedger::new());
        let prepared = driver.prepare(&spec, &surroundings, &*ledger).await.unwrap();
        Some(Scene { driver, spec, surroundings, ledger, prepared, lines: Arc::default(), folder })
    }

    /// One more deployment on the same engine, with the same surroundings.
    pub(crate) async fn another(&self, function: &str) -> Arc<dyn Prepared> {
        let spec = DeploymentSpec {
            name: function.to_owned(),
            function: function.to_owned(),
            image: image(function, self.folder.path()).unwrap(),
            ..self.spec.clone()
        };
        self.driver.prepare(&spec, &self.surroundings, &*self.ledger).await.unwrap()
    }

    pub(crate) fn request(&self) -> StartRequest {
        let lines = self.lines.clone();
        StartRequest {
            id: uuid::Uuid::new_v4().to_string(),
            log: Arc::new(move |stream, line| lines.lock().unwrap().push((stream, line.to_owned()))),
            ledger: self.ledger.clone(),
        }
    }

    pub(crate) async fn start(&self) -> Arc<dyn Instance> {
        self.try_start().await.unwrap()
    }

    pub(crate) async fn try_start(&self) -> Result<Arc<dyn Instance>, PlatformError> {
        self.prepared.start(self.request()).await
    }

    /// Removes the deployment as `undeploy` does, and checks that nothing is left of it.
    pub(crate) async fn end(&self) {
        let mut entries = self.ledger.resources(&self.spec.id).await.unwrap();
        entries.reverse();
        for entry in entries {
            self.driver.remove(&entry.resource).await.unwrap();
            self.ledger.removed(entry.id).await.unwrap();
        }
        assert!(self.ledger.entries().iter().all(|entry| entry.state == ResourceState::Removed));
        let marked = self.driver.find_marked().await.unwrap();
        let ours: Vec<_> = marked.iter().filter(|found| found.deployment == self.spec.id.as_str()).collect();
        assert!(ours.is_empty(), "left: {ours:?}");
        let sockets = std::fs::read_dir(self.surroundings.state.join("c")).map_or(0, Iterator::count);
        assert_eq!(sockets, 0, "folders of sockets are left");
    }
}

/// Invokes with this event and that much time.
pub(crate) async fn invoke(instance: &dyn Instance, event: &Value, time: Duration) -> Served {
    instance.invoke(&Invocation::new(event.to_string()), Instant::now() + time).await
}

/// The answer of a success.
pub(crate) fn answer(served: &Served) -> Value {
    let body: Value = serde_json::from_slice(&served.body).unwrap();
    assert_eq!(served.status, 200, "{body}");
    body
}

/// The kind and the message of an error.
pub(crate) fn error(served: &Served) -> (String, String) {
    let body: Value = serde_json::from_slice(&served.body).unwrap();
    let text = |key: &str| body["error"][key].as_str().unwrap_or_else(|| panic!("no error: {body}")).to_owned();
    (text("type"), text("message"))
}

/// Changes only the limits.
pub(crate) fn limits(change: impl FnOnce(&mut Limits)) -> impl FnOnce(&mut DeploymentSpec) {
    move |spec| change(&mut spec.limits)
}
