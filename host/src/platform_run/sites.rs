//! The platforms behind a plan's targets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use experiments::{KnownLives, Life, PlannedTarget, Site};
use image_build::Image;
use local_platform::{InstanceChange, LocalPlatform};
use platform::{DeploymentId, Ledger, Platform, PlatformError};
use tempfile::TempDir;

use crate::configuration::Target;
use crate::platforms::{Purpose, Servers, temporary_state_folder};
use crate::results::DeploymentEntry;

/// How long invocations may go on when a run ends.
const GRACE: Duration = Duration::from_secs(5);

/// Platforms that are reached, and the folder that those of this machine live in.
pub struct Sites {
    reached: Vec<Reached>,
    _state: TempDir,
}

/// A target's platform, once more as what it is where it lives in this process.
type Reached = (Target, Arc<dyn Platform>, Option<Arc<LocalPlatform>>);

/// What the names of runs' own targets begin with.
const LOCAL: &str = "lab-";

/// A platform of this machine for a run: in the ledger this is never the same as what the user deploys.
pub fn local_target(target: &Target) -> Target {
    Target { name: format!("{LOCAL}{}", std::process::id()), ..target.clone() }
}

/// Whether something stands in the ledger for this place, or for the same platform of this machine in another process' run.
pub fn is_of(entry: &DeploymentEntry, platform: &dyn Platform) -> bool {
    let is_own = |target: &str| target.starts_with(LOCAL);
    entry.target == platform.target()
        || entry.platform == platform.name() && is_own(&entry.target) && is_own(platform.target())
}

impl Sites {
    /// Reaches every target: those of this machine in this process, with what the configuration gives them.
    ///
    /// # Errors
    /// When one can't be reached.
    pub async fn reach(
        targets: &[Target],
        servers: &Servers,
        ledger: &Arc<dyn Ledger>,
    ) -> Result<Sites, PlatformError> {
        let state = temporary_state_folder().map_err(|error| PlatformError::Invalid(error.to_string()))?;
        let mut reached = Vec::new();
        for (number, target) in targets.iter().enumerate() {
            let (platform, local) = match servers.remote(target, Purpose::Deploy).await? {
                Some(remote) => (remote, None),
                None => {
                    // Paths of sockets are short.
                    let folder = state.path().join(number.to_string());
                    let local = servers.in_this_process(&local_target(target), ledger.clone(), &folder)?;
                    (local.clone() as Arc<dyn Platform>, Some(local))
                }
            };
            platform.reach().await?;
            reached.push((target.clone(), platform, local));
        }
        Ok(Sites { reached, _state: state })
    }

    /// The targets, as a plan has them.
    pub fn planned(&self) -> Vec<PlannedTarget> {
        let planned = self.reached.iter().map(|(target, platform, _)| PlannedTarget {
            target: target.name.clone(),
            platform: target.platform.to_owned(),
            capabilities: platform.capabilities(),
            region: region(target),
            memory_bytes: platform.memory_bytes_allowed(),
            cpus: platform.cpus_allowed(),
        });
        planned.collect()
    }

    /// The platforms, by the targets' names.
    pub fn platforms(&self) -> impl Iterator<Item = (&Target, &Arc<dyn Platform>)> {
        self.reached.iter().map(|(target, platform, _)| (target, platform))
    }

    /// Where experiments take place, with the images of each target's functions.
    pub fn sites(&self, mut images: BTreeMap<String, BTreeMap<String, Image>>) -> Vec<Site> {
        let sites = self.reached.iter().map(|(target, platform, local)| Site {
            target: target.name.clone(),
            platform: platform.clone(),
            images: images.remove(&target.name).unwrap_or_default(),
            scale: target.settings.scale(),
            limits: target.settings.limits(),
            environment: target.settings.environment.clone(),
            known: local.clone().map(|local| Arc::new(Lives(local)) as Arc<dyn KnownLives>),
        });
        sites.collect()
    }

    /// Ends what lives in this process.
    pub async fn shut_down(&self) {
        for (_, _, local) in &self.reached {
            if let Some(local) = local {
                local.shut_down(GRACE).await;
            }
        }
    }
}

/// The region that a target's options name, in the word of its platform.
fn region(target: &Target) -> Option<String> {
    ["region", "location"].iter().find_map(|option| target.options.get(*option)?.as_str().map(str::to_owned))
}

/// What a platform of this machine knows of its instances.
struct Lives(Arc<LocalPlatform>);

impl KnownLives for Lives {
    fn lives(&self, deployment: &DeploymentId) -> Vec<Life> {
        let mut lives: Vec<Life> = Vec::new();
        for event in self.0.history_of(deployment, 0) {
            match event.change {
                InstanceChange::Started => lives.push(Life {
                    instance: event.instance.to_string(),
                    start_unix_ns: event.unix_ns,
                    end_unix_ns: None,
                }),
                InstanceChange::Ended => {
                    if let Some(life) = lives.iter_mut().find(|life| *life.instance == *event.instance) {
                        life.end_unix_ns = Some(event.unix_ns);
                    }
                }
            }
        }
        lives
    }
}
