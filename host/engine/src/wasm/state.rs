//! What a store holds for its instance.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lab::Instance as Description;
use native::{Functions, Storage, thread_cpu_time_us};
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::file_counts::FileLedger;
use super::interrupt::Interrupt;
use super::output::Output;
use crate::GrowthEvent;
use probe::clock::monotonic_ns;

/// Why a guest was stopped while it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Its time is over.
    Deadline,
    /// Somebody asked for it.
    Asked,
}

/// What a store holds for its instance.
pub(super) struct State {
    pub(super) wasi: WasiCtx,
    pub(super) table: ResourceTable,
    pub(super) memory: MemoryLimiter,
    pub(super) files: FileLedger,
    pub(super) output: Output,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) functions: Arc<dyn Functions>,
    pub(super) interrupt: Interrupt,
    /// Whether it tried to use the network since this was cleared.
    pub(super) network_refused: bool,
    /// Of the invocation being served.
    pub(super) description: Option<Description>,
    pub(super) deadline: Option<Instant>,
    pub(super) stopped: Option<Stop>,
    pub(super) cpu_time_at_start_us: u64,
    started: Instant,
    cpu_thousandths: Option<u32>,
}

/// The parts of a state that are made by others.
pub(super) struct Parts {
    pub(super) wasi: WasiCtx,
    pub(super) memory: MemoryLimiter,
    pub(super) files: FileLedger,
    pub(super) output: Output,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) functions: Arc<dyn Functions>,
    pub(super) interrupt: Interrupt,
    pub(super) cpu_thousandths: Option<u32>,
}

/// Handles that one instance may hold: open files and what belongs to them. The host's own descriptors are for all.
const HANDLES: usize = 1024;

impl State {
    pub(super) fn new(parts: Parts) -> State {
        let Parts { wasi, memory, files, output, storage, functions, interrupt, cpu_thousandths } = parts;
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        State {
            wasi,
            table,
            memory,
            files,
            output,
            storage,
            functions,
            interrupt,
            network_refused: false,
            description: None,
            deadline: None,
            stopped: None,
            // Only a share of the processor is reckoned from before the first invocation.
            cpu_time_at_start_us: if cpu_thousandths.is_some() { thread_cpu_time_us() } else { 0 },
            started: Instant::now(),
            cpu_thousandths,
        }
    }

    /// Takes the marks at the beginning of an invocation.
    pub(super) fn begin(&mut self, description: Description, deadline: Option<Instant>) {
        self.description = Some(description);
        self.deadline = deadline;
        self.network_refused = false;
        self.started = Instant::now();
        self.cpu_time_at_start_us = thread_cpu_time_us();
    }

    /// Why the guest must not go on.
    pub(super) fn must_stop(&self) -> Option<Stop> {
        if self.interrupt.is_asked() {
            return Some(Stop::Asked);
        }
        self.deadline.filter(|deadline| *deadline <= Instant::now()).map(|_| Stop::Deadline)
    }

    /// Writes down why the guest is stopped; the error ends it.
    pub(super) fn stop(&mut self, stop: Stop) -> wasmtime::Error {
        self.stopped = Some(stop);
        wasmtime::format_err!("stopped")
    }

    /// What happens at a tick of the epoch: the guest goes on, has to wait for its share of the processor, or ends.
    pub(super) fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        if let Some(pause) = self.owed_pause() {
            let end = Instant::now() + pause;
            self.interrupt.sleep_until(Some(self.deadline.map_or(end, |deadline| deadline.min(end))));
        }
        match self.must_stop() {
            Some(stop) => Err(self.stop(stop)),
            None => Ok(UpdateDeadline::Continue(1)),
        }
    }

    /// How long the guest has to rest until it has used no more than its share since its invocation began.
    fn owed_pause(&self) -> Option<Duration> {
        let thousandths = u64::from(self.cpu_thousandths.filter(|thousandths| (1..1000).contains(thousandths))?);
        let used_us = thread_cpu_time_us().saturating_sub(self.cpu_time_at_start_us);
        let due = Duration::from_micros(used_us.saturating_mul(1000) / thousandths);
        due.checked_sub(self.started.elapsed()).filter(|pause| !pause.is_zero())
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
    table_elements: usize,
}

/// Elements that an instance's tables may have together: enough for any function of ours, too few to hurt the host.
const TABLE_ELEMENTS: usize = 100_000;

impl MemoryLimiter {
    pub(super) fn new(limit_bytes: u64) -> MemoryLimiter {
        MemoryLimiter {
            limit_bytes,
            bytes: 0,
            peak_bytes: 0,
            refused_bytes: None,
            growth: Vec::new(),
            table_elements: 0,
        }
    }

    pub(super) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
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
        let total = self.bytes.saturating_sub(current as u64).saturating_add(desired as u64);
        if total > self.limit_bytes {
            self.refused_bytes = Some(total);
            return Ok(false);
        }
        if desired == current {
            // A guest may ask for nothing as often as it likes.
            return Ok(true);
        }
        self.bytes = total;
        self.peak_bytes = self.peak_bytes.max(total);
        self.growth.push(GrowthEvent { monotonic_ns: monotonic_ns(), linear_memory_bytes: total });
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.table_elements.saturating_sub(current).saturating_add(desired);
        if total > TABLE_ELEMENTS {
            return Ok(false);
        }
        self.table_elements = total;
        Ok(true)
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
