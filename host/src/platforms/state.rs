//! Where servers and platforms of this machine keep sockets, locks and scratch folders.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use thiserror::Error;

use super::in_this_process::make_private;
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

/// The folder of the server of a target: another one for each place of results, so that what one ledger knows never meets
/// what another one does.
///
/// Below `$FAASBENCH_STATE`, else `$XDG_RUNTIME_DIR/faasbench`, else `/tmp/faasbench-UID`.
///
/// # Errors
/// When its path would be too long.
pub fn state_folder(location: &Location, target: &str) -> Result<PathBuf, NoStateFolder> {
    let mut digest = Sha256::new();
    for part in [location.for_environment().as_encoded_bytes(), target.as_bytes()] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    short(root().join(&hex::encode(digest.finalize())[..12]))
}

/// A folder for a platform that ends with this process; it goes with what this gives. Those of processes that were killed
/// are removed.
///
/// # Errors
/// When its path would be too long, or it can't be made.
pub fn temporary_state_folder() -> Result<TempDir, NoStateFolder> {
    let root = root();
    let unusable = |source| NoStateFolder::Unusable { path: root.clone(), source };
    make_private(&root).map_err(unusable)?;
    for entry in std::fs::read_dir(&root).map_err(unusable)?.flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix('p')?.split_once('-')?.0.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists()) {
            // Another process may be removing it too.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    short(root.join("p1234567-123456"))?;
    let prefix = format!("p{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir_in(&root).map_err(unusable)
}

fn root() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let root = variable("FAASBENCH_STATE")
        .or_else(|| {
            let runtime = variable("XDG_RUNTIME_DIR").map(|folder| folder.join("faasbench"));
            // A login's folder may be gone, as after `su`.
            runtime.filter(|folder| folder.parent().is_some_and(Path::is_dir))
        })
        .unwrap_or_else(|| PathBuf::from(format!("/tmp/faasbench-{}", rustix::process::geteuid().as_raw())));
    std::path::absolute(&root).unwrap_or(root)
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
    fn a_temporary_folder_goes_with_its_owner() {
        let folder = temporary_state_folder().unwrap();
        let path = folder.path().to_owned();
        assert!(path.is_dir() && path.as_os_str().len() <= LONGEST);
        drop(folder);
        assert!(!path.exists());
    }
}
