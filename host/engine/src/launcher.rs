//! Making instances of any function, on either engine, and letting them call each other.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use lab::{Error, ErrorKind};
use native::{Functions, Sandbox, Storage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::native::NativeInstance;
use super::wasm::{
    ArtefactCache, Configuration, InstanceOptions, LoadTimes, Program, WasmEngine, WasmError, WasmInstance,
};
use super::{Instance, Limits};
use workload::Function;

/// How code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// Machine code, linked into the process.
    Native,
    /// A WASM component in wasmtime.
    Wasm,
}

impl EngineKind {
    /// Both, in the order of reports.
    pub const ALL: [EngineKind; 2] = [EngineKind::Native, EngineKind::Wasm];

    /// Its name in flags and results.
    pub fn name(self) -> &'static str {
        match self {
            EngineKind::Native => "native",
            EngineKind::Wasm => "wasm",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EngineKind {
    type Err = String;

    fn from_str(name: &str) -> Result<EngineKind, String> {
        EngineKind::ALL
            .into_iter()
            .find(|engine| engine.name() == name)
            .ok_or_else(|| format!("there is no engine `{name}`; the engines are native and wasm"))
    }
}

/// What a launcher makes instances from.
pub struct LauncherOptions {
    /// Which engine they run on.
    pub engine: EngineKind,
    /// How WASM runs; not used natively.
    pub configuration: Configuration,
    /// Where compiled components are kept; `None`: they are compiled every time.
    pub cache: Option<ArtefactCache>,
    /// Where objects are.
    pub storage: Arc<dyn Storage>,
    /// Where instances get their scratch folders.
    pub scratch_root: PathBuf,
    /// What each instance may use.
    pub limits: Limits,
    /// The platform's name that instances report.
    pub platform: String,
}

/// How long the steps of a first launch took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaunchTimes {
    /// From component to program; `None` for native code, or when the program was there already.
    pub load: Option<LoadTimes>,
    /// Making the instance.
    pub instantiate: Duration,
}

/// Makes instances, and calls functions for those that call others.
pub struct Launcher {
    options: LauncherOptions,
    wasm: Option<WasmEngine>,
    programs: Mutex<HashMap<&'static str, Program>>,
    cores: u32,
    this: Weak<Launcher>,
}

impl Launcher {
    /// A launcher; for WASM this makes the engine and its pool.
    ///
    /// # Errors
    /// When wasmtime can't provide the configuration on this machine.
    pub fn new(options: LauncherOptions) -> Result<Arc<Launcher>, WasmError> {
        let wasm = match options.engine {
            EngineKind::Native => None,
            EngineKind::Wasm => Some(WasmEngine::new(options.configuration)?),
        };
        let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
        Ok(Arc::new_cyclic(|this| Launcher {
            options,
            wasm,
            programs: Mutex::new(HashMap::new()),
            cores,
            this: this.clone(),
        }))
    }

    /// A new instance of a function.
    ///
    /// # Errors
    /// When its component can't be loaded, or there is no room for another instance.
    pub fn launch(&self, function: &'static Function) -> Result<(Box<dyn Instance>, LaunchTimes), WasmError> {
        let mut times = LaunchTimes::default();
        let program = match &self.wasm {
            Some(engine) => Some(self.program(function, engine, &mut times)?),
            None => None,
        };
        let begin = Instant::now();
        let scratch = if function.uses_objects { Some(self.scratch()?) } else { None };
        let storage: Arc<dyn Storage> =
            if function.uses_objects { self.options.storage.clone() } else { Arc::new(native::NoStorage) };
        let functions: Arc<dyn Functions> = Arc::new(Calls(self.this.clone()));
        let instance: Box<dyn Instance> = match program {
            Some(program) => {
                let limit = Some(self.options.limits.memory_bytes);
                let sandbox = Sandbox::new(&self.options.platform, EngineKind::Wasm.name(), self.cores, limit);
                let options = InstanceOptions::new(storage, functions, sandbox, scratch, self.options.limits);
                Box::new(WasmInstance::new(&program, options)?)
            }
            None => {
                let sandbox = Sandbox::new(&self.options.platform, EngineKind::Native.name(), self.cores, None);
                Box::new(NativeInstance::new(function, storage, functions, sandbox, scratch))
            }
        };
        times.instantiate = begin.elapsed();
        Ok((instance, times))
    }

    fn program(
        &self,
        function: &'static Function,
        engine: &WasmEngine,
        times: &mut LaunchTimes,
    ) -> Result<Program, WasmError> {
        // Held while loading, so that a component that many ask for at once is compiled once. A panic in there leaves the
        // map as it was.
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = programs.get(function.name) {
            return Ok(program.clone());
        }
        let (program, load) = Program::load(function, engine, self.options.cache.as_ref())?;
        times.load = Some(load);
        programs.insert(function.name, program.clone());
        Ok(program)
    }

    fn scratch(&self) -> Result<TempDir, WasmError> {
        tempfile::Builder::new().prefix("faasbench-").tempdir_in(&self.options.scratch_root).map_err(WasmError::Scratch)
    }
}

/// Nested calls: each goes to a fresh instance on the same engine.
struct Calls(Weak<Launcher>);

impl Functions for Calls {
    fn call(&self, name: &str, payload: &str) -> Result<String, Error> {
        let function = workload::find(name).map_err(|unknown| Error::not_found(unknown.to_string()))?;
        let launcher =
            self.0.upgrade().ok_or_else(|| Error::new(ErrorKind::Unavailable, "the platform is shutting down"))?;
        let (mut instance, _) =
            launcher.launch(function).map_err(|error| Error::new(ErrorKind::Unavailable, error.to_string()))?;
        instance.invoke(payload)
    }
}
