//! What the commands print with `--json`. Their schemas are in `host/schemas`.

use image_build::{Image, ImageKind};
use platform::{
    Billing, CallId, Capabilities, Deployment, Found, InstanceIdentity, ProviderMetric, Reached, Status, Timings,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::results::DeploymentEntry;
use crate::workload::Prepared;

/// A platform, or a target of the configuration: `faasbench platforms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformDocument {
    /// The target's name: the configuration's, or the platform's own.
    pub target: String,
    /// The platform's name.
    pub platform: String,
    /// What it is.
    pub summary: String,
    /// The kind of image that it takes.
    pub image: ImageKind,
    /// What answered; none where nothing did.
    pub reached: Option<Reached>,
    /// Why nothing answered, and what to do.
    pub problem: Option<String>,
    /// What it can do; none where it can't be known without reaching it.
    pub capabilities: Option<Capabilities>,
    /// Deployments there that the ledger knows.
    pub deployments: u64,
    /// What carries our mark there and is not in the ledger; none where it was not asked for.
    pub unknown: Option<Vec<Found>>,
    /// Why that could not be told.
    pub audit_problem: Option<String>,
}

/// A function's image: `faasbench build --platform`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuiltDocument {
    /// The image.
    pub image: Image,
    /// Whether it was in the cache.
    pub was_cached: bool,
    /// Time until it was there, us.
    pub took_us: u64,
}

/// A deployment that was made: `faasbench deploy`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeployedDocument {
    /// The function.
    pub function: String,
    /// The name under which it is called.
    pub name: String,
    /// The deployment; none where it failed.
    pub deployment: Option<Deployment>,
    /// Whether there was one of this name before.
    pub was_update: Option<bool>,
    /// Time until it served, without building its image, us.
    pub took_us: Option<u64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A deployment as the ledger has it and as its platform says: `faasbench status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusDocument {
    /// The ledger's.
    pub entry: DeploymentEntry,
    /// The platform's; none where it can't be asked.
    pub status: Option<Status>,
    /// Why it can't be asked.
    pub problem: Option<String>,
    /// What the platform itself measured, by its own names; none where that was not asked for or can't be read.
    pub metrics: Option<Vec<ProviderMetric>>,
    /// Why it can't be read.
    pub metrics_problem: Option<String>,
}

/// An invocation of what is deployed: `faasbench invoke --platform`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvocationDocument {
    /// The deployment's name.
    pub name: String,
    /// The platform's name.
    pub platform: String,
    /// The named installation of the platform.
    pub target: String,
    /// HTTP status, or what it would be.
    pub status: u16,
    /// The function's response; none where it failed.
    pub response: Option<Value>,
    /// The function's error, or the platform's answer in its place.
    pub error: Option<String>,
    /// The platform's name of the call.
    pub call: Option<CallId>,
    /// The instance that served it; none where nothing says.
    pub instance: Option<InstanceIdentity>,
    /// Whether it was the instance's first invocation; none where nothing says.
    pub is_cold: Option<bool>,
    /// How long it took.
    pub timings: Timings,
    /// What it costs, where the platform says so.
    pub billing: Option<Billing>,
}

/// What `faasbench undeploy` did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RemovalDocument {
    /// Deployments of which all is gone.
    pub removed: Vec<RemovedDocument>,
    /// What may still be there.
    pub left: Vec<RemovalFailure>,
    /// What may still be there and is in the ledger no longer, as was asked for.
    #[serde(default)]
    pub forgotten: Vec<RemovalFailure>,
    /// Deployments on other machines, which only a command there can remove.
    pub elsewhere: Vec<RemovedDocument>,
}

/// A deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemovedDocument {
    /// Its identity.
    pub id: String,
    /// Its name; none for what belongs to no known deployment.
    pub name: Option<String>,
    /// What it is where it belongs to no known deployment: a server in the background, what a run left.
    pub kind: Option<String>,
    /// The platform's name.
    pub platform: String,
    /// The named installation of the platform.
    pub target: String,
    /// The machine, for a platform of a machine.
    pub host: Option<String>,
}

/// Something that may still be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemovalFailure {
    /// The deployment's identity.
    pub id: String,
    /// What it is, in the platform's word.
    pub kind: String,
    /// Its name there.
    pub name: String,
    /// The named installation of the platform.
    pub target: String,
    /// Why, and what to do.
    pub error: String,
}

/// A workload's input in a storage: `faasbench storage upload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UploadedDocument {
    /// The function.
    pub function: String,
    /// The workload's size.
    pub workload: String,
    /// Objects that were written.
    pub written: u64,
    /// Their bytes.
    pub written_bytes: u64,
    /// Objects that were there.
    pub present: u64,
}

impl UploadedDocument {
    /// An input that was made where it is needed.
    pub fn in_place(function: &str, prepared: &Prepared) -> UploadedDocument {
        UploadedDocument {
            function: function.to_owned(),
            workload: prepared.label.clone(),
            written: 0,
            written_bytes: 0,
            present: prepared.files,
        }
    }
}

/// An object: `faasbench storage list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectDocument {
    /// Its key.
    pub key: String,
    /// Its size, bytes.
    pub size_bytes: u64,
    /// What the storage calls its content; none where it does not.
    pub etag: Option<String>,
}

/// What `faasbench storage clean` removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CleanedDocument {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}
