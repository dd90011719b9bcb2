//! What was created, or was about to be.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::DeploymentId;

/// The ledger could not be written or read.
#[derive(Debug, Error)]
#[error("the ledger of what is deployed can't be used: {0}")]
pub struct LedgerError(pub String);

/// One thing on a platform that must be removed again: a container, an image's tag, a role, a server process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resource {
    /// The deployment that it belongs to.
    pub deployment: DeploymentId,
    /// The platform's name.
    pub platform: String,
    /// The named installation of the platform.
    pub target: String,
    /// What it is, in the platform's own word: `container`, `image`, `server`.
    pub kind: String,
    /// Its name there. It must be known before the thing is created, and must carry the deployment's id.
    pub name: String,
    /// What else is needed to find or remove it.
    pub details: serde_json::Value,
}

/// A resource's number in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ResourceId(pub i64);

/// How far a resource has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceState {
    /// About to be created: it may or may not exist.
    Intended,
    /// It exists.
    Created,
    /// It is gone.
    Removed,
}

/// A resource as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceEntry {
    /// Its number; later ones were created later, and are removed first.
    pub id: ResourceId,
    /// What it is.
    pub resource: Resource,
    /// How far it has come.
    pub state: ResourceState,
}

/// Where the intention to create something is written down before it is created.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Writes down that this is about to be created. Only when this has returned may it be created.
    ///
    /// # Errors
    /// When it could not be written down: then nothing may be created.
    async fn intend(&self, resource: &Resource) -> Result<ResourceId, LedgerError>;

    /// Writes down that it exists, with what was learnt of it.
    ///
    /// # Errors
    /// When it could not be written down; the intention stands.
    async fn created(&self, id: ResourceId, details: &serde_json::Value) -> Result<(), LedgerError>;

    /// Writes down that it is gone.
    ///
    /// # Errors
    /// When it could not be written down.
    async fn removed(&self, id: ResourceId) -> Result<(), LedgerError>;

    /// What may exist of a deployment, in the order of creation.
    ///
    /// # Errors
    /// When it could not be read.
    async fn resources(&self, deployment: &DeploymentId) -> Result<Vec<ResourceEntry>, LedgerError>;
}

/// A ledger in memory, for what ends with this process, and for tests.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    entries: Mutex<Vec<ResourceEntry>>,
}

impl MemoryLedger {
    /// An empty one.
    pub fn new() -> MemoryLedger {
        MemoryLedger::default()
    }

    /// All entries, of removed resources too.
    pub fn entries(&self) -> Vec<ResourceEntry> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<ResourceEntry>> {
        // Nothing in here panics half way.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, id: ResourceId, change: impl FnOnce(&mut ResourceEntry)) -> Result<(), LedgerError> {
        match self.lock().iter_mut().find(|entry| entry.id == id) {
            Some(entry) => {
                change(entry);
                Ok(())
            }
            None => Err(LedgerError(format!("it has no resource {}", id.0))),
        }
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn intend(&self, resource: &Resource) -> Result<ResourceId, LedgerError> {
        let mut entries = self.lock();
        let id = ResourceId(i64::try_from(entries.len()).unwrap_or(i64::MAX));
        entries.push(ResourceEntry { id, resource: resource.clone(), state: ResourceState::Intended });
        Ok(id)
    }

    async fn created(&self, id: ResourceId, details: &serde_json::Value) -> Result<(), LedgerError> {
        self.change(id, |entry| {
            entry.state = ResourceState::Created;
            entry.resource.details = details.clone();
        })
    }

    async fn removed(&self, id: ResourceId) -> Result<(), LedgerError> {
        self.change(id, |entry| entry.state = ResourceState::Removed)
    }

    async fn resources(&self, deployment: &DeploymentId) -> Result<Vec<ResourceEntry>, LedgerError> {
        let is_its =
            |entry: &&ResourceEntry| entry.resource.deployment == *deployment && entry.state != ResourceState::Removed;
        Ok(self.lock().iter().filter(is_its).cloned().collect())
    }
}
