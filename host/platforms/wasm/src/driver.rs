//! The driver of the platform wasm.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::wasm::{
    Allocation, ArtefactCache, Configuration, Interruption, Program, WasmEngine, WasmError, pagemap_scan_is_safe,
    remove_folder,
};
use image_kind::ImageKind;
use local_platform::{Driver, Prepared, Surroundings};
use platform::{Capabilities, ColdStart, DeploymentSpec, Ledger, Limits, PlatformError, Reached, Resource, Scale};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use crate::guest_threads::GuestThreads;
use crate::prepared::{Component, PreparedComponent, Scratch};

/// Most linear memory that an instance can have: all that 32-bit addresses reach.
const MOST_MEMORY_BYTES: u64 = 4 << 30;
/// Least: Rust's standard library needs about as much.
const LEAST_MEMORY_BYTES: u64 = 2 << 20;
/// Instances between the last answer and the end of the former one.
const SPARE_INSTANCES: u32 = 16;
/// What a deployment's folder of scratch folders is called in the ledger.
const SCRATCH: &str = "scratch";
/// What stands before the deployment's id in that folder's name.
const SCRATCH_PREFIX: &str = "faasbench-wasm-";

/// What the driver is made with.
pub struct WasmOptions {
    /// Where compiled components are kept; `None`: they are compiled at every deployment.
    pub cache: Option<ArtefactCache>,
    /// Most instances at once, of all deployments together.
    pub instances: u32,
}

impl Default for WasmOptions {
    fn default() -> WasmOptions {
        WasmOptions { cache: None, instances: 1_000 }
    }
}

/// Runs components in this process, each instance in a memory of its own, guests on threads of their own.
///
/// | limit | how it holds |
/// |---|---|
/// | memory | the linear memories of an instance together; growing beyond is refused, and what the guest then does ends it |
/// | time | computing is interrupted within some 10 ms, sleeping and waiting at once; in a call of the host the guest is left behind |
/// | processors | shares below one: a guest that used more rests until it has not, looked at every 10 ms |
/// | scratch disk | bytes written, files and folders made |
/// | log | bytes printed by one invocation |
/// | network | there is none |
pub struct WasmDriver {
    engine: WasmEngine,
    cache: Option<ArtefactCache>,
    threads: Arc<GuestThreads>,
    instances: u32,
    cores: u32,
}

impl WasmDriver {
    /// A driver with its engine and the memory for its instances reserved.
    ///
    /// # Errors
    /// When wasmtime can't provide that on this machine.
    pub fn new(options: WasmOptions) -> Result<WasmDriver, WasmError> {
        let WasmOptions { cache, instances } = options;
        let engine = WasmEngine::new(Configuration {
            interruption: Interruption::Epochs,
            allocation: Allocation::Pooled { instances: instances + SPARE_INSTANCES },
            memory_bytes: MOST_MEMORY_BYTES,
        })?;
        let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
        // Each instance that serves has a thread: one that waits for another function must not keep that from running.
        let threads = GuestThreads::new(instances as usize);
        Ok(WasmDriver { engine, cache, threads, instances, cores })
    }

    fn invalid(&self, spec: &DeploymentSpec, what: String) -> PlatformError {
        PlatformError::Invalid(format!("{} can't be deployed on wasm: {what}", spec.name))
    }

    /// The limits in the engine's terms.
    fn limits(&self, spec: &DeploymentSpec) -> Result<engine::Limits, PlatformError> {
        let limits = &spec.limits;
        let default = engine::Limits::default();
        let memory_bytes = limits.memory_bytes.unwrap_or(default.memory_bytes);
        if !(LEAST_MEMORY_BYTES..=MOST_MEMORY_BYTES).contains(&memory_bytes) {
            let what =
                format!("{memory_bytes} bytes of memory are not between {LEAST_MEMORY_BYTES} and {MOST_MEMORY_BYTES}");
            return Err(self.invalid(spec, what));
        }
        let maximum = spec.scale.maximum_instances.unwrap_or(1);
        if maximum > self.instances {
            let what = format!("{maximum} instances are more than the {} that there may be", self.instances);
            return Err(self.invalid(spec, what));
        }
        // Truncated on purpose, and never to nothing.
        let thousandths = |cpus: f64| ((cpus * 1000.0) as u32).max(1);
        Ok(engine::Limits {
            memory_bytes,
            time: limits.time,
            scratch_bytes: limits.scratch_bytes.unwrap_or(default.scratch_bytes),
            log_bytes: limits.log_bytes.unwrap_or(default.log_bytes),
            cpu_thousandths: limits.cpus.map(thousandths),
        })
    }

    /// Makes the folder of the deployment's scratch folders, which is in the ledger before.
    async fn scratch_root(
        &self,
        spec: &DeploymentSpec,
        state: &Path,
        ledger: &dyn Ledger,
    ) -> Result<PathBuf, PlatformError> {
        let name = format!("{SCRATCH_PREFIX}{}", spec.id);
        let folder = state.join(&name);
        let known = ledger.resources(&spec.id).await?;
        if !known.iter().any(|entry| entry.resource.kind == SCRATCH && entry.resource.name == name) {
            let resource = Resource {
                deployment: spec.id.clone(),
                platform: self.platform().to_owned(),
                target: self.platform().to_owned(),
                kind: SCRATCH.to_owned(),
                name,
                details: serde_json::json!({ "path": folder }),
            };
            let id = ledger.intend(&resource).await?;
            fs::create_dir_all(&folder).map_err(|error| failed("making a scratch folder", &folder, &error))?;
            ledger.created(id, &resource.details).await?;
        }
        fs::create_dir_all(&folder).map_err(|error| failed("making a scratch folder", &folder, &error))?;
        Ok(folder)
    }
}

