//! The platforms that a run measures on, in this process.

use std::collections::BTreeMap;
use std::sync::Arc;

use image_build::{Image, Options};
use platform::{Platform, PlatformError};

use super::exit::Failure;
use super::packages;
use crate::configuration::Configuration;
use crate::experiment::{Places, Plan, Progress};
use crate::paths::CacheFolders;
use crate::platforms::{self, InProcessOptions};
use crate::results::{Location, Run, Store};
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

/// The plan's platforms, each known to work here.
pub(super) async fn connect(
    plan: &Plan,
    folders: &CacheFolders,
    location: &Location,
) -> Result<BTreeMap<&'static str, Arc<dyn Platform>>, Failure> {
    let mut connected = BTreeMap::new();
    for name in &plan.platforms {
        // Without a configuration: inputs are in the cache's folder of objects, and limits are the plan's.
        let mut target = Configuration::default().target(name).map_err(Failure::users)?;
        // In the ledger this is never the same as what the user deploys.
        target.name = format!("lab-{}", std::process::id());
        let state = platforms::state_folder(location, &target.name, target.platform).map_err(Failure::users)?;
        let options = InProcessOptions { folders: folders.clone(), state };
        let platform = platforms::in_this_process(&target, options).await.map_err(of_platform)?;
        platform.reach().await.map_err(of_platform)?;
        connected.insert(target.platform, platform);
    }
    Ok(connected)
}

/// What a run measures on; `None` for a plan without platforms.
pub(super) fn places(
    platforms: BTreeMap<&'static str, Arc<dyn Platform>>,
    images: Images,
    store: &Store,
    run: &Run,
) -> Option<Places> {
    if platforms.is_empty() {
        return None;
    }
    Some(Places { platforms, images, ledger: Arc::new(store.ledger()), run: run.number })
}

fn of_platform(error: PlatformError) -> Failure {
    if error.is_users() { Failure::users(error) } else { Failure::ours(error) }
}
