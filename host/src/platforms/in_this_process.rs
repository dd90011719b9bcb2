//! Platforms of this machine in this process.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use local_platform::{Driver, LocalOptions, LocalPlatform};
use platform::{Ledger, PlatformError};

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
pub fn in_this_process(target: &Target, options: InProcessOptions) -> Result<Arc<LocalPlatform>, PlatformError> {
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
    check_owner(folder)?;
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))
}

/// Refuses what is no folder of this user: in `/tmp` anybody may have made it, or a link in its place, before.
pub(super) fn check_owner(folder: &Path) -> io::Result<()> {
    // Not that of what a link leads to.
    let found = std::fs::symlink_metadata(folder)?;
    let refused = |reason| Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    if !found.is_dir() {
        return refused("it is no folder".to_owned());
    }
    let user = rustix::process::geteuid().as_raw();
    if found.uid() != user {
        return refused(format!("it belongs to the user {}, not to you ({user})", found.uid()));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_of_ones_own_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let (own, link) = (folder.path().join("a/b"), folder.path().join("link"));
        make_private(&own).unwrap();
        assert_eq!(std::fs::metadata(&own).unwrap().mode() & 0o777, 0o700);
        std::fs::set_permissions(&own, Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink(&own, &link).unwrap();
        assert!(make_private(&link).unwrap_err().to_string().contains("no folder"));
        assert_eq!(std::fs::metadata(&own).unwrap().mode() & 0o777, 0o755);
        // Only root, where it is whole, can make another user's folder.
        if std::os::unix::fs::chown(&own, Some(12345), None).is_ok() {
            assert!(make_private(&own).unwrap_err().to_string().contains("12345"));
        } else {
            eprintln!("skipped in part: no folder of another user can be made here");
        }
    }
}
