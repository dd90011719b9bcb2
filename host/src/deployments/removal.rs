//! Removing many deployments, whatever state they were left in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use platform::{DeploymentId, Ledger, Platform, PlatformError};

use super::documents::{RemovalDocument, RemovalFailure, RemovedDocument};
use super::steps::{DeployError, remove};
use crate::platforms::Changing;
use crate::results::{DeploymentEntry, DeploymentStatus, DurableLedger, LeftResource, StoreError};

/// Which deployments.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// By name; empty: all, and what belongs to no deployment that the ledger knows.
    pub names: Vec<String>,
    /// Only of this target.
    pub target: Option<String>,
    /// Also of the machine of this name.
    pub host: Option<String>,
}

/// How a platform is come by, to remove something from it.
#[async_trait]
pub trait Way: Send + Sync {
    /// The platform with this name, at this target.
    ///
    /// # Errors
    /// When it can't be reached at all.
    async fn reach(&self, platform: &str, target: &str) -> Result<Arc<dyn Platform>, PlatformError>;

    /// Waits until no other command changes a deployment, and keeps others from it.
    ///
    /// # Errors
    /// When another one takes too long.
    async fn change(&self, target: &str, name: &str) -> Result<Changing, PlatformError>;
}

/// What is to be removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Removal {
    /// The deployment.
    pub id: DeploymentId,
    /// Its entry; none for what belongs to no known deployment.
    pub entry: Option<DeploymentEntry>,
    /// The platform's name.
    pub platform: String,
    /// The named installation of the platform.
    pub target: String,
    /// The machine, for a platform of a machine.
    pub host: Option<String>,
    /// When it was intended, Unix time, ns.
    pub created_unix_ns: i64,
    /// What it is where it belongs to no known deployment.
    pub kind: Option<String>,
}

impl Removal {
    /// Its name, or its identity where it has none.
    fn name(&self) -> &str {
        self.entry.as_ref().map_or_else(|| self.id.as_str(), |entry| entry.name.as_str())
    }

    /// Whether it is a server in the background.
    fn is_server(&self) -> bool {
        self.kind.as_deref() == Some(gateway::SERVER)
    }

