//! Engine configurations: for measuring and for serving, pooled and on demand.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use super::ArtefactCacheError;

/// How often an engine that can be interrupted looks up: the precision of time limits.
const EPOCH_PERIOD: Duration = Duration::from_millis(10);

/// Linear memory that stays resident in a pool slot between instances, bytes. With `PAGEMAP_SCAN` a slot is reset by
/// clearing only what was written, which makes a fresh instance four times cheaper than without.
const LINEAR_MEMORY_KEEP_RESIDENT_BYTES: usize = 1 << 20;
/// The same for tables.
const TABLE_KEEP_RESIDENT_BYTES: usize = 64 << 10;

/// Whether a running guest can be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// It can't, and its code is not slowed by checks: for measuring, in a worker process that can be killed.
    None,
    /// By epochs, checked at every loop and call: 1.1 to 3.6 times slower. For serving.
    Epochs,
}

/// Where instances get their memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// From slots that are reserved once.
    Pooled {
        /// Most instances alive at once.
        instances: u32,
    },
    /// By `mmap` for each instance.
    OnDemand,
    /// By `mmap`, small and without guard regions: for simulators such as Valgrind that can't reserve address space.
    Frugal,
}

/// An engine's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Configuration {
    /// Whether a running guest can be stopped.
    pub interruption: Interruption,
    /// Where instances get their memory.
    pub allocation: Allocation,
    /// Most linear memory of one instance, bytes.
    pub memory_bytes: u64,
}

/// What can go wrong with a component before it runs.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WasmError {
    /// wasmtime refused the configuration or could not reserve memory for the pool.
    #[error("could not set up the wasmtime engine: {0:#}")]
    Engine(wasmtime::Error),
    /// The component could not be compiled.
    #[error("could not compile the component of {function}: {source:#}")]
    Compile {
        /// Whose component.
        function: String,
        /// wasmtime's reason.
        source: wasmtime::Error,
    },
    /// The component asks for something that a lab function is not given.
    #[error("the component of {function} does not fit the contract in wit/lab.wit: {source:#}")]
    Link {
        /// Whose component.
        function: String,
        /// wasmtime's reason.
        source: wasmtime::Error,
    },
    /// The instance could not be made.
    #[error("could not instantiate {function}: {source:#}")]
    Instantiate {
        /// Whose component.
        function: String,
        /// wasmtime's reason.
        source: wasmtime::Error,
    },
    /// The cache of compiled components could not be used.
    #[error(transparent)]
    Cache(#[from] ArtefactCacheError),
    /// The scratch folder could not be made.
    #[error("could not make a scratch folder: {0}")]
    Scratch(std::io::Error),
}

/// A wasmtime engine; when it can be interrupted, with the thread that advances its epoch.
#[derive(Clone)]
pub struct WasmEngine {
    engine: wasmtime::Engine,
    configuration: Configuration,
    _ticker: Option<Arc<Ticker>>,
}

struct Ticker;

impl WasmEngine {
    /// An engine of that configuration.
    ///
    /// # Errors
    /// When wasmtime can't provide it on this machine.
    pub fn new(configuration: Configuration) -> Result<WasmEngine, WasmError> {
        let mut config = wasmtime_config(configuration);
        if configuration.allocation == Allocation::Frugal {
            use_common_processor(&mut config).map_err(WasmError::Engine)?;
        }
        let engine = wasmtime::Engine::new(&config).map_err(WasmError::Engine)?;
        let ticker = match configuration.interruption {
            Interruption::None => None,
            Interruption::Epochs => Some(start_ticker(&engine)),
        };
        Ok(WasmEngine { engine, configuration, _ticker: ticker })
    }

    /// wasmtime's own handle.
    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.engine
    }

    /// What it was made from.
    pub fn configuration(&self) -> Configuration {
        self.configuration
    }
}

fn wasmtime_config(configuration: Configuration) -> Config {
    let mut config = Config::new();
    config.cranelift_opt_level(OptLevel::Speed);
    // The guests are synchronous; without the machinery for concurrent tasks a call is 0.4 us cheaper.
    config.concurrency_support(false);
    config.epoch_interruption(configuration.interruption == Interruption::Epochs);
    match configuration.allocation {
        Allocation::Pooled { instances } => {
            let mut pool = PoolingAllocationConfig::new();
            pool.total_component_instances(instances);
            // A component made from a Rust crate holds the crate's module and up to three small adapters.
            pool.total_core_instances(instances.saturating_mul(4));
            pool.total_memories(instances.saturating_mul(2));
            pool.total_tables(instances.saturating_mul(4));
            pool.max_memory_size(usize::try_from(configuration.memory_bytes).unwrap_or(usize::MAX));
            if pagemap_scan_is_safe() {
                pool.linear_memory_keep_resident(LINEAR_MEMORY_KEEP_RESIDENT_BYTES);
                pool.table_keep_resident(TABLE_KEEP_RESIDENT_BYTES);
                pool.pagemap_scan(Enabled::Yes);
            } else {
                // Keeping memory resident without the scan clears all of it: slower than keeping nothing.
                pool.pagemap_scan(Enabled::No);
            }
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        }
        Allocation::OnDemand => {
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        }
        Allocation::Frugal => {
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            config.memory_reservation(0);
            config.memory_guard_size(0);
            config.memory_reservation_for_growth(1 << 20);
            config.memory_init_cow(false);
            config.signals_based_traps(false);
        }
    }
    config
}

/// Compiles for what every processor of this kind has had since 2009 and not for this very one. A simulator has fewer
/// features than the processor below it, so that artefacts made outside of it would not be found inside, and compiling
/// inside takes minutes.
fn use_common_processor(config: &mut Config) -> wasmtime::Result<()> {
    config.target(&format!("{}-unknown-linux-gnu", std::env::consts::ARCH))?;
    if cfg!(target_arch = "x86_64") {
        for feature in ["has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt"] {
            // SAFETY: these flags name features that a processor must have for the code to run; wasmtime looks for them
            // before it loads the code.
            unsafe { config.cranelift_flag_enable(feature) };
        }
    }
    Ok(())
}

/// Whether pool slots may be reset by `PAGEMAP_SCAN`: the kernel has it, and there is no swap. Written pages that were
/// swapped out are not seen by the scan of wasmtime 48, so that the next instance in the slot would read them
/// (wasmtime pull request 14357).
pub fn pagemap_scan_is_safe() -> bool {
    let swap_is_absent = std::fs::read_to_string("/proc/meminfo").is_ok_and(|text| {
        text.lines().any(|line| line.strip_prefix("SwapTotal:").is_some_and(|rest| rest.trim().starts_with("0 ")))
    });
    swap_is_absent && PoolingAllocationConfig::is_pagemap_scan_available()
}

/// Advances the engine's epoch until the engine is gone.
fn start_ticker(engine: &wasmtime::Engine) -> Arc<Ticker> {
    let ticker = Arc::new(Ticker);
    let alive = Arc::downgrade(&ticker);
    let engine = engine.weak();
    std::thread::spawn(move || {
        while alive.strong_count() > 0 {
            std::thread::sleep(EPOCH_PERIOD);
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
        }
    });
    ticker
}
