//! Where servers and platforms of this machine keep sockets, locks and scratch folders.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use thiserror::Error;

use super::in_this_process::{check_owner, make_private};
use crate::results::Location;

/// There is no folder for sockets and the like.
#[derive(Debug, Error)]
pub enum NoStateFolder {
    /// Its path leaves no room for a socket's.
    #[error(
        "the state folder {} is too long a path for the sockets in it; set FAASBENCH_STATE to a shorter one",
        .0.display()
    )]
    Long(PathBuf),
    /// It can't be made or read.
    #[error("the state folder {} can't be used: {source}; set FAASBENCH_STATE to another one", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A socket's path may have 107 bytes; this leaves what platforms add.
const LONGEST: usize = 60;
/// For this user alone.
const PRIVATE: u32 = 0o700;
/// Letters that tell temporary folders of one process apart.
const RANDOM: usize = 6;

/// The folder of the server of a target: another one for each place of results, so that what one ledger knows never meets
/// what another one does.
///
/// Below `$FAASBENCH_STATE`, else `$XDG_RUNTIME_DIR/faasbench`, else `/tmp/faasbench-UID`. That is made where it is missing, as
/// a look at it is worth nothing if another user can make it after.
///
/// # Errors
/// When its path would be too long, or it is another user's.
pub fn state_folder(location: &Location, target: &str) -> Result<PathBuf, NoStateFolder> {
    let mut digest = Sha256::new();
    for part in [location.for_environment().as_encoded_bytes(), target.as_bytes()] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let folder = short(root()?.join(&hex::encode(digest.finalize())[..12]))?;
    // What is in it tells whom to send a token to.
    match check_owner(&folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(NoStateFolder::Unusable { path: folder, source })
        }
        _ => Ok(folder),
    }
}

/// A folder for a platform that ends with this process; it goes with what this gives. Those of processes that were killed
/// are removed.
///
/// # Errors
/// When its path would be too long, or it can't be made.
pub fn temporary_state_folder() -> Result<TempDir, NoStateFolder> {
    let root = root()?;
    let unusable = |source| NoStateFolder::Unusable { path: root.clone(), source };
    for entry in std::fs::read_dir(&root).map_err(unusable)?.flatten() {
        let process = entry.file_name().to_str().and_then(process_of);
        let is_left = process.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists());
        if is_left && is_ours(&entry.path()) {
            // Another process may be removing it too.
            let _ = crate::engine::wasm::remove_folder(&entry.path());
        }
    }
    short(root.join("p1234567-123456"))?;
    let prefix = format!("p{}-", std::process::id());
    let permissions = Permissions::from_mode(PRIVATE);
    let made = tempfile::Builder::new().prefix(&prefix).rand_bytes(RANDOM).permissions(permissions).tempdir_in(&root);
    made.map_err(unusable)
}

/// The process in a temporary folder's name.
fn process_of(name: &str) -> Option<u32> {
    let (process, random) = name.strip_prefix('p')?.split_once('-')?;
    let is_random = random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
    process.parse().ok().filter(|_| is_random)
}

/// Whether a folder is as ours are made: the root may be one that others use too.
fn is_ours(folder: &Path) -> bool {
    let Ok(found) = std::fs::symlink_metadata(folder) else { return false };
    found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o7777 == PRIVATE
}

/// The folder of all others, which is there.
fn root() -> Result<PathBuf, NoStateFolder> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let named = variable("FAASBENCH_STATE");
    let is_named = named.is_some();
    let root = named
        .or_else(|| {
            let runtime = variable("XDG_RUNTIME_DIR").map(|folder| folder.join("faasbench"));
            // A login's folder may be gone, as after `su`.
            runtime.filter(|folder| folder.parent().is_some_and(Path::is_dir))
        })
        .unwrap_or_else(|| PathBuf::from(format!("/tmp/faasbench-{}", rustix::process::geteuid().as_raw())));
    let root = std::path::absolute(&root).unwrap_or(root);
    let made = if is_named {
        // It may be one that others use too, such as /tmp: its mode is its owner's business.
        DirBuilder::new().recursive(true).mode(PRIVATE).create(&root)
    } else {
        make_private(&root)
    };
    made.map_err(|source| NoStateFolder::Unusable { path: root.clone(), source })?;
    Ok(root)
}

fn short(folder: PathBuf) -> Result<PathBuf, NoStateFolder> {
    if folder.as_os_str().len() > LONGEST { Err(NoStateFolder::Long(folder)) } else { Ok(folder) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn each_place_and_target_has_its_own() {
        let of = |place: &str, target| state_folder(&place.parse().unwrap(), target).unwrap();
        let folders = [of("a.db", "wasm"), of("b.db", "wasm"), of("a.db", "process")];
        for (index, folder) in folders.iter().enumerate() {
            assert!(folder.is_absolute());
            assert_eq!(folders.iter().position(|other| other == folder), Some(index));
        }
        let absolute = std::path::absolute("a.db").unwrap();
        assert_eq!(of("a.db", "wasm"), of(absolute.to_str().unwrap(), "wasm"));
    }

    #[test]
    fn only_what_is_named_and_made_as_ours_is_cleaned_up() {
        assert_eq!(process_of("p12-aB3dE6"), Some(12));
        for other in ["12-aB3dE6", "p12", "p12-", "p12-aB3dE", "p12-../../", "px-aB3dE6", "p-aB3dE6"] {
            assert_eq!(process_of(other), None, "{other}");
        }
        let folder = tempfile::tempdir().unwrap();
        let (own, link) = (folder.path().join("own"), folder.path().join("link"));
        DirBuilder::new().mode(PRIVATE).create(&own).unwrap();
        std::os::unix::fs::symlink(&own, &link).unwrap();
        assert!(is_ours(&own) && !is_ours(&link));
        std::fs::set_permissions(&own, Permissions::from_mode(0o755)).unwrap();
        assert!(!is_ours(&own));
    }

    #[test]
    fn a_temporary_folder_goes_with_its_owner() {
        let folder = temporary_state_folder().unwrap();
        let path = folder.path().to_owned();
        assert!(path.is_dir() && path.as_os_str().len() <= LONGEST);
        drop(folder);
        assert!(!path.exists());
    }
}
