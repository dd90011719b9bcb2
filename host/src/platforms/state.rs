//! Where servers and platforms of this machine keep sockets, locks and scratch folders.

use std::path::PathBuf;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::results::Location;

/// There is no folder whose path leaves room for a socket's.
#[derive(Debug, Error)]
#[error(
    "the state folder {} is too long a path for the sockets in it; set FAASBENCH_STATE to a folder of at most {LONGEST} bytes",
    .0.display()
)]
pub struct NoStateFolder(PathBuf);

/// A socket's path may have 107 bytes; this leaves what platforms add.
const LONGEST: usize = 60;

/// The folder of a target's server and of what runs there: another one for each place of results, so that what one ledger
/// knows never meets what another one does. `purpose` tells folders of one target apart.
///
/// Below `$FAASBENCH_STATE`, else `$XDG_RUNTIME_DIR/faasbench`, else `/tmp/faasbench-UID`.
///
/// # Errors
/// When its path would be too long.
pub fn state_folder(location: &Location, target: &str, purpose: &str) -> Result<PathBuf, NoStateFolder> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let root = variable("FAASBENCH_STATE")
        .or_else(|| {
            let runtime = variable("XDG_RUNTIME_DIR").map(|folder| folder.join("faasbench"));
            // A login's folder may be gone, as after `su`.
            runtime.filter(|folder| folder.parent().is_some_and(std::path::Path::is_dir))
        })
        .unwrap_or_else(|| PathBuf::from(format!("/tmp/faasbench-{}", rustix::process::geteuid().as_raw())));
    let root = std::path::absolute(&root).unwrap_or(root);
    let mut digest = Sha256::new();
    for part in [location.for_environment().as_encoded_bytes(), target.as_bytes(), purpose.as_bytes()] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let folder = root.join(&hex::encode(digest.finalize())[..12]);
    if folder.as_os_str().len() > LONGEST { Err(NoStateFolder(folder)) } else { Ok(folder) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn each_place_target_and_purpose_has_its_own() {
        let of = |place: &str, target, purpose| state_folder(&place.parse().unwrap(), target, purpose).unwrap();
        let folders =
            [of("a.db", "wasm", "s"), of("b.db", "wasm", "s"), of("a.db", "process", "s"), of("a.db", "wasm", "v")];
        for (index, folder) in folders.iter().enumerate() {
            assert!(folder.is_absolute());
            assert_eq!(folders.iter().position(|other| other == folder), Some(index));
        }
        let absolute = std::path::absolute("a.db").unwrap();
        assert_eq!(of("a.db", "wasm", "s"), of(absolute.to_str().unwrap(), "wasm", "s"));
    }
}
