//! Deploying and removing with the ledger: the steps that the commands and the experiments share.

use std::time::Duration;

use platform::{Deployment, DeploymentId, DeploymentSpec, Ledger, NotRemoved, Platform, PlatformError, undeploy};
use thiserror::Error;

use crate::results::{Claim, DeploymentEntry, DeploymentStatus, DurableLedger, NewDeployment, RunNumber, StoreError};

/// Why something was not deployed or not removed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeployError {
    /// The platform's reason.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The ledger could not be written, or read.
    #[error("the ledger of what is deployed can't be used")]
    Store(#[from] StoreError),
}

/// How to deploy.
#[derive(Debug, Clone, Copy)]
pub struct Deploying {
    /// The run that it is for, if any.
    pub run: Option<RunNumber>,
    /// Whether the platform is on this machine.
    pub on_this_machine: bool,
    /// How long it may take until it serves.
    pub ready_within: Duration,
}

/// A deployment that serves.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployed {
    /// As the platform has it.
    pub deployment: Deployment,
    /// Whether there was one of this name before, which it has replaced.
    pub was_update: bool,
}

/// Creates a deployment, or updates the one of the same name, and waits until it serves. The intention is on the disk before
/// anything is created; what a failure leaves is in the ledger.
///
/// # Errors
/// When it could not be made, or does not become ready.
pub async fn deploy(
    platform: &dyn Platform,
    ledger: &DurableLedger,
    mut spec: DeploymentSpec,
    how: Deploying,
) -> Result<Deployed, DeployError> {
    let new = NewDeployment {
        run: how.run,
        spec: &spec,
        platform: platform.name(),
        target: platform.target(),
        is_local: how.on_this_machine,
    };
    let before = match ledger.intend_deployment(new).await? {
        Claim::New => None,
        Claim::Update(entry) => {
            spec.id = entry.id.clone();
            Some(entry)
        }
    };
    match make(platform, ledger, &spec, how.ready_within).await {
        Ok(deployment) => {
            ledger.deployed(&deployment).await?;
            Ok(Deployed { deployment, was_update: before.is_some() })
        }
        Err(error) => {
            let (status, why) = after_failure(ledger, &spec.id, before.as_deref(), &error).await;
            // The first error says more than a failure to write it down.
            let _ = ledger.set_status(&spec.id, status, why.as_deref()).await;
            Err(error.into())
        }
    }
}

/// How a deployment is after a failure: one of which nothing was made is none, and one whose update was refused before anything
/// was done is as it was.
async fn after_failure(
    ledger: &DurableLedger,
    id: &DeploymentId,
    before: Option<&DeploymentEntry>,
    error: &PlatformError,
) -> (DeploymentStatus, Option<String>) {
    match before {
        Some(before) if matches!(error, PlatformError::Invalid(_)) => (before.status, before.error.clone()),
        None if ledger.resources(id).await.is_ok_and(|made| made.is_empty()) => {
            (DeploymentStatus::Removed, Some(error.to_string()))
        }
        _ => (DeploymentStatus::Failed, Some(error.to_string())),
    }
}

async fn make(
    platform: &dyn Platform,
    ledger: &DurableLedger,
    spec: &DeploymentSpec,
    ready_within: Duration,
) -> Result<Deployment, PlatformError> {
    let deployment = platform.deploy(spec, ledger).await?;
    platform.wait_until_ready(&deployment, ready_within).await?;
    Ok(deployment)
}

/// Removes all that the ledger knows of a deployment, the last created first, and goes on after a failure. Returns what could
/// not be removed, which stays in the ledger.
///
/// # Errors
/// When the ledger can't be used.
pub async fn remove(
    platform: &dyn Platform,
    ledger: &DurableLedger,
    id: &DeploymentId,
) -> Result<Vec<NotRemoved>, DeployError> {
    ledger.set_status(id, DeploymentStatus::Removing, None).await?;
    // A server that runs ends its function in order, and what that had goes with it: before anybody else takes it away.
    for entry in ledger.resources(id).await.map_err(PlatformError::from)? {
        if entry.resource.kind == gateway::SERVED_FUNCTION && platform.remove(&entry.resource).await.is_ok() {
            ledger.removed(entry.id).await.map_err(PlatformError::from)?;
        }
    }
    let left = undeploy(platform, id, ledger).await.map_err(PlatformError::from)?;
    match left.as_slice() {
        [] => ledger.set_status(id, DeploymentStatus::Removed, None).await?,
        left => {
            let reasons: Vec<String> = left
                .iter()
                .map(|left| format!("{} {}: {}", left.resource.kind, left.resource.name, left.error))
                .collect();
            ledger.set_status(id, DeploymentStatus::Removing, Some(&reasons.join("; "))).await?;
        }
    }
    Ok(left)
}