    fn failure(&self, kind: &str, name: &str, error: &str) -> RemovalFailure {
        RemovalFailure {
            id: self.id.to_string(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            target: self.target.clone(),
            error: error.to_owned(),
        }
    }

    /// As commands print it.
    pub fn document(&self) -> RemovedDocument {
        RemovedDocument {
            id: self.id.to_string(),
            name: self.entry.as_ref().map(|entry| entry.name.clone()),
            kind: self.kind.clone(),
            platform: self.platform.clone(),
            target: self.target.clone(),
            host: self.host.clone(),
        }
    }
}

/// What a selection means: what is within reach, the last created first, and what is on other machines. A server in the
/// background goes with the last of its deployments.
///
/// # Errors
/// When the ledger can't be read.
pub async fn select(ledger: &DurableLedger, selection: &Selection) -> Result<(Vec<Removal>, Vec<Removal>), StoreError> {
    let mut removals: Vec<Removal> = ledger.deployments().await?.into_iter().map(of_entry).collect();
    for left in ledger.left().await? {
        if !removals.iter().any(|removal| removal.id == left.entry.resource.deployment) {
            removals.push(of_resource(left));
        }
    }
    removals.retain(|removal| selection.target.as_ref().is_none_or(|target| *target == removal.target));
    if !selection.names.is_empty() {
        let is_named =
            |removal: &Removal| removal.entry.as_ref().is_some_and(|entry| selection.names.contains(&entry.name));
        let staying: BTreeSet<String> = removals
            .iter()
            .filter(|removal| removal.entry.is_some() && !is_named(removal))
            .map(|removal| removal.target.clone())
            .collect();
        let touched: BTreeSet<String> =
            removals.iter().filter(|removal| is_named(removal)).map(|removal| removal.target.clone()).collect();
        removals.retain(|removal| {
            is_named(removal)
                || removal.is_server() && touched.contains(&removal.target) && !staying.contains(&removal.target)
        });
    }
    let within = |removal: &Removal| {
        ledger.is_within_reach(removal.host.as_deref()) || selection.host.is_some() && selection.host == removal.host
    };
    let (mut here, elsewhere): (Vec<_>, Vec<_>) = removals.into_iter().partition(within);
    // A server last: it may have been started anew after what it serves was first deployed.
    here.sort_by_key(|removal| (removal.is_server(), std::cmp::Reverse(removal.created_unix_ns)));
    Ok((here, elsewhere))
}

fn of_entry(entry: DeploymentEntry) -> Removal {
    Removal {
        id: entry.id.clone(),
        platform: entry.platform.clone(),
        target: entry.target.clone(),
        host: entry.host.clone(),
        created_unix_ns: entry.created_unix_ns,
        kind: None,
        entry: Some(entry),
    }
}

/// One belongs to no deployment when a run was cut that had deployed it, and when it serves several, as a server does.
fn of_resource(left: LeftResource) -> Removal {
    let resource = left.entry.resource;
    Removal {
        id: resource.deployment,
        platform: resource.platform,
        target: resource.target,
        host: left.host,
        created_unix_ns: left.created_unix_ns,
        kind: Some(resource.kind),
        entry: None,
    }
}

/// Removes them all, the last created first, and goes on after a failure; `done` is told after each. With `forget`, what can't be
/// removed is taken out of the ledger; what another command changes stays in it, for that one to go on with.
///
/// # Errors
/// When the ledger can't be used.
pub async fn remove_all(
    ledger: &DurableLedger,
    removals: &[Removal],
    way: &dyn Way,
    forget: bool,
    mut done: impl FnMut(&Removal),
) -> Result<RemovalDocument, DeployError> {
    let mut document = RemovalDocument::default();
    let mut platforms: BTreeMap<(String, String), Reached> = BTreeMap::new();
    for removal in removals {
        let key = (removal.platform.clone(), removal.target.clone());
        let known = platforms.get(&key).cloned();
        let was_known = known.is_some();
        let mut reached = match known {
            Some(reached) => reached,
            None => reach(way, removal).await,
        };
        let mut outcome = remove_one(ledger, removal, &reached, way).await?;
        if was_known && outcome.is_unreachable {
            // Its server has ended since, which leaves another way.
            reached = reach(way, removal).await;
            outcome = remove_one(ledger, removal, &reached, way).await?;
        }
        platforms.insert(key, reached);
        if outcome.failures.is_empty() {
            document.removed.push(removal.document());
        } else if forget && !outcome.is_changing {
            document.forgotten.extend(forgotten(ledger, removal, outcome.failures).await?);
        } else {
            document.left.extend(outcome.failures);
        }
        done(removal);
    }
    Ok(document)
}

/// Takes all of it out of the ledger; what that was. Of a deployment of which nothing had been made, that is the deployment.
async fn forgotten(
    ledger: &DurableLedger,
    removal: &Removal,
    failures: Vec<RemovalFailure>,
) -> Result<Vec<RemovalFailure>, DeployError> {
    let mut forgotten = Vec::new();
    for entry in ledger.resources(&removal.id).await.map_err(PlatformError::from)? {
        let (kind, name) = (&entry.resource.kind, &entry.resource.name);
        // A platform that is not reached fails once for all that is there.
        let own = failures.iter().find(|failure| failure.kind == *kind && failure.name == *name).or(failures.first());
        let error = own.map_or("", |failure| failure.error.as_str());
        forgotten.push(removal.failure(kind, name, error));
        ledger.removed(entry.id).await.map_err(PlatformError::from)?;
    }
    ledger.set_status(&removal.id, DeploymentStatus::Removed, Some("forgotten, not removed")).await?;
    Ok(if forgotten.is_empty() { failures } else { forgotten })
}

type Reached = Result<Arc<dyn Platform>, String>;

async fn reach(way: &dyn Way, removal: &Removal) -> Reached {
    way.reach(&removal.platform, &removal.target).await.map_err(|error| error.to_string())
}

/// What of it may still be there.
struct Outcome {
    failures: Vec<RemovalFailure>,
    /// Whether that is for the platform not answering.
    is_unreachable: bool,
    /// Whether that is for another command that changes it.
    is_changing: bool,
}

async fn remove_one(
    ledger: &DurableLedger,
    removal: &Removal,
    reached: &Reached,
    way: &dyn Way,
) -> Result<Outcome, DeployError> {
    let failed = |error: &str| Outcome {
        failures: vec![removal.failure("deployment", removal.name(), error)],
        is_unreachable: false,
        is_changing: false,
    };
    let platform = match reached {
        Ok(platform) => platform,
        Err(error) => return Ok(failed(error)),
    };
    let _changing = match way.change(&removal.target, removal.name()).await {
        Ok(changing) => changing,
        Err(error) => return Ok(Outcome { is_changing: true, ..failed(&error.to_string()) }),
    };
    let left = remove(&**platform, ledger, &removal.id).await?;
    Ok(Outcome {
        is_unreachable: left.iter().any(|left| matches!(left.error, PlatformError::Unreachable { .. })),
        is_changing: false,
        failures: left
            .iter()
            .map(|left| removal.failure(&left.resource.kind, &left.resource.name, &left.error.to_string()))
            .collect(),
    })
}
