//! Launchers for benchmarks: the same as workers use, in this process.

use std::path::Path;
use std::sync::Arc;

use faasbench::engine::wasm::{Allocation, ArtefactCache, Configuration, Interruption};
use faasbench::engine::{EngineKind, Launcher, LauncherOptions, Limits};
use native::DirectoryStorage;

/// A launcher whose folders are below `folder`.
pub(crate) fn launcher(
    folder: &Path,
    engine: EngineKind,
    allocation: Allocation,
    interruption: Interruption,
) -> Arc<Launcher> {
    let memory_bytes = 1 << 30;
    let scratch_root = folder.join("scratch");
    std::fs::create_dir_all(&scratch_root).expect("the temporary folder can be written");
    Launcher::new(LauncherOptions {
        engine,
        configuration: Configuration { interruption, allocation, memory_bytes },
        cache: Some(ArtefactCache::open(folder.join("components")).expect("the temporary folder is ours")),
        storage: Arc::new(DirectoryStorage::new(folder.join("objects")).expect("the temporary folder can be written")),
        scratch_root,
        limits: Limits { memory_bytes, ..Limits::default() },
        platform: engine.name().to_owned(),
    })
    .expect("wasmtime takes its own configurations")
}
