//! What is recorded of a machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;

/// What the caller knows and the machine doesn't say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Known {
    /// The version of this program.
    pub program_version: String,
    /// The compiler that built it (`rustc --version`).
    pub rustc_version: Option<String>,
    /// The WASM runtime's version.
    pub wasmtime_version: Option<String>,
    /// How many of the processor's counters count truly here (the counters' self-test); 0 for none.
    pub usable_counters: Option<u32>,
}

/// The machine, the system, and the state they are in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// The processors.
    pub cpu: CpuFacts,
    /// The kernel and the system around it.
    pub system: SystemFacts,
    /// Memory and swap.
    pub memory: MemoryFacts,
    /// Limits that the control group sets on this process.
    pub cgroup: CgroupFacts,
    /// Virtual machine and container.
    pub virtualisation: VirtualisationFacts,
    /// Counting events.
    pub counters: CounterFacts,
    /// Programs beside this one that some of it needs.
    pub tools: ToolFacts,
    /// Versions of this program and what it was built with.
    pub build: BuildFacts,
    /// Nanoseconds since 1970 when this was read.
    pub unix_ns: u64,
}

/// The processors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CpuFacts {
    /// The name that the processor gives itself.
    pub model: Fact<String>,
    /// Vendor, family, model and stepping, such as `AuthenticAMD 25 1 1`.
    pub identity: Fact<String>,
    /// Such as `x86_64`.
    pub architecture: String,
    /// Processors that the system has.
    pub logical: Fact<u32>,
    /// Cores that the system has.
    pub cores: Fact<u32>,
    /// Processors that this process may use at once (affinity and quota counted in).
    pub usable: Fact<u32>,
    /// Whether two or more threads share a core.
    pub smt_active: Fact<bool>,
    /// The frequency governors in use, each once.
    pub governors: Fact<Vec<String>>,
    /// Whether the processor may go above its nominal frequency.
    pub boost: Fact<bool>,
    /// Lowest and highest present frequency of the processors, MHz, as `/proc/cpuinfo` has it.
    pub mhz: Fact<(f64, f64)>,
    /// Processors that the scheduler leaves alone (`isolcpus`), as a list such as `2-3`; empty for none.
    pub isolated: Fact<String>,
    /// Nodes of memory.
    pub numa_nodes: Fact<u32>,
}

/// The kernel and the system around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SystemFacts {
    /// Such as `6.18.44`.
    pub kernel: Fact<String>,
    /// The distribution, from `/etc/os-release`.
    pub distribution: Fact<String>,
    /// Average number of tasks that ran or wanted to, over 1, 5 and 15 minutes.
    pub load_average: Fact<(f64, f64, f64)>,
    /// Where the time comes from, such as `tsc`.
    pub clock_source: Fact<String>,
    /// Transparent huge pages: `always`, `madvise` or `never`.
    pub transparent_huge_pages: Fact<String>,
    /// Whether addresses are laid out at random (0 no, 1 and 2 yes).
    pub address_randomisation: Fact<u32>,
}

/// Memory and swap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryFacts {
    /// All of it, bytes.
    pub total_bytes: Fact<u64>,
    /// What a program could get without swapping, bytes.
    pub available_bytes: Fact<u64>,
    /// Swap, bytes; 0 for none.
    pub swap_total_bytes: Fact<u64>,
    /// Swap in use, bytes.
    pub swap_used_bytes: Fact<u64>,
}

/// Which control groups the system has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CgroupVersion {
    /// Version 1.
    V1,
    /// Version 2 alone.
    V2,
    /// Version 1 with its controllers, and version 2 beside it without.
    Hybrid,
}

/// Limits that the control group sets on this process: the tightest on the way to the root.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CgroupFacts {
    /// Which version.
    pub version: Fact<CgroupVersion>,
    /// Most memory, bytes.
    pub memory_limit_bytes: Fact<Limit<u64>>,
    /// Most processor time, in processors (0.5 is half of one).
    pub cpu_limit: Fact<Limit<f64>>,
}

/// A limit, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Limit<Value> {
    /// There is no limit, and that is known.
    Unlimited,
    /// At most this.
    AtMost(Value),
}

/// Virtual machine and container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VirtualisationFacts {
    /// Whether the processor says that a hypervisor is below.
    pub virtual_machine: Fact<bool>,
    /// Which, as the processor or the firmware names it, such as `KVM`.
    pub hypervisor: Fact<String>,
    /// The firmware's maker and product, such as `Amazon EC2 m5.large`.
    pub product: Fact<String>,
    /// The kind of container, such as `docker`; `none` where there is no sign of one.
    pub container: Fact<String>,
}

/// Counting events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CounterFacts {
    /// `kernel.perf_event_paranoid`.
    pub perf_event_paranoid: Fact<i32>,
    /// How many of the processor's counters count truly; 0 for none.
    pub usable_counters: Fact<u32>,
    /// Whether the kernel's watchdog holds a counter.
    pub nmi_watchdog: Fact<bool>,
}

/// Programs beside this one that some of it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolFacts {
    /// The container engine that answers, with its version, such as `Docker Engine 28.1.1`.
    pub container_engine: Fact<String>,
    /// The targets that the Rust compiler on the path can compile for.
    pub rust_targets: Fact<Vec<String>>,
    /// Valgrind's version, such as `valgrind-3.19.0`.
    pub valgrind: Fact<String>,
}

/// Versions of this program and what it was built with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildFacts {
    /// This program's.
    pub program_version: String,
    /// The compiler's.
    pub rustc_version: Fact<String>,
    /// The WASM runtime's.
    pub wasmtime_version: Fact<String>,
    /// Whether it was built without optimisation and with checks.
    pub debug_build: bool,
}