fn failed(doing: &str, path: &Path, error: &dyn std::fmt::Display) -> PlatformError {
    PlatformError::Failed {
        platform: "wasm".to_owned(),
        doing: doing.to_owned(),
        reason: format!("{}: {error}", path.display()),
    }
}

/// The image's bytes, when they are what was built.
fn read_image(spec: &DeploymentSpec) -> Result<Vec<u8>, PlatformError> {
    let image = &spec.image;
    let bytes = fs::read(&image.path).map_err(|error| failed("reading an image", &image.path, &error))?;
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
    if digest != image.digest {
        let what = format!("its digest is {digest}, not {}; build it again with `faasbench build`", image.digest);
        return Err(failed("reading an image", &image.path, &what));
    }
    Ok(bytes)
}

#[async_trait]
impl Driver for WasmDriver {
    fn platform(&self) -> &'static str {
        "wasm"
    }

    fn image_kind(&self) -> ImageKind {
        ImageKind::Component
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            asynchronous: true,
            cold_start: ColdStart::Forced,
            scale: true,
            keep_alive: true,
            memory_limit: true,
            cpu_limit: true,
            // A component's function is synchronous.
            concurrency: false,
            logs: true,
            metrics: true,
            billing: true,
            nested_calls: true,
            local_processes: false,
        }
    }

    fn defaults(&self) -> (Scale, Limits) {
        let scale = Scale {
            minimum_instances: Some(0),
            maximum_instances: Some(self.instances.min(100)),
            concurrency: Some(1),
            keep_alive: Some(Duration::from_secs(60)),
            queue: Some(1_000),
        };
        let limits = Limits {
            memory_bytes: Some(512 << 20),
            cpus: None,
            time: Some(Duration::from_secs(60)),
            scratch_bytes: Some(512 << 20),
            log_bytes: Some(1 << 20),
        };
        (scale, limits)
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        let mut remarks = vec![
            "a share of processors below one is kept by pauses of a guest that used more, one above has no effect"
                .to_owned(),
            "the memory limit is that of the linear memory; wasmtime's own needs come on top".to_owned(),
        ];
        if !pagemap_scan_is_safe() {
            remarks.push("instances start slower, as this machine has swap or its kernel no PAGEMAP_SCAN".to_owned());
        }
        Ok(Reached { version: format!("wasmtime {}", env!("WASMTIME_VERSION")), remarks })
    }

    async fn prepare(
        &self,
        spec: &DeploymentSpec,
        surroundings: &Surroundings,
        ledger: &dyn Ledger,
    ) -> Result<Arc<dyn Prepared>, PlatformError> {
        let limits = self.limits(spec)?;
        let (engine, cache, wanted) = (self.engine.clone(), self.cache.clone(), spec.clone());
        let loading = tokio::task::spawn_blocking(move || {
            let bytes = read_image(&wanted)?;
            let loaded = Program::load_component(&wanted.name, &bytes, &engine, cache.as_ref());
            loaded.map(|(program, _)| program).map_err(|error| match error {
                WasmError::Compile { .. } | WasmError::Link { .. } => PlatformError::Invalid(error.to_string()),
                other => PlatformError::Failed {
                    platform: "wasm".to_owned(),
                    doing: format!("loading the component of {}", wanted.name),
                    reason: other.to_string(),
                },
            })
        });
        let program = loading.await.map_err(|panic| PlatformError::Failed {
            platform: "wasm".to_owned(),
            doing: format!("loading the component of {}", spec.name),
            reason: panic.to_string(),
        })??;
        // A function of ours that needs no files is spared the making of a folder for each instance.
        let needs_files = workload::find(&spec.function).map_or(true, |function| function.uses_objects);
        let scratch = match needs_files {
            true => {
                let root = self.scratch_root(spec, &surroundings.state, ledger).await?;
                Some(Scratch { root, storage: surroundings.storage.clone() })
            }
            false => None,
        };
        Ok(Arc::new(PreparedComponent(Arc::new(Component {
            name: spec.name.clone(),
            program,
            limits,
            environment: spec.environment.clone().into_iter().collect(),
            others: surroundings.others.clone(),
            threads: self.threads.clone(),
            handle: Handle::current(),
            scratch,
            cores: self.cores,
        }))))
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        let path = resource.details["path"].as_str().map(PathBuf::from);
        let is_ours = |path: &PathBuf| {
            let name = format!("{SCRATCH_PREFIX}{}", resource.deployment);
            resource.kind == SCRATCH && path.is_absolute() && path.file_name().is_some_and(|last| *last == *name)
        };
        let Some(path) = path.filter(is_ours) else {
            return Err(PlatformError::Invalid(format!(
                "the ledger's entry {} `{}` is none of the platform wasm; nothing was removed",
                resource.kind, resource.name
            )));
        };
        let folder = path.clone();
        let removing = tokio::task::spawn_blocking(move || remove_folder(&folder)).await;
        match removing.unwrap_or_else(|panic| Err(std::io::Error::other(panic))) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(failed("removing a scratch folder", &path, &error))
            }
            _ => Ok(()),
        }
    }
}
