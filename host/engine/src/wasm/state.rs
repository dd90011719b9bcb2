//! What a store holds for its instance.

use std::sync::Arc;

use lab::Instance as Description;
use native::{Functions, Storage, thread_cpu_time_us};
use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::file_counts::FileLedger;
use crate::GrowthEvent;
use probe::clock::monotonic_ns;

/// What a store holds for its instance.
pub(super) struct State {
    pub(super) wasi: WasiCtx,
    pub(super) table: ResourceTable,
    pub(super) memory: MemoryLimiter,
    pub(super) files: FileLedger,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) functions: Arc<dyn Functions>,
    /// Of the invocation being served.
    pub(super) description: Option<Description>,
    pub(super) cpu_time_at_start_us: u64,
    pub(super) standard_error: MemoryOutputPipe,
}

impl State {
    /// Takes the marks at the beginning of an invocation.
    pub(super) fn begin(&mut self, description: Description) {
        self.description = Some(description);
        self.cpu_time_at_start_us = thread_cpu_time_us();
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Keeps an instance's linear memories together under one limit, and writes down how they grew.
#[derive(Debug)]
pub(super) struct MemoryLimiter {
    limit_bytes: u64,
    bytes: u64,
    peak_bytes: u64,
    refused_bytes: Option<u64>,
    growth: Vec<GrowthEvent>,
}

/// Elements that one table may have: enough for any function of ours, too few to hurt the host.
const TABLE_ELEMENTS: usize = 100_000;

impl MemoryLimiter {
    pub(super) fn new(limit_bytes: u64) -> MemoryLimiter {
        MemoryLimiter { limit_bytes, bytes: 0, peak_bytes: 0, refused_bytes: None, growth: Vec::new() }
    }

    pub(super) fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    pub(super) fn take_growth(&mut self) -> Vec<GrowthEvent> {
        std::mem::take(&mut self.growth)
    }

    /// The limit and what was asked for, when a growth was refused since this was asked last.
    pub(super) fn take_refusal(&mut self) -> Option<(u64, u64)> {
        self.refused_bytes.take().map(|asked| (self.limit_bytes, asked))
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.bytes - current as u64 + desired as u64;
        if total > self.limit_bytes {
            self.refused_bytes = Some(total);
            return Ok(false);
        }
        self.bytes = total;
        self.peak_bytes = self.peak_bytes.max(total);
        self.growth.push(GrowthEvent { monotonic_ns: monotonic_ns(), linear_memory_bytes: total });
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn several_memories_share_one_limit() {
        let mut limiter = MemoryLimiter::new(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(60, 100, None).unwrap());
        assert_eq!(limiter.take_refusal(), Some((100, 120)));
        assert_eq!(limiter.take_refusal(), None);
        assert_eq!(limiter.peak_bytes(), 100);
        assert_eq!(limiter.take_growth().len(), 2);
    }
}
