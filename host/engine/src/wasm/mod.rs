//! WASM components in wasmtime.

mod artefact_cache;
mod configuration;
mod file_counts;
mod files;
mod imports;
mod instance;
mod program;
mod state;

pub use artefact_cache::{ArtefactCache, ArtefactCacheError};
pub use configuration::{Allocation, Configuration, Interruption, WasmEngine, WasmError, pagemap_scan_is_safe};
pub use file_counts::{FileCount, FileCounts};
pub use instance::WasmInstance;
pub use program::{LoadTimes, Program};
