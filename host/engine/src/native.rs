//! A function linked into this process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use lab::{Error, ErrorKind};
use native::{Functions, NativeLab, Sandbox, Storage};
use tempfile::TempDir;

use super::wasm::FileCounts;
use super::{GrowthEvent, Instance, check_event_size};
use workload::Function;

/// A native instance.
pub(super) struct NativeInstance {
    function: &'static Function,
    storage: Arc<dyn Storage>,
    functions: Arc<dyn Functions>,
    sandbox: Sandbox,
    scratch: Option<TempDir>,
    nowhere: PathBuf,
}

impl NativeInstance {
    pub(super) fn new(
        function: &'static Function,
        storage: Arc<dyn Storage>,
        functions: Arc<dyn Functions>,
        sandbox: Sandbox,
        scratch: Option<TempDir>,
    ) -> NativeInstance {
        // A function that uses no objects gets no folder; it can't open this path.
        NativeInstance { function, storage, functions, sandbox, scratch, nowhere: PathBuf::from("/nonexistent") }
    }
}

impl Instance for NativeInstance {
    fn invoke(&mut self, event: &str) -> Result<String, Error> {
        check_event_size(event)?;
        let description = self.sandbox.begin();
        let scratch = self.scratch.as_ref().map_or(self.nowhere.as_path(), TempDir::path);
        let lab = NativeLab::new(&*self.storage, &*self.functions, description, scratch);
        let handler = self.function.handler;
        // A function holds nothing of ours over a panic, so there is no broken state to see.
        catch_unwind(AssertUnwindSafe(|| handler(&lab, event))).unwrap_or_else(|panic| {
            let message = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            Err(Error::new(ErrorKind::Internal, format!("{} panicked: {message}", self.function.name)))
        })
    }

    fn identifier(&self) -> &str {
        self.sandbox.identifier()
    }

    fn is_usable(&self) -> bool {
        true
    }

    fn linear_memory_peak_bytes(&self) -> Option<u64> {
        None
    }

    fn take_growth_events(&mut self) -> Vec<GrowthEvent> {
        Vec::new()
    }

    fn take_file_counts(&mut self) -> Option<FileCounts> {
        None
    }
}
