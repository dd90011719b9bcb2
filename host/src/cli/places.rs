//! The platforms that a run measures on, in this process.

use std::collections::BTreeMap;
use std::sync::Arc;

use image_build::{Image, Options};
use platform::{Platform, PlatformError};
use tempfile::TempDir;

use super::exit::Failure;
use super::packages;
use crate::configuration::Configuration;
use crate::experiment::{Places, Plan, Progress};
use crate::paths::CacheFolders;
use crate::platforms::{self, InProcessOptions};
use crate::results::{Run, Store};
use crate::workload::Function;

/// Images by the names of function and platform.
pub(super) type Images = BTreeMap<(&'static str, &'static str), Image>;

/// The images of a plan's functions for its platforms; what is missing is built.
pub(super) async fn images(
    plan: &Plan,
    functions: &[&'static Function],
    folders: &CacheFolders,
    progress: &Progress,
) -> Result<Images, Failure> {
    let mut images = Images::new();
    for name in &plan.platforms {
        let kind = platforms::find(name).map_err(Failure::users)?;
        let built = packages::build(functions, kind.name, Options::default(), folders, progress).await?;
        for (function, built) in functions.iter().zip(built) {
            images.insert((function.name, kind.name), built.image);
        }
        progress.step();
    }
    Ok(images)
}

/// Platforms in this process, and the folder that they live in.
pub(super) struct Connected {
    pub(super) platforms: BTreeMap<&'static str, Arc<dyn Platform>>,
    _state: Option<TempDir>,
}

/// The plan's platforms, each known to work here.
pub(super) async fn connect(plan: &Plan, folders: &CacheFolders, store: &Store) -> Result<Connected, Failure> {
    let mut connected = BTreeMap::new();
    if plan.platforms.is_empty() {
        return Ok(Connected { platforms: connected, _state: None });
    }
    let state = platforms::temporary_state_folder().map_err(Failure::users)?;
    for name in &plan.platforms {
        // Without a configuration: inputs are in the cache's folder of objects, and limits are the plan's.
        let mut target = Configuration::default().target(name).map_err(Failure::users)?;
        // In the ledger this is never the same as what the user deploys.
        target.name = format!("lab-{}", std::process::id());
        let options = InProcessOptions {
            folders: folders.clone(),
            state: state.path().join(target.platform),
            ledger: Arc::new(store.ledger()),
        };
        let platform = platforms::in_this_process(&target, options).map_err(of_platform)?;
        platform.reach().await.map_err(of_platform)?;
        connected.insert(target.platform, platform);
    }
    Ok(Connected { platforms: connected, _state: Some(state) })
}

/// What a run measures on; `None` for a plan without platforms.
pub(super) fn places(connected: &Connected, images: Images, store: &Store, run: &Run) -> Option<Places> {
    if connected.platforms.is_empty() {
        return None;
    }
    Some(Places { platforms: connected.platforms.clone(), images, ledger: Arc::new(store.ledger()), run: run.number })
}

fn of_platform(error: PlatformError) -> Failure {
    if error.is_users() { Failure::users(error) } else { Failure::ours(error) }
}
