//! A deployment as the ledger has it.

use platform::{Deployment, DeploymentId, DeploymentSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::RunNumber;
use super::super::value::{DatabaseRow, unreadable};

/// What stands in the ledger for the value of an environment variable: it may be a secret.
const NOT_KEPT: &str = "(not kept)";

/// How far a deployment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentStatus {
    /// It is being made.
    Intended,
    /// It was made.
    Deployed,
    /// It could not be made; parts of it may exist.
    Failed,
    /// It is being removed, or could not be removed entirely.
    Removing,
    /// All of it is gone.
    Removed,
}

impl DeploymentStatus {
    /// Its name, as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            DeploymentStatus::Intended => "intended",
            DeploymentStatus::Deployed => "deployed",
            DeploymentStatus::Failed => "failed",
            DeploymentStatus::Removing => "removing",
            DeploymentStatus::Removed => "removed",
        }
    }

    fn from_name(name: &str) -> Option<DeploymentStatus> {
        use DeploymentStatus::{Deployed, Failed, Intended, Removed, Removing};
        [Intended, Deployed, Failed, Removing, Removed].into_iter().find(|status| status.name() == name)
    }
}

/// What is about to be deployed.
#[derive(Debug, Clone, Copy)]
pub struct NewDeployment<'a> {
    /// The run that it is for, if any.
    pub run: Option<RunNumber>,
    /// What it is to be. Its id is that of a new deployment.
    pub spec: &'a DeploymentSpec,
    /// The platform's name.
    pub platform: &'a str,
    /// The named installation of the platform.
    pub target: &'a str,
    /// Whether the platform is on this machine.
    pub is_local: bool,
}

/// What came of an intention.
#[derive(Debug, Clone)]
pub enum Claim {
    /// The name was free: it is a new deployment.
    New,
    /// The name is that of a deployment of ours, which is to be updated under its own id.
    Update(Box<DeploymentEntry>),
}

/// A deployment as the ledger has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentEntry {
    /// Its identity, which everything that belongs to it carries.
    pub id: DeploymentId,
    /// When it was first intended, Unix time, ns.
    pub created_unix_ns: i64,
    /// When this entry last changed, Unix time, ns.
    pub changed_unix_ns: i64,
    /// How far it has come.
    pub status: DeploymentStatus,
    /// The platform's name.
    pub platform: String,
    /// The named installation of the platform.
    pub target: String,
    /// The machine that the platform is on, for one of a machine.
    pub host: Option<String>,
    /// The lab function.
    pub function: String,
    /// The name under which it is called.
    pub name: String,
    /// How its code runs: `native` or `wasm`.
    pub engine: String,
    /// What was asked for; the values of environment variables are not kept.
    pub spec: DeploymentSpec,
    /// Where it is invoked, for platforms that have an address for it.
    pub url: Option<String>,
    /// What only the platform itself understands.
    pub details: serde_json::Value,
    /// Why it failed, or could not be removed.
    pub error: Option<String>,
}

impl DeploymentEntry {
    /// As its platform knows it.
    pub fn deployment(&self) -> Deployment {
        Deployment {
            spec: self.spec.clone(),
            platform: self.platform.clone(),
            target: self.target.clone(),
            url: self.url.clone(),
            details: self.details.clone(),
        }
    }
}

/// The columns that [`read`] takes, in its order.
pub(super) const COLUMNS: &str = "identifier, created_unix_ns, changed_unix_ns, status, platform, target, host, function, name, engine, \
     configuration, url, details, error";

pub(super) fn read(row: &DatabaseRow) -> Result<DeploymentEntry, sqlx::Error> {
    let status: String = row.at(3)?;
    let platform: String = row.at(4)?;
    let configuration: String = row.at(10)?;
    let details: Option<String> = row.at(12)?;
    let details = match details {
        Some(text) => serde_json::from_str(&text).map_err(|error| unreadable("details", error))?,
        None => serde_json::Value::Null,
    };
    Ok(DeploymentEntry {
        id: DeploymentId::from(row.at::<String>(0)?),
        created_unix_ns: row.at(1)?,
        changed_unix_ns: row.at(2)?,
        status: DeploymentStatus::from_name(&status)
            .ok_or_else(|| unreadable("status", format!("`{status}` is no status")))?,
        target: row.at::<Option<String>>(5)?.unwrap_or_else(|| platform.clone()),
        platform,
        host: row.at(6)?,
        function: row.at(7)?,
        name: row.at(8)?,
        engine: row.at(9)?,
        spec: serde_json::from_str(&configuration).map_err(|error| unreadable("configuration", error))?,
        url: row.at(11)?,
        details,
        error: row.at(13)?,
    })
}

/// A specification as it is stored.
pub(super) fn configuration(spec: &DeploymentSpec) -> String {
    let mut kept = spec.clone();
    for value in kept.environment.values_mut() {
        NOT_KEPT.clone_into(value);
    }
    // Strings, numbers and lists of them: nothing that JSON does not hold. A processor share that is no number was refused.
    serde_json::to_string(&kept).unwrap_or_else(|_| "{}".to_owned())
}

/// How an image's code runs.
pub(super) fn engine(spec: &DeploymentSpec) -> &'static str {
    if spec.image.kind.is_wasm() { "wasm" } else { "native" }
}
