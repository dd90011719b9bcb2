//! What the host and a worker say to each other: one JSON object a line, over the worker's standard streams.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::wasm::FileCounts;
use crate::engine::{EngineKind, GrowthEvent};
use crate::probe::counters::{CounterSeries, Pass, PassValues, Trigger};
use crate::probe::disk_io::{IoCounters, TreeDropped};

/// From the host to a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Make the instances.
    Prepare(Box<Preparation>),
    /// Invoke once in every instance, within one bracket.
    Invoke {
        /// What to measure around the invocation.
        probe: ProbeRequest,
    },
    /// Stop.
    Finish,
}

/// What a worker needs in order to begin.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    /// The function's name.
    pub function: String,
    /// How it runs.
    pub engine: EngineKind,
    /// The event of every invocation, UTF-8 JSON.
    pub event: String,
    /// The folder of the object storage.
    pub storage: PathBuf,
    /// The folder or file of the workload's input objects, whose page cache `disk-io` may drop.
    pub inputs: Option<PathBuf>,
    /// Where scratch folders are made.
    pub scratch: PathBuf,
    /// Where compiled components are; absent: compile, and keep nothing.
    pub artefact_cache: Option<PathBuf>,
    /// Most linear memory of a WASM instance, bytes.
    pub memory_limit_bytes: u64,
    /// Instances to make.
    pub instances: u32,
    /// Processor to run on.
    pub pin: Option<u32>,
    /// The process runs in Valgrind, where address space is scarce.
    pub simulated: bool,
}

/// What to measure around one invocation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "probe", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ProbeRequest {
    /// Wall, user and system time.
    Time,
    /// Peak memory and page faults.
    Memory,
    /// Bytes and calls.
    DiskIo {
        /// Drop the page cache of the inputs before it.
        cold_cache: bool,
    },
    /// Counters of one pass.
    Counters {
        /// The events.
        pass: Pass,
        /// Software events include the kernel.
        kernel_included: bool,
        /// Read all counters whenever this fires, for a series.
        trigger: Option<Trigger>,
    },
    /// Nothing here: Valgrind counts from outside, inside the function `faasbench_measured_call`.
    Simulation,
}

/// From a worker to the host.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reply {
    /// The answer to `Prepare`.
    Prepared(Prepared),
    /// The answer to `Invoke`.
    Measured(Box<Measured>),
    /// What was asked could not be done.
    Failed {
        /// Why, and what to do.
        message: String,
    },
}

/// A step before the first invocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Its name: `engine`, `compile`, `load`, `link`, `instantiate`.
    pub name: String,
    /// Its length.
    pub duration_ns: u64,
}

/// What the host learns from a worker that is ready.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prepared {
    /// Monotonic time at which the worker's `main` began, ns: the end of the process's start.
    pub main_monotonic_ns: u64,
    /// The steps that followed, in their order.
    pub phases: Vec<Phase>,
    /// Identities of the instances.
    pub instances: Vec<String>,
    /// Wall time that an empty bracket of the `time` probe measures, ns.
    pub empty_bracket_ns: Option<u64>,
}

/// One bracketed invocation (of every instance at once, where there are several).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Unix time at which it began, ns.
    pub start_unix_ns: u64,
    /// Monotonic time at which it began, ns.
    pub start_monotonic_ns: u64,
    /// Monotonic time at which it ended, ns.
    pub end_monotonic_ns: u64,
    /// The answer of each instance.
    pub answers: Vec<Answer>,
    /// What the probe read.
    pub readings: Readings,
    /// What the platform says of the call; absent for a worker, which is none.
    #[serde(default)]
    pub platform: Option<PlatformTimes>,
}

/// The parts of a call, as its platform tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformTimes {
    /// Waiting for an instance, ns.
    pub queue_ns: Option<u64>,
    /// Starting the instance, ns; absent for a warm one.
    pub start_instance_ns: Option<u64>,
    /// In the instance, ns.
    pub execution_ns: Option<u64>,
}

