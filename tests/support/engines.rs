//! Engines in this process, with storage and scratch folders of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use faasbench::engine::wasm::{Allocation, ArtefactCache, Configuration, Interruption};
use faasbench::engine::{EngineKind, Instance, Launcher, LauncherOptions, Limits};
use faasbench::workload;
use native::DirectoryStorage;
use serde_json::{Map, Value};
use tempfile::TempDir;

use super::cache;

/// Object storage and scratch folders of one test, and launchers on them.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    /// An empty one.
    pub(crate) fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("scratch")).unwrap();
        fs::create_dir(folder.path().join("objects")).unwrap();
        Bench { folder }
    }

    /// The folder of the object storage.
    pub(crate) fn objects(&self) -> PathBuf {
        self.folder.path().join("objects")
    }

    /// Where instances have their scratch folders.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.folder.path().join("scratch")
    }

    /// Stores an object of the bucket `bucket` under `input/`.
    pub(crate) fn store(&self, key: &str, content: &[u8]) {
        let path = self.objects().join("bucket/input").join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A launcher of instances that are measured: fast, and not to be stopped.
    pub(crate) fn launcher(&self, engine: EngineKind) -> Arc<Launcher> {
        self.launcher_with(engine, Interruption::None, Limits::default())
    }

    /// A launcher of instances that are stopped at their limits.
    pub(crate) fn guarded(&self, engine: EngineKind, limits: Limits) -> Arc<Launcher> {
        self.launcher_with(engine, Interruption::Epochs, limits)
    }

    fn launcher_with(&self, engine: EngineKind, interruption: Interruption, limits: Limits) -> Arc<Launcher> {
        let options = LauncherOptions {
            engine,
            configuration: Configuration { interruption, allocation: Allocation::OnDemand, memory_bytes: 1 << 30 },
            cache: Some(ArtefactCache::open(cache().components()).unwrap()),
            storage: Arc::new(DirectoryStorage::new(self.objects()).unwrap()),
            scratch_root: self.scratch(),
            limits,
            platform: "test".to_owned(),
        };
        Launcher::new(options).unwrap()
    }

    /// The object that a response names as its result.
    pub(crate) fn result(&self, response: &str) -> Vec<u8> {
        let response: Value = serde_json::from_str(response).unwrap();
        let [bucket, key] = ["bucket", "key"].map(|name| response["result"][name].as_str().unwrap());
        fs::read(self.objects().join(bucket).join(key)).unwrap()
    }

    /// The event that asks for the object or prefix `key` under `input/`.
    pub(crate) fn event(key: &str) -> String {
        let bucket = serde_json::json!({"bucket": "bucket", "input": "input", "output": "output"});
        serde_json::json!({"object": {"key": key, "width": 200, "height": 200}, "bucket": bucket}).to_string()
    }
}

/// A new instance of a function.
pub(crate) fn launch(launcher: &Launcher, function: &str) -> Box<dyn Instance> {
    launcher.launch(workload::find(function).unwrap()).unwrap().0
}

/// Invokes a fresh instance of a function once.
#[track_caller]
pub(crate) fn invoke(launcher: &Launcher, function: &str, event: &str) -> String {
    launch(launcher, function).invoke(event).unwrap_or_else(|error| panic!("{function} with {event}: {error}"))
}

/// The records of a response, by identifier.
pub(crate) fn records(response: &str) -> Map<String, Value> {
    let response: Value = serde_json::from_str(response).unwrap();
    response["records"].as_object().unwrap().clone()
}

/// The record of the invocation itself.
pub(crate) fn root_record(response: &str) -> Value {
    let parsed: Value = serde_json::from_str(response).unwrap();
    parsed["records"][parsed["identifier"].as_str().unwrap()].clone()
}

/// What is in a folder, at any depth.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}
