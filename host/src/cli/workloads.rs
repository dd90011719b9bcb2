//! From what the command line names to workloads that are ready to run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use super::exit::Failure;
use crate::engine::wasm::{Allocation, ArtefactCache, Configuration, Interruption, LoadTimes, Program, WasmEngine};
use crate::experiment::{Plan, PlannedWorkload, Progress, ReadyWorkload};
use crate::paths::CacheFolders;
use crate::workload::{self, FUNCTIONS, Function, Prepared, WorkloadError};

/// The cache's folders, made where they are missing.
pub(super) fn folders() -> Result<CacheFolders, Failure> {
    let folders = CacheFolders::from_environment().map_err(Failure::users)?;
    for folder in [folders.objects(), folders.scratch()] {
        std::fs::create_dir_all(&folder)
            .with_context(|| {
                format!(
                    "could not make the folder {}; set FAASBENCH_CACHE to one that can be written",
                    folder.display()
                )
            })
            .map_err(Failure::users)?;
    }
    Ok(folders)
}

/// The functions named, or all of them; each once, in the order of the catalogue.
pub(super) fn functions(names: &[String]) -> Result<Vec<&'static Function>, Failure> {
    let mut chosen = Vec::new();
    for name in names {
        chosen.push(workload::find(name).map_err(Failure::users)?.name);
    }
    let mut functions = Vec::new();
    for function in &FUNCTIONS {
        if chosen.is_empty() || chosen.contains(&function.name) {
            functions.push(workload::find(function.name).map_err(Failure::users)?);
        }
    }
    Ok(functions)
}

/// Makes a plan's inputs, or takes the user's.
pub(super) async fn prepare(
    plan: &Plan,
    folders: &CacheFolders,
    progress: &Progress,
) -> Result<Vec<ReadyWorkload>, Failure> {
    let mut ready = Vec::new();
    for planned in &plan.workloads {
        let function = workload::find(&planned.function).map_err(Failure::users)?;
        progress.doing(format!("preparing the input of {}", planned.function));
        let (planned, objects, seed) = (planned.clone(), folders.objects(), plan.seed);
        let prepared = tokio::task::spawn_blocking(move || prepare_one(&planned, seed, &objects))
            .await
            .map_err(Failure::ours)?
            .map_err(|error| if error.is_users() { Failure::users(error) } else { Failure::ours(error) })?;
        ready.extend(prepared.into_iter().map(|prepared| ReadyWorkload {
            function,
            inputs: inputs(function, &prepared, &folders.objects()),
            label: prepared.label,
            event: prepared.event.to_string(),
        }));
        progress.step();
    }
    Ok(ready)
}

fn prepare_one(planned: &PlannedWorkload, seed: u64, objects: &Path) -> Result<Vec<Prepared>, WorkloadError> {
    match (&planned.input, planned.size) {
        (Some(folder), _) => workload::from_directory(&planned.function, folder, objects),
        (None, Some(size)) => Ok(vec![workload::prepare(&planned.function, size, seed, objects)?]),
        // A plan without either was refused when it was validated.
        (None, None) => Ok(Vec::new()),
    }
}

/// Where a workload's input objects are in the storage's folder.
fn inputs(function: &Function, prepared: &Prepared, objects: &Path) -> Option<PathBuf> {
    if !function.uses_objects {
        return None;
    }
    let event = &prepared.event;
    let key = event["object"]["key"].as_str()?;
    let input = event["bucket"]["input"].as_str()?;
    Some(objects.join(&prepared.bucket).join(input).join(key))
}

/// The configuration that measuring workers use, for compiling ahead of them. Pooled and on-demand instances run the same
/// code.
fn measuring(allocation: Allocation) -> Configuration {
    Configuration { interruption: Interruption::None, allocation, memory_bytes: 1 << 30 }
}

/// Compiles the components that are not in the cache yet.
pub(super) async fn compile(
    functions: &[&'static Function],
    allocation: Allocation,
    folders: &CacheFolders,
    progress: &Progress,
) -> Result<Vec<(&'static Function, PathBuf, LoadTimes)>, Failure> {
    let cache = Arc::new(ArtefactCache::open(folders.components()).map_err(Failure::users)?);
    let engine = WasmEngine::new(measuring(allocation)).map_err(Failure::ours)?;
    let mut compiled = Vec::new();
    for function in functions.iter().copied() {
        progress.doing(format!("compiling {}", function.name));
        let (engine, cache) = (engine.clone(), cache.clone());
        let path = cache.path(engine.wasmtime(), function.component);
        let loaded = tokio::task::spawn_blocking(move || Program::load(function, &engine, Some(&cache)));
        let (_, times) = loaded.await.map_err(Failure::ours)?.map_err(Failure::ours)?;
        compiled.push((function, path, times));
        progress.step();
    }
    Ok(compiled)
}
