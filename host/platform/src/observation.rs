//! What a platform tells of its deployments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A platform that answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reached {
    /// What answered, with its version: `Docker 28.2.2`.
    pub version: String,
    /// What else is to be known, such as how a limit is kept here; one line each.
    pub remarks: Vec<String>,
}

/// Whether a deployment serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// It answers invocations; where there are no instances, it starts them.
    Ready,
    /// It is being made.
    Pending,
    /// It will not serve.
    Failed,
    /// The platform does not have it.
    Missing,
}

/// One instance, as far as its platform tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceStatus {
    /// The identity that it gives in answers.
    pub id: String,
    /// How long it has existed, us.
    pub age_us: u64,
    /// Invocations that it has served or is serving; `None` where the platform does not tell.
    pub invocations: Option<u64>,
    /// Invocations that it is serving; `None` where the platform does not tell.
    pub active: Option<u32>,
    /// Its processes on this machine.
    pub processes: Vec<u32>,
    /// Its control group, relative to the hierarchies' roots.
    pub cgroup: Option<String>,
}

/// How a deployment is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Whether it serves.
    pub readiness: Readiness,
    /// Why it does not.
    pub message: Option<String>,
    /// Its instances; `None` where the platform does not tell.
    pub instances: Option<Vec<InstanceStatus>>,
    /// Invocations that wait for an instance.
    pub waiting: Option<u32>,
    /// Digest of the image that serves, where the platform tells.
    pub image_digest: Option<String>,
}

/// Which stream a line was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogStream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
    /// The platform's own remarks: starts, ends, limits reached.
    Platform,
}

/// One line that an instance wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// Unix time, ns.
    pub unix_ns: u64,
    /// The instance.
    pub instance: String,
    /// Where it was written.
    pub stream: LogStream,
    /// The line, without its end.
    pub text: String,
}

/// What a platform bills for one invocation, or what a local one would.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Billing {
    /// Billed time, us.
    pub billed_us: u64,
    /// Starting the instance, us, where it is told apart; `None` for a warm one.
    pub start_us: Option<u64>,
    /// Waiting for an instance, us.
    pub wait_us: Option<u64>,
    /// Memory that is billed, bytes.
    pub memory_bytes: Option<u64>,
    /// Billed time times billed memory, GB-s (GB: 10^9 bytes); `None` without a memory size.
    pub gigabyte_seconds: Option<f64>,
    /// Most memory that was used, bytes.
    pub peak_memory_bytes: Option<u64>,
}

/// A number that a platform measured by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderMetric {
    /// The platform's own name for it.
    pub name: String,
    /// The value.
    pub value: f64,
    /// Its unit.
    pub unit: String,
}

/// Something on a platform that carries our mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// What it is: `container`, `image`, `function`.
    pub kind: String,
    /// The platform's name of it.
    pub name: String,
    /// The deployment that it says it belongs to.
    pub deployment: String,
}
