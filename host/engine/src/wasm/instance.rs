//! A WASM instance of a function.

use std::sync::Arc;
use std::time::Instant;

use lab::{Error, ErrorKind};
use native::{Functions, Sandbox, Storage};
use tempfile::TempDir;
use wasmtime::{Store, Trap};
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtxBuilder};

use super::configuration::{Interruption, WasmEngine, WasmError};
use super::file_counts::{FileCounts, FileLedger, ScratchLimit};
use super::imports::{contract, from_wit};
use super::interrupt::Interrupt;
use super::output::{Listener, Output, Stream};
use super::program::Program;
use super::scratch_folder::{ScratchFolder, bytes_in};
use super::state::{MemoryLimiter, Parts, State, Stop};
use crate::{GrowthEvent, Instance, Limits, MAX_ANSWER_BYTES, check_event_size};

/// What ended an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// The time limit.
    Time,
    /// The memory limit.
    Memory,
    /// The limit of the scratch disk.
    Scratch,
    /// The limit of what it may print.
    Log,
    /// That it may not use the network.
    Network,
    /// The limit of an answer's size.
    Answer,
    /// The limit of open files and other handles.
    Handles,
    /// Somebody stopped it.
    Stopped,
    /// Its own doing: a panic, a trap, an exit.
    Itself,
}

/// What an instance is made with.
pub struct InstanceOptions {
    /// Where objects are.
    pub storage: Arc<dyn Storage>,
    /// Other functions.
    pub functions: Arc<dyn Functions>,
    /// Its identity.
    pub sandbox: Sandbox,
    /// The folder that it sees as `/scratch`; the only one.
    pub scratch: Option<TempDir>,
    /// What it may use.
    pub limits: Limits,
    /// Who is told what it prints.
    pub listener: Option<Listener>,
    /// Its environment variables.
    pub environment: Arc<[(String, String)]>,
    /// Stops it from outside.
    pub interrupt: Interrupt,
}

impl InstanceOptions {
    /// Options for an instance to which nobody listens, without environment variables.
    pub fn new(
        storage: Arc<dyn Storage>,
        functions: Arc<dyn Functions>,
        sandbox: Sandbox,
        scratch: Option<TempDir>,
        limits: Limits,
    ) -> InstanceOptions {
        InstanceOptions {
            storage,
            functions,
            sandbox,
            scratch,
            limits,
            listener: None,
            environment: Arc::new([]),
            interrupt: Interrupt::default(),
        }
    }
}

/// A component with its own memory, scratch folder and identity.
pub struct WasmInstance {
    name: Arc<str>,
    store: Store<State>,
    exports: contract::Function,
    sandbox: Sandbox,
    limits: Limits,
    ended_by: Option<EndedBy>,
    // Keeps the time going that limits are measured in, after the launcher is gone too.
    _engine: WasmEngine,
    scratch: Option<ScratchFolder>,
}

impl WasmInstance {
    /// A new instance of `program`. It sees its scratch folder as `/scratch` and no other file.
    ///
    /// # Errors
    /// When the pool is full or the scratch folder can't be opened.
    pub fn new(program: &Program, options: InstanceOptions) -> Result<WasmInstance, WasmError> {
        let InstanceOptions { storage, functions, sandbox, scratch, limits, listener, environment, interrupt } =
            options;
        let scratch = scratch.map(ScratchFolder::from);
        let output = Output::new(listener, limits.log_bytes);
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(output.stream(Stream::Output)).stderr(output.stream(Stream::Error));
        wasi.envs(&environment).allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
        // File calls happen on this thread, where its counters and clocks see them.
        wasi.allow_blocking_current_thread(true);
        if let Some(scratch) = &scratch {
            wasi.preopened_dir(scratch.path(), "/scratch", FsPerms::ReadWrite)
                .map_err(|error| WasmError::Scratch(std::io::Error::other(format!("{error:#}"))))?;
        }
        let mut state = State::new(Parts {
            wasi: wasi.build(),
            memory: MemoryLimiter::new(limits.memory_bytes),
            files: FileLedger::new(limits.scratch_bytes),
            output,
            storage,
            functions,
            interrupt,
            cpu_thousandths: limits.cpu_thousandths,
        });
        // Instantiation runs initialisers of the guest; they are under the same limit.
        state.deadline = deadline(&limits);
        let engine = &program.engine;
        let mut store = Store::new(engine.wasmtime(), state);
        store.limiter(|state| &mut state.memory);
        if engine.configuration().interruption == Interruption::Epochs {
            store.epoch_deadline_callback(|mut store| store.data_mut().tick());
            store.set_epoch_deadline(1);
        }
        let exports = program
            .pre
            .instantiate(&mut store)
            .map_err(|source| WasmError::Instantiate { function: program.name.to_string(), source })?;
        Ok(WasmInstance {
            name: program.name.clone(),
            store,
            exports,
            sandbox,
            limits,
            ended_by: None,
            _engine: engine.clone(),
            scratch,
        })
    }

    /// What ended it, once it is not usable any more.
    pub fn ended_by(&self) -> Option<EndedBy> {
        self.ended_by
    }

    /// Its identity and how often it was invoked.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Ends it. Its scratch folder is removed with what is returned, as that may take a while.
    pub fn into_scratch(self) -> Option<ScratchFolder> {
        self.scratch
    }

