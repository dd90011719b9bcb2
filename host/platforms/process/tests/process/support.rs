//! A deployment of the hostile function, and what was made of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use image_kind::{Image, ImageKind};
use local_platform::{CallOthers, Driver, Instance, Prepared, Served, StartRequest, Surroundings};
use native::DirectoryStorage;
use platform::{DeploymentId, DeploymentSpec, Invocation, Limits, LogStream, MemoryLedger, PlatformError, Scale};
use process_platform::{Mechanism, ProcessDriver};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) type Lines = Arc<Mutex<Vec<(LogStream, String)>>>;

/// Nested calls go through the socket: nobody calls from this process.
struct NoOthers;

#[async_trait]
impl CallOthers for NoOthers {
    async fn call(&self, name: &str, _: Invocation) -> Result<String, lab::Error> {
        Err(lab::Error::internal(format!("nobody calls {name} from here")))
    }
}

pub(crate) fn image(path: &Path) -> Image {
    let bytes = fs::read(path).unwrap();
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
    Image {
        function: "hostile".to_owned(),
        kind: ImageKind::Binary,
        path: path.to_owned(),
        digest: digest.clone(),
        code_digest: digest,
        bytes: bytes.len() as u64,
        code_bytes: bytes.len() as u64,
        architecture: std::env::consts::ARCH.to_owned(),
    }
}

/// A deployment of the hostile function with small limits.
pub(crate) fn spec() -> DeploymentSpec {
    DeploymentSpec {
        id: DeploymentId::new(),
        function: "hostile".to_owned(),
        name: "hostile".to_owned(),
        image: image(Path::new(hostile_artifacts::NATIVE)),
        scale: Scale { concurrency: Some(4), ..Scale::default() },
        limits: Limits {
            memory_bytes: Some(64 << 20),
            cpus: None,
            time: Some(Duration::from_secs(30)),
            scratch_bytes: Some(16 << 20),
            log_bytes: Some(64 << 10),
        },
        environment: BTreeMap::new(),
    }
}

/// A driver with a folder of its own.
pub(crate) struct Ground {
    pub(crate) driver: ProcessDriver,
    pub(crate) surroundings: Surroundings,
    pub(crate) ledger: Arc<MemoryLedger>,
    /// Kept for its drop, which removes it.
    _folder: TempDir,
}

impl Ground {
    /// One on which a machine that lacks these would stand.
    pub(crate) fn without(mechanisms: &[Mechanism]) -> Ground {
        let driver = ProcessDriver::new().unwrap();
        Ground::with(mechanisms.iter().fold(driver, |driver, mechanism| driver.without(*mechanism)))
    }

    pub(crate) fn new() -> Ground {
        Ground::with(ProcessDriver::new().unwrap())
    }

    pub(crate) fn with(driver: ProcessDriver) -> Ground {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        fs::create_dir(&state).unwrap();
        let surroundings = surroundings(folder.path(), &state);
        Ground { driver, surroundings, ledger: Arc::new(MemoryLedger::new()), _folder: folder }
    }

    pub(crate) async fn prepare(&self, spec: &DeploymentSpec) -> Arc<dyn Prepared> {
        self.try_prepare(spec).await.unwrap()
    }

    pub(crate) async fn try_prepare(&self, spec: &DeploymentSpec) -> Result<Arc<dyn Prepared>, PlatformError> {
        self.driver.prepare(spec, &self.surroundings, &*self.ledger).await
    }

    pub(crate) async fn start(&self, spec: &DeploymentSpec) -> Running {
        self.start_of(&*self.prepare(spec).await).await
    }

    pub(crate) async fn start_of(&self, prepared: &dyn Prepared) -> Running {
        let lines = Lines::default();
        let instance = prepared.start(self.request(&lines)).await.unwrap();
        Running { instance, lines }
    }

    pub(crate) fn request(&self, lines: &Lines) -> StartRequest {
        let taken = lines.clone();
        StartRequest {
            id: format!("i-{}", DeploymentId::new()),
            log: Arc::new(move |stream, line| taken.lock().unwrap().push((stream, line.to_owned()))),
            ledger: self.ledger.clone(),
        }
    }

    /// Removes all that the ledger knows, and sees to it that nothing is left.
    pub(crate) async fn remove_all(&self) {
        for entry in self.ledger.entries() {
            self.driver.remove(&entry.resource).await.unwrap();
            // Once more: it is gone already.
            self.driver.remove(&entry.resource).await.unwrap();
            assert_nothing_left(&entry.resource.name, &entry.resource.details);
        }
        assert_eq!(fs::read_dir(&self.surroundings.state).unwrap().count(), 0);
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // Where a test failed; otherwise there is nothing left.
        let parents = self.ledger.entries().into_iter().map(|entry| entry.resource.details["cgroups"].clone());
        for group in parents.flat_map(|groups| groups.as_array().cloned().unwrap_or_default()) {
            remove_group(Path::new(group.as_str().unwrap_or_default()));
        }
    }
}

/// Removes a group and those in it once their processes, which end with their handles, are gone.
fn remove_group(folder: &Path) {
    let begin = Instant::now();
    while folder.exists() && begin.elapsed() < Duration::from_secs(2) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let _ = fs::remove_dir(entry.path());
        }
        if fs::remove_dir(folder).is_err() {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

pub(crate) fn surroundings(folder: &Path, state: &Path) -> Surroundings {
    let storage = folder.join("storage");
    Surroundings {
        storage: Arc::new(DirectoryStorage::new(&storage).unwrap()),
        storage_location: storage.to_str().unwrap().to_owned(),
        others: Arc::new(NoOthers),
        others_socket: folder.join("others.sock"),
        state: state.to_owned(),
    }
}

/// Nothing that the ledger's entry names is there: no group, no folder, no process.
pub(crate) fn assert_nothing_left(name: &str, details: &Value) {
    for group in details["cgroups"].as_array().unwrap() {
        assert!(!Path::new(group.as_str().unwrap()).exists(), "{group}");
    }
    assert!(!Path::new(details["folder"].as_str().unwrap()).exists(), "{details}");
    assert_eq!(processes_of(name), Vec::<u32>::new());
}

/// The processes that were started for a name in the ledger.
pub(crate) fn processes_of(name: &str) -> Vec<u32> {
    let wanted = format!("FAASBENCH_SANDBOXES={name}");
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let has = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    pids.filter(has).collect()
}

/// An instance and what it printed.
pub(crate) struct Running {
    pub(crate) instance: Arc<dyn Instance>,
    pub(crate) lines: Lines,
}

impl Running {
    pub(crate) async fn call(&self, event: &str) -> Served {
        self.call_within(event, PATIENCE).await
    }

    pub(crate) async fn call_within(&self, event: &str, time: Duration) -> Served {
        self.instance.invoke(&Invocation::new(event.to_owned()), Instant::now() + time).await
    }

    pub(crate) fn said(&self, words: &str) -> bool {
        self.lines.lock().unwrap().iter().any(|(_, line)| line.contains(words))
    }
}

pub(crate) fn json(served: &Served) -> Value {
    serde_json::from_slice(&served.body).unwrap_or_else(|_| panic!("{served:?}"))
}

/// The answer says that a limit was reached, and which.
pub(crate) fn assert_limit(served: &Served, status: u16, words: &str) {
    let body = json(served);
    assert_eq!((served.status, &body["error"]["type"]), (status, &"limit".into()), "{body}");
    assert!(body["error"]["message"].as_str().unwrap().contains(words), "{body}");
    assert!(!served.is_usable);
}

/// Asks until it is so.
pub(crate) async fn eventually(mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "it never happened");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
