//! What is deployed, and how.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use image_kind::Image;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Identifies one deployment for ever. Everything that is created for it carries this in its name or its labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DeploymentId(String);

impl DeploymentId {
    /// A new one: 10 lower-case hexadecimal digits, which any platform's names may hold.
    pub fn new() -> DeploymentId {
        let mut text = Uuid::new_v4().simple().to_string();
        text.truncate(10);
        DeploymentId(text)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for DeploymentId {
    fn default() -> DeploymentId {
        DeploymentId::new()
    }
}

impl From<String> for DeploymentId {
    fn from(text: String) -> DeploymentId {
        DeploymentId(text)
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many instances there may be and what each takes. `None`: the platform's own default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Scale {
    /// Instances that are kept, idle or not.
    pub minimum_instances: Option<u32>,
    /// Instances at once.
    pub maximum_instances: Option<u32>,
    /// Invocations at once in one instance.
    pub concurrency: Option<u32>,
    /// How long an idle instance is kept; zero: each invocation has an instance of its own.
    pub keep_alive: Option<Duration>,
    /// Invocations that may wait for an instance; further ones are refused (429).
    pub queue: Option<u32>,
}

/// What an instance may use. `None`: the platform's own default.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Memory, bytes.
    pub memory_bytes: Option<u64>,
    /// Processors; 0.5 is half of one.
    pub cpus: Option<f64>,
    /// Longest invocation, of any kind: computing, sleeping, waiting.
    pub time: Option<Duration>,
    /// Bytes on the scratch disk.
    pub scratch_bytes: Option<u64>,
    /// Bytes that an invocation may print before its instance is stopped.
    pub log_bytes: Option<u64>,
}

/// What is to be deployed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentSpec {
    /// Which deployment this is; the same for an update.
    pub id: DeploymentId,
    /// The lab function.
    pub function: String,
    /// The name under which it is called there: letters, digits and `-`, at most 63.
    pub name: String,
    /// The image, of the platform's kind.
    pub image: Image,
    /// How many instances.
    pub scale: Scale,
    /// What each may use.
    pub limits: Limits,
    /// Environment variables of the instances, beside ours.
    pub environment: BTreeMap<String, String>,
}

/// A deployment that a platform has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deployment {
    /// What was asked for, with the platform's defaults filled in.
    pub spec: DeploymentSpec,
    /// The platform's name.
    pub platform: String,
    /// The named installation of the platform.
    pub target: String,
    /// Where it is invoked, for platforms that have an address for it.
    pub url: Option<String>,
    /// What only the platform itself understands, to find it again.
    pub details: serde_json::Value,
}