    /// Other functions, for the invocations from now on.
    pub fn set_functions(&mut self, functions: Arc<dyn Functions>) {
        self.store.data_mut().functions = functions;
    }

    /// Serves one invocation, and stops it at `deadline`.
    ///
    /// # Errors
    /// The function's own error, or the limit that it hit.
    pub fn invoke_until(&mut self, event: &str, deadline: Option<Instant>) -> Result<String, Error> {
        check_event_size(event)?;
        if self.ended_by.is_some() {
            return Err(Error::new(ErrorKind::Unavailable, format!("this instance of {} was stopped", self.name)));
        }
        let description = self.sandbox.begin();
        let state = self.store.data_mut();
        state.begin(description, deadline);
        state.files.take_limit_reached();
        state.output.begin();
        // What can't all be seen stays taken.
        if let (true, Some(scratch)) = (state.files.is_largely_taken(), &self.scratch)
            && let Some(bytes) = bytes_in(scratch.path())
        {
            state.files.set_taken(bytes);
        }
        let outcome = self.exports.call_handle(&mut self.store, event);
        self.store.data().output.finish();
        match outcome {
            Ok(Ok(response)) if response.len() > MAX_ANSWER_BYTES => Err(self.end(
                EndedBy::Answer,
                format!("answered with {} bytes; at most {MAX_ANSWER_BYTES} are accepted", response.len()),
            )),
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.see_through(error)),
            Err(error) => Err(self.explain(&error)),
        }
    }

    /// To the guest a refusal is an I/O error like any other; here it is known which limit it was.
    fn see_through(&mut self, error: contract::faasbench::lab::types::Error) -> Error {
        let state = self.store.data();
        if let Some(limit) = state.files.take_limit_reached() {
            return self.end(EndedBy::Scratch, disk_is_full(limit));
        }
        if state.network_refused {
            return self.end(EndedBy::Network, NO_NETWORK.to_owned());
        }
        from_wit(error)
    }

    /// Why a call ended without an answer, in words that say which limit it was.
    fn explain(&mut self, error: &wasmtime::Error) -> Error {
        let state = self.store.data_mut();
        match state.stopped {
            Some(Stop::Deadline) => {
                let seconds = self.limits.time.unwrap_or_default().as_secs_f64();
                return self.end(EndedBy::Time, format!("took longer than its limit of {seconds} s and was stopped"));
            }
            Some(Stop::Asked) => return self.end(EndedBy::Stopped, "was stopped with its instance".to_owned()),
            None => {}
        }
        if let Some(limit) = state.output.take_limit_reached() {
            return self.end(EndedBy::Log, format!("printed more than its {limit} bytes and was stopped"));
        }
        if let Some((limit, asked)) = state.memory.take_refusal() {
            let message = format!(
                "asked for {asked} bytes of memory and was stopped; the limit of its instance is {limit} bytes"
            );
            return self.end(EndedBy::Memory, message);
        }
        if let Some(limit) = state.files.take_limit_reached() {
            return self.end(EndedBy::Scratch, disk_is_full(limit));
        }
        if state.network_refused {
            return self.end(EndedBy::Network, NO_NETWORK.to_owned());
        }
        if matches!(error.downcast_ref(), Some(wasmtime_wasi::ResourceTableError::Full)) {
            return self.end(EndedBy::Handles, "opened more files than it may and was stopped".to_owned());
        }
        let name = &self.name;
        let said = state.output.last_errors();
        self.ended_by = Some(EndedBy::Itself);
        let message = match (error.downcast_ref::<I32Exit>(), error.downcast_ref::<Trap>(), said.is_empty()) {
            (Some(exit), ..) => format!("{name} ended itself with exit status {}", exit.0),
            (None, Some(Trap::StackOverflow), _) => format!("{name} used up its stack and was stopped"),
            (None, _, false) => format!("{name} trapped: {said}"),
            // Without the trace of functions that wasmtime puts around it: a stripped component has no names.
            (None, Some(trap), true) => format!("{name} trapped: {trap}"),
            (None, None, true) => format!("{name} trapped: {error:#}"),
        };
        Error::new(ErrorKind::Internal, message)
    }

    fn end(&mut self, by: EndedBy, what: String) -> Error {
        self.ended_by = Some(by);
        let kind = if by == EndedBy::Stopped { ErrorKind::Unavailable } else { ErrorKind::Limit };
        Error::new(kind, format!("{} {what}", self.name))
    }
}

const NO_NETWORK: &str = "tried to use the network, which no instance has, and was stopped";

fn disk_is_full(limit: ScratchLimit) -> String {
    match limit {
        ScratchLimit::Bytes(bytes) => format!("wrote more than its {bytes} bytes of scratch disk and was stopped"),
        ScratchLimit::Folders(folders) => {
            format!("made more than the {folders} folders that its scratch disk may hold and was stopped")
        }
    }
}

/// When an invocation that begins now is to end; never when that is beyond what the clock can tell.
fn deadline(limits: &Limits) -> Option<Instant> {
    Instant::now().checked_add(limits.time?)
}

impl Instance for WasmInstance {
    fn invoke(&mut self, event: &str) -> Result<String, Error> {
        self.invoke_until(event, deadline(&self.limits))
    }

    fn identifier(&self) -> &str {
        self.sandbox.identifier()
    }

    fn is_usable(&self) -> bool {
        self.ended_by.is_none()
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