/// What an instance answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Who answered.
    pub instance: String,
    /// 1 for the first invocation of the instance.
    pub invocation_index: u64,
    /// The response, or the error.
    pub outcome: Outcome,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outcome {
    /// With a response.
    Response {
        /// UTF-8 JSON.
        body: String,
    },
    /// With an error of the function, or at a limit.
    Error {
        /// Its class: `bad-request`, `limit`, ...
        kind: String,
        /// Its text.
        message: String,
    },
}

/// What a probe read around one invocation. What could not be read is absent, with the reason in `unread`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "readings", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Readings {
    /// Of `time`.
    Time {
        /// Wall time, ns.
        wall_ns: u64,
        /// Processor time in user mode, us: of the thread that ran the handler.
        user_us: Option<u64>,
        /// In the kernel, us.
        system_us: Option<u64>,
        /// Both together from the scheduler's clock, ns: of the thread, or of an instance's whole process.
        cpu_ns: Option<u64>,
        /// Why something is absent.
        unread: Option<String>,
    },
    /// Of `memory`.
    Memory(MemoryReadings),
    /// Of `disk-io`.
    DiskIo(DiskIoReadings),
    /// Of `papi`.
    Counters(CounterReadings),
    /// Of `papi --simulate`.
    Simulation,
}

/// What `papi` read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CounterReadings {
    /// The counts of the pass, those of an empty bracket taken off.
    pub values: Option<PassValues>,
    /// Readings over the invocation, from which `values` are then not taken.
    pub series: Option<CounterSeries>,
    /// Why something is absent.
    pub unread: Option<String>,
}

/// What `memory` read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryReadings {
    /// Highest resident set of the process during the invocation, bytes.
    pub peak_rss_bytes: Option<u64>,
    /// Resident set just before, bytes.
    pub rss_before_bytes: Option<u64>,
    /// Resident set just after, bytes.
    pub rss_after_bytes: Option<u64>,
    /// Proportional set just after, bytes.
    pub pss_after_bytes: Option<u64>,
    /// Unique set just after, bytes.
    pub uss_after_bytes: Option<u64>,
    /// Highest linear memory of any instance so far, bytes; absent for native code.
    pub linear_memory_peak_bytes: Option<u64>,
    /// Growths of linear memory during the invocation.
    pub growth: Vec<GrowthEvent>,
    /// The greatest that the instance's control group ever used, page cache and kernel memory included, bytes; absent where it
    /// has none.
    #[serde(default)]
    pub group_peak_bytes: Option<u64>,
    /// Page faults served from memory during the invocation.
    pub minor_faults: Option<u64>,
    /// Page faults that waited for the disk.
    pub major_faults: Option<u64>,
    /// Why something is absent.
    pub unread: Option<String>,
}

/// What dropping the page cache of the inputs came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageCacheReport {
    /// Bytes of the inputs.
    pub input_bytes: u64,
    /// How many of them were still in memory afterwards: 0 when the cache was really cold.
    pub resident_bytes: Option<u64>,
    /// What failed, where something did.
    pub failure: Option<String>,
}

impl PageCacheReport {
    /// Of what was dropped.
    pub fn of(dropped: &TreeDropped) -> PageCacheReport {
        PageCacheReport {
            input_bytes: dropped.bytes,
            resident_bytes: dropped.resident_bytes,
            failure: dropped.failures.first().map(|failure| format!("{}: {}", failure.path.display(), failure.reason)),
        }
    }
}

/// What `disk-io` read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskIoReadings {
    /// Calls and bytes of the process, its own reading of the counters taken off.
    pub io: Option<IoCounters>,
    /// Per file at the WASI boundary; absent for native code.
    pub files: Option<FileCounts>,
    /// What dropping the page cache came to, where it was asked for.
    pub page_cache: Option<PageCacheReport>,
    /// Why something is absent.
    pub unread: Option<String>,
}
