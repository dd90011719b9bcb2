//! Files beside the repository that are no part of it.

use std::path::{Path, PathBuf};

/// A file or folder in `../shared`; none, with a line that says so, where it is missing.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!("skipped: {} is not there", found.display());
    None
}
