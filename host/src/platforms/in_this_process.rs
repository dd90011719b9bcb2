//! Platforms of this machine in this process.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use local_platform::{Driver, LocalOptions, LocalPlatform};
use platform::{Ledger, Platform, PlatformError};

use super::catalogue::find;
use crate::configuration::Target;
use crate::paths::CacheFolders;

/// What a platform in this process needs.
#[derive(Clone)]
pub struct InProcessOptions {
    /// Where components, images and objects are.
    pub folders: CacheFolders,
    /// A folder of its own, with a short path: for sockets and scratch folders. It is made where it is missing.
    pub state: PathBuf,
    /// Where instances write down what could outlive this process.
    pub ledger: Arc<dyn Ledger>,
}

/// Makes a platform of this machine in this process, in whose tokio runtime it lives from now on.
///
/// # Errors
/// When it can't be made here, or is not of this machine.
pub fn in_this_process(target: &Target, options: InProcessOptions) -> Result<Arc<dyn Platform>, PlatformError> {
    let InProcessOptions { folders, state, ledger } = options;
    let driver = driver(target, &folders)?;
    let failed =
        |doing: String, reason: String| PlatformError::Failed { platform: target.platform.to_owned(), doing, reason };
    make_private(&state)
        .map_err(|error| failed(format!("making the folder {}", state.display()), error.to_string()))?;
    let location = target.storage_location(&folders).map_err(|error| PlatformError::Invalid(error.message))?;
    let storage = object::open(&location).map_err(|error| failed("opening its storage".to_owned(), error.message))?;
    let options = LocalOptions {
        target: Some(target.name.clone()),
        storage,
        storage_location: location.to_string(),
        state,
        ledger,
    };
    Ok(Arc::new(LocalPlatform::new(driver, options)?))
}

/// What starts single instances of a platform of this machine.
pub(super) fn driver(target: &Target, folders: &CacheFolders) -> Result<Arc<dyn Driver>, PlatformError> {
    let kind = find(target.platform).map_err(|error| PlatformError::Invalid(error.to_string()))?;
    match kind.driver {
        Some(driver) => driver(target, folders),
        None => Err(PlatformError::Unsupported {
            platform: target.platform.to_owned(),
            what: "run within a process of this machine",
        }),
    }
}

/// Makes a folder that only this user enters.
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))
}
