//! WASM components in wasmtime.

mod artefact_cache;
mod configuration;
mod file_counts;
mod files;
mod imports;
mod instance;
mod interrupt;
mod network;
mod output;
mod program;
mod scratch_folder;
mod state;
mod waiting;

pub use artefact_cache::{ArtefactCache, ArtefactCacheError};
pub use configuration::{Allocation, Configuration, Interruption, WasmEngine, WasmError, pagemap_scan_is_safe};
pub use file_counts::{FileCount, FileCounts};
pub use instance::{EndedBy, InstanceOptions, WasmInstance};
pub use interrupt::Interrupt;
pub use output::{Listener, Stream};
pub use program::{LoadTimes, Program};
pub use scratch_folder::{ScratchFolder, remove_folder};
