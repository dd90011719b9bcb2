//! Removing all that a deployment has made.

use crate::{DeploymentId, Ledger, LedgerError, Platform, PlatformError, Resource};

/// Something that may still exist.
#[derive(Debug)]
pub struct NotRemoved {
    /// What it is.
    pub resource: Resource,
    /// Why it could not be removed, or not be known to be.
    pub error: PlatformError,
}

/// Removes everything that the ledger knows of a deployment, the last created first. It goes on after a failure; what could
/// not be removed is returned, and stays in the ledger.
///
/// # Errors
/// When the ledger can't be read: then nothing was removed.
pub async fn undeploy(
    platform: &dyn Platform,
    deployment: &DeploymentId,
    ledger: &dyn Ledger,
) -> Result<Vec<NotRemoved>, LedgerError> {
    let mut left = Vec::new();
    for entry in ledger.resources(deployment).await?.into_iter().rev() {
        let removed = match platform.remove(&entry.resource).await {
            Ok(()) => ledger.removed(entry.id).await.map_err(PlatformError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            left.push(NotRemoved { resource: entry.resource, error });
        }
    }
    Ok(left)
}
