//! A component that is ready to be instantiated.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::Component;

use super::artefact_cache::ArtefactCache;
use super::configuration::{WasmEngine, WasmError};
use super::imports::{self, contract};
use super::state::State;
use workload::Function;

/// How long the steps took that come before the first instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoadTimes {
    /// Compiling; `None` when a cached artefact was loaded.
    pub compile: Option<Duration>,
    /// Loading the artefact, or making the compiled code executable.
    pub load: Duration,
    /// Linking: everything that can be resolved before there is an instance.
    pub link: Duration,
}

/// A compiled and linked component.
#[derive(Clone)]
pub struct Program {
    pub(super) name: Arc<str>,
    pub(super) engine: WasmEngine,
    pub(super) pre: contract::FunctionPre<State>,
}

impl Program {
    /// Loads a lab function's own component. See [`Program::load_component`].
    ///
    /// # Errors
    /// When it can't be compiled, linked or kept.
    pub fn load(
        function: &'static Function,
        engine: &WasmEngine,
        cache: Option<&ArtefactCache>,
    ) -> Result<(Program, LoadTimes), WasmError> {
        Program::load_component(function.name, function.component, engine, cache)
    }

    /// Loads any component from `cache`, or compiles it and keeps it there. Without a cache it is always compiled. `name` is
    /// what errors call it. It may come from anybody: one that imports more than `wit/lab.wit` and WASI is refused.
    ///
    /// # Errors
    /// When it can't be compiled, linked or kept.
    pub fn load_component(
        name: &str,
        bytes: &[u8],
        engine: &WasmEngine,
        cache: Option<&ArtefactCache>,
    ) -> Result<(Program, LoadTimes), WasmError> {
        let mut times = LoadTimes::default();
        let begin = Instant::now();
        let cached = cache.and_then(|cache| cache.load(engine.wasmtime(), bytes));
        let component = if let Some(component) = cached {
            times.load = begin.elapsed();
            component
        } else {
            Program::compile(name, bytes, engine, cache, &mut times)?
        };
        let begin = Instant::now();
        let link = |source| WasmError::Link { function: name.to_owned(), source };
        let linker = imports::linker(engine.wasmtime()).map_err(link)?;
        let pre = linker.instantiate_pre(&component).and_then(contract::FunctionPre::new).map_err(link)?;
        times.link = begin.elapsed();
        Ok((Program { name: name.into(), engine: engine.clone(), pre }, times))
    }

    fn compile(
        name: &str,
        bytes: &[u8],
        engine: &WasmEngine,
        cache: Option<&ArtefactCache>,
        times: &mut LoadTimes,
    ) -> Result<Component, WasmError> {
        let failed = |source| WasmError::Compile { function: name.to_owned(), source };
        let begin = Instant::now();
        let compiled = engine.wasmtime().precompile_component(bytes).map_err(failed)?;
        times.compile = Some(begin.elapsed());
        if let Some(cache) = cache {
            cache.store(&cache.path(engine.wasmtime(), bytes), &compiled)?;
        }
        let begin = Instant::now();
        // SAFETY: these bytes come from `precompile_component` of the same engine, just above.
        let component = unsafe { Component::deserialize(engine.wasmtime(), &compiled) }.map_err(failed)?;
        times.load = begin.elapsed();
        Ok(component)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }
}
