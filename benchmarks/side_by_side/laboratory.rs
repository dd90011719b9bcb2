//! Launchers, instances and objects for the comparisons.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use faasbench::engine::wasm::{Allocation, ArtefactCache, Configuration, Interruption};
use faasbench::engine::{EngineKind, Instance, Launcher, LauncherOptions, Limits};
use faasbench::workload::{self, Size};
use native::DirectoryStorage;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Where inputs are, and outputs for a moment.
const BUCKET: &str = "faasbench";

/// A temporary folder with storage, cache and scratch.
pub(crate) struct Laboratory {
    folder: TempDir,
    storage: DirectoryStorage,
}

impl Laboratory {
    /// An empty one, on the disk rather than in `/tmp`, which may be memory.
    pub(crate) fn new() -> Laboratory {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
        let folder =
            tempfile::tempdir_in(target).or_else(|_| tempfile::tempdir()).expect("a temporary folder can be made");
        let storage = DirectoryStorage::new(folder.path().join("objects")).expect("the folder can be written");
        std::fs::create_dir_all(folder.path().join("scratch")).expect("the folder can be written");
        Laboratory { folder, storage }
    }

    /// A launcher as workers have it.
    pub(crate) fn launcher(&self, engine: EngineKind, allocation: Allocation) -> Arc<Launcher> {
        let path = self.folder.path();
        let memory_bytes = 1 << 30;
        Launcher::new(LauncherOptions {
            engine,
            configuration: Configuration { interruption: Interruption::None, allocation, memory_bytes },
            cache: Some(ArtefactCache::open(path.join("components")).expect("the folder is ours")),
            storage: Arc::new(DirectoryStorage::new(path.join("objects")).expect("the folder can be written")),
            scratch_root: path.join("scratch"),
            limits: Limits { memory_bytes, scratch_bytes: u64::MAX / 2, ..Limits::default() },
            platform: engine.name().to_owned(),
        })
        .expect("wasmtime takes its own configurations")
    }

    /// An instance of a function.
    pub(crate) fn instance(&self, function: &str, engine: EngineKind) -> Box<dyn Instance> {
        let function = workload::find(function).expect("it exists");
        self.launcher(engine, Allocation::Pooled { instances: 8 }).launch(function).expect("there is room").0
    }

    /// The event of a generated workload.
    pub(crate) fn prepare(&self, function: &str, size: Size) -> Value {
        let objects = self.folder.path().join("objects");
        workload::prepare(function, size, 42, &objects).expect("the folder can be written").event
    }

    /// Stores one file and gives the thumbnailer's event for it.
    pub(crate) fn put(&self, key: &str, file: &Path) -> Value {
        let to = self.folder.path().join("objects").join(BUCKET).join("input").join(key);
        std::fs::create_dir_all(to.parent().expect("it has a parent")).expect("the folder can be written");
        std::fs::copy(file, to).expect("the file can be read");
        json!({"object": {"key": key, "width": 200, "height": 200},
               "bucket": {"bucket": BUCKET, "input": "input", "output": "output"}})
    }

    /// Stores a tree and gives the compression's event for it.
    pub(crate) fn put_tree(&self, key: &str, tree: &Path) -> Value {
        let to = self.folder.path().join("objects").join(BUCKET).join("input").join(key);
        copy_tree(tree, &to).expect("the tree can be read");
        json!({"object": {"key": key}, "bucket": {"bucket": BUCKET, "input": "input", "output": "output"}})
    }

    /// Invokes, and gives the seconds that it took and the response. The output object is removed.
    pub(crate) fn invoke(&self, instance: &mut dyn Instance, event: &Value) -> (f64, Value) {
        let begin = Instant::now();
        let response = crate::response(instance, event);
        let seconds = begin.elapsed().as_secs_f64();
        if let (Some(bucket), Some(key)) = (response["result"]["bucket"].as_str(), response["result"]["key"].as_str()) {
            self.storage.remove(bucket, key).expect("it was just written");
        }
        (seconds, response)
    }
}

fn copy_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in from.read_dir()? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &to)?
        } else {
            std::fs::copy(entry.path(), to).map(drop)?
        }
    }
    Ok(())
}
