//! Building images while somebody watches.

use std::sync::Arc;

use image_build::{BuildError, Builder, Built, Options, Progress as Step};

use super::exit::Failure;
use crate::experiment::Progress;
use crate::paths::CacheFolders;
use crate::workload::Function;

/// Images of these functions for a platform; those that are in the cache at once.
pub(super) async fn build(
    functions: &[&'static Function],
    platform: &str,
    mut options: Options,
    folders: &CacheFolders,
    progress: &Progress,
) -> Result<Vec<Built>, Failure> {
    let builder = Builder::open(folders.images()).map_err(failure)?;
    let names: Vec<&'static str> = functions.iter().map(|function| function.name).collect();
    let (watched, platform) = (progress.clone(), platform.to_owned());
    options.progress = Some(Arc::new(move |step| show(&watched, &step)));
    let building = tokio::task::spawn_blocking(move || builder.build(&names, &platform, &options));
    building.await.map_err(Failure::ours)?.map_err(failure)
}

fn show(progress: &Progress, step: &Step) {
    match step {
        Step::Waiting { reason } => progress.doing(format!("waiting: {reason}")),
        Step::InstallingTarget { target } => progress.doing(format!("installing the target {target}")),
        Step::Compiling { name, finished } => progress.doing(format!("compiling {name}, {finished} crates done")),
        Step::Packaging { function, .. } => progress.doing(format!("packaging {function}")),
        Step::Damaged { name, reason } => {
            progress.line(&format!("note: {name} in the cache was damaged ({reason}); it is made anew"))
        }
        _ => {}
    }
}

/// What was asked for, or what went wrong here.
pub(super) fn failure(error: BuildError) -> Failure {
    match error {
        BuildError::UnknownPlatform { .. }
        | BuildError::UnknownFunction { .. }
        | BuildError::UnknownArchitecture { .. }
        | BuildError::UnknownProtocol { .. }
        | BuildError::NotTaken { .. }
        | BuildError::WrongProtocol { .. }
        | BuildError::OneArchitecture { .. }
        | BuildError::NoSource { .. }
        | BuildError::NotPrivate { .. } => Failure::users(error),
        error => Failure::ours(error),
    }
}
