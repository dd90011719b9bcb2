//! A WASM instance of a function.

use std::sync::Arc;

use lab::{Error, ErrorKind};
use native::{Functions, Sandbox, Storage};
use tempfile::TempDir;
use wasmtime::{Store, Trap};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use super::configuration::{EPOCH_PERIOD, Interruption, WasmEngine, WasmError};
use super::file_counts::{FileCounts, FileLedger};
use super::imports::{contract, from_wit};
use super::program::Program;
use super::state::{MemoryLimiter, State};
use crate::{GrowthEvent, Instance, Limits, check_event_size};

/// What is kept of a guest's standard error stream, bytes: enough for a panic message. A guest that prints more is stopped.
const STANDARD_ERROR_BYTES: usize = 16 * 1024;

/// A component with its own memory, scratch folder and identity.
pub struct WasmInstance {
    name: &'static str,
    store: Store<State>,
    exports: contract::Function,
    sandbox: Sandbox,
    limits: Limits,
    guarded: bool,
    usable: bool,
    // Keeps the time going that limits are measured in, after the launcher is gone too.
    _engine: WasmEngine,
    _scratch: Option<TempDir>,
}

impl WasmInstance {
    /// A new instance of `program`. It sees `scratch` as `/scratch` and no other file.
    ///
    /// # Errors
    /// When the pool is full or the scratch folder can't be opened.
    pub fn new(
        program: &Program,
        storage: Arc<dyn Storage>,
        functions: Arc<dyn Functions>,
        sandbox: Sandbox,
        scratch: Option<TempDir>,
        limits: Limits,
    ) -> Result<WasmInstance, WasmError> {
        let standard_error = MemoryOutputPipe::new(STANDARD_ERROR_BYTES);
        let mut wasi = WasiCtxBuilder::new();
        wasi.stderr(standard_error.clone());
        // File calls happen on this thread, where its counters and clocks see them.
        wasi.allow_blocking_current_thread(true);
        if let Some(scratch) = &scratch {
            wasi.preopened_dir(scratch.path(), "/scratch", FsPerms::ReadWrite)
                .map_err(|error| WasmError::Scratch(std::io::Error::other(format!("{error:#}"))))?;
        }
        let state = State {
            wasi: wasi.build(),
            table: Default::default(),
            memory: MemoryLimiter::new(limits.memory_bytes),
            files: FileLedger::new(limits.scratch_bytes),
            storage,
            functions,
            description: None,
            cpu_time_at_start_us: 0,
            standard_error,
        };
        let engine = &program.engine;
        let mut store = Store::new(engine.wasmtime(), state);
        store.limiter(|state| &mut state.memory);
        let guarded = engine.configuration().interruption == Interruption::Epochs;
        if guarded {
            // Instantiation runs initialisers of the guest; they are under the same limit.
            store.set_epoch_deadline(epochs(limits));
        }
        let exports = program
            .pre
            .instantiate(&mut store)
            .map_err(|source| WasmError::Instantiate { function: program.function.name.to_owned(), source })?;
        Ok(WasmInstance {
            name: program.function.name,
            store,
            exports,
            sandbox,
            limits,
            guarded,
            usable: true,
            _engine: engine.clone(),
            _scratch: scratch,
        })
    }

    /// Why a call ended without an answer, in words that say which limit it was.
    fn explain(&mut self, error: &wasmtime::Error) -> Error {
        let name = self.name;
        let state = self.store.data_mut();
        if let Some((limit, asked)) = state.memory.take_refusal() {
            return Error::limit(format!(
                "{name} asked for {asked} bytes of memory and was stopped; the limit of its instance is {limit} bytes"
            ));
        }
        if let Some(limit) = state.files.take_limit_reached() {
            return disk_is_full(name, limit);
        }
        if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
            let seconds = self.limits.time.unwrap_or_default().as_secs_f64();
            return Error::limit(format!("{name} computed for longer than its limit of {seconds} s and was stopped"));
        }
        let said = String::from_utf8_lossy(&state.standard_error.contents()).trim().to_owned();
        let reason = if said.is_empty() { format!("{error:#}") } else { said };
        Error::new(ErrorKind::Internal, format!("{name} trapped: {reason}"))
    }
}

fn disk_is_full(name: &str, limit: u64) -> Error {
    Error::limit(format!("{name} wrote more than its {limit} bytes of scratch disk and was stopped"))
}

fn epochs(limits: Limits) -> u64 {
    let period = EPOCH_PERIOD.as_nanos();
    // One more, because the epoch under way may end at once. Without a limit: for ever.
    limits.time.map_or(u64::MAX / 2, |time| u64::try_from(time.as_nanos() / period).unwrap_or(u64::MAX / 2) + 1)
}

impl Instance for WasmInstance {
    fn invoke(&mut self, event: &str) -> Result<String, Error> {
        check_event_size(event)?;
        if !self.usable {
            return Err(Error::new(ErrorKind::Unavailable, format!("this instance of {} was stopped", self.name)));
        }
        let description = self.sandbox.begin();
        self.store.data_mut().begin(description);
        self.store.data().files.take_limit_reached();
        if self.guarded {
            self.store.set_epoch_deadline(epochs(self.limits));
        }
        match self.exports.call_handle(&mut self.store, event) {
            Ok(Ok(response)) => Ok(response),
            // To the guest a refused write is an I/O error like any other; here it is known which limit it was.
            Ok(Err(error)) => Err(match self.store.data().files.take_limit_reached() {
                Some(limit) => {
                    self.usable = false;
                    disk_is_full(self.name, limit)
                }
                None => from_wit(error),
            }),
            Err(error) => {
                self.usable = false;
                Err(self.explain(&error))
            }
        }
    }

    fn identifier(&self) -> &str {
        self.sandbox.identifier()
    }

    fn is_usable(&self) -> bool {
        self.usable
    }

    fn linear_memory_peak_bytes(&self) -> Option<u64> {
        Some(self.store.data().memory.peak_bytes())
    }

    fn take_growth_events(&mut self) -> Vec<GrowthEvent> {
        self.store.data_mut().memory.take_growth()
    }

    fn take_file_counts(&mut self) -> Option<FileCounts> {
        Some(self.store.data().files.take())
    }
}
