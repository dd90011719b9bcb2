//! Removing all that a deployment has made.

use crate::{DeploymentId, Ledger, LedgerError, Platform, PlatformError, Resource, ResourceId};

/// Something that may still exist.
#[derive(Debug)]
pub struct NotRemoved {
    /// What it is.
    pub resource: Resource,
    /// Why it could not be removed, or not be known to be.
    pub error: PlatformError,
}

/// How often the ledger is read again: what still ran when the first were removed may have made others.
const ROUNDS: u32 = 3;

/// Removes everything that the ledger knows of a deployment, the last created first, and what was created meanwhile. It goes
/// on after a failure; what could not be removed is returned, and stays in the ledger.
///
/// # Errors
/// When the ledger can't be read: what it knows is still there then.
pub async fn undeploy(
    platform: &dyn Platform,
    deployment: &DeploymentId,
    ledger: &dyn Ledger,
) -> Result<Vec<NotRemoved>, LedgerError> {
    let mut left = Vec::new();
    let mut tried: Vec<ResourceId> = Vec::new();
    for _ in 0..ROUNDS {
        let mut entries = ledger.resources(deployment).await?;
        entries.retain(|entry| !tried.contains(&entry.id));
        if entries.is_empty() {
            break;
        }
        for entry in entries.into_iter().rev() {
            tried.push(entry.id);
            let removed = match platform.remove(&entry.resource).await {
                Ok(()) => ledger.removed(entry.id).await.map_err(PlatformError::from),
                Err(error) => Err(error),
            };
            if let Err(error) = removed {
                left.push(NotRemoved { resource: entry.resource, error });
            }
        }
    }
    Ok(left)
}
