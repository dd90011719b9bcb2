//! What a run is asked to do.

use bytes::Bytes;
use platform::{Allowed, Capabilities};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A workload: a function with its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The function.
    pub function: String,
    /// The workload's size: `test`, `small`, `large`, or a name for the user's own input.
    pub size: String,
    /// The event, JSON.
    pub event: Bytes,
    /// Functions that it calls in turn, which must be deployed beside it.
    pub calls: Vec<String>,
}

/// A target as a plan sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedTarget {
    /// The installation's name.
    pub target: String,
    /// The platform's name.
    pub platform: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The region that its configuration names, in its provider's word: prices differ from one to the next.
    #[serde(default)]
    pub region: Option<String>,
    /// Memory sizes that its instances can have, bytes.
    #[serde(default)]
    pub memory_bytes: Allowed,
    /// Shares of processors that they can have.
    #[serde(default)]
    pub cpus: Allowed,
}

/// What a run of an experiment is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Seed of the order of everything, and of schedules.
    pub seed: u64,
    /// The plan that ends within a minute on the platforms of this machine.
    pub quick: bool,
    /// Workloads. Experiments that need another event than a workload's make their own.
    pub subjects: Vec<Subject>,
    /// Where.
    pub targets: Vec<PlannedTarget>,
    /// What the user set of the experiment's settings: see [`crate::settings`].
    pub settings: serde_json::Map<String, serde_json::Value>,
}
