//! What a platform can do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a cold start can be brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ColdStart {
    /// Warm instances are ended by a call of their own.
    Forced,
    /// An update makes new instances; the old ones serve on for a while.
    ByUpdate,
    /// Every invocation has an instance of its own.
    Always,
    /// Only by waiting until instances are reclaimed.
    ByWaiting,
}

/// What a platform can do. An experiment asks for what it needs and says in one line what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capabilities {
    /// Invocations whose answer is fetched later.
    pub asynchronous: bool,
    /// How a cold start can be brought about.
    pub cold_start: ColdStart,
    /// Minimum and maximum of instances can be set.
    pub scale: bool,
    /// The keep-alive time can be set.
    pub keep_alive: bool,
    /// A memory limit can be set, and holds.
    pub memory_limit: bool,
    /// A share of processors can be set, and holds.
    pub cpu_limit: bool,
    /// Several invocations at once in one instance can be allowed.
    pub concurrency: bool,
    /// What the function wrote can be read.
    pub logs: bool,
    /// The platform measures by itself: durations, memory.
    pub metrics: bool,
    /// The platform says what it would bill for an invocation.
    pub billing: bool,
    /// Nested calls between functions.
    pub nested_calls: bool,
    /// The instances' processes run on this machine, where probes can read them.
    pub local_processes: bool,
}
