//! Compiled components on disk, by content and engine configuration.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use thiserror::Error;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Why compiled components can't be kept in a folder.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArtefactCacheError {
    /// The folder could not be made or read.
    #[error(
        "could not use the cache of compiled components at {path}: {source}; set FAASBENCH_CACHE to a folder of your own"
    )]
    Io {
        /// The folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Somebody else could write into the folder, and what is in it is run.
    #[error(
        "the cache of compiled components at {path} can be written by others; run `chmod go-w {path}` or set FAASBENCH_CACHE to a folder of your own"
    )]
    NotPrivate {
        /// The folder.
        path: PathBuf,
    },
}

/// A folder of compiled components. What it holds is run as machine code, so it must belong to this user alone.
#[derive(Debug, Clone)]
pub struct ArtefactCache {
    folder: PathBuf,
}

impl ArtefactCache {
    /// The cache in `folder`, which is created when it is missing.
    ///
    /// # Errors
    /// When the folder can't be made, or others may write into it.
    pub fn open(folder: impl Into<PathBuf>) -> Result<ArtefactCache, ArtefactCacheError> {
        let folder = folder.into();
        let failed = |source| ArtefactCacheError::Io { path: folder.clone(), source };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        let metadata = std::fs::metadata(&folder).map_err(failed)?;
        let ours = metadata.uid() == rustix::process::geteuid().as_raw();
        if !ours || metadata.mode() & 0o022 != 0 {
            return Err(ArtefactCacheError::NotPrivate { path: folder });
        }
        Ok(ArtefactCache { folder })
    }

    /// Where the compiled form of a component for this engine is, or would be.
    pub fn path(&self, engine: &Engine, component: &[u8]) -> PathBuf {
        // The compatibility hash covers wasmtime's version, the compiler's settings and the processor's features.
        let mut configuration = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut configuration);
        let content = blake3::hash(component);
        self.folder.join(format!("{}-{:016x}.cwasm", &content.to_hex()[..32], configuration.finish()))
    }

    /// The compiled component, when it is there.
    pub(super) fn load(&self, engine: &Engine, component: &[u8]) -> Option<Component> {
        let path = self.path(engine, component);
        if !path.is_file() {
            return None;
        }
        // SAFETY: the file was written by `store` into a folder that only this user can write; wasmtime itself refuses a
        // file of another version or configuration.
        let loaded = unsafe { Component::deserialize_file(engine, &path) };
        // A damaged file is as good as none: it is made anew.
        loaded.ok()
    }

    /// Keeps a compiled component. Another process may do the same at the same time.
    pub(super) fn store(&self, path: &Path, compiled: &[u8]) -> Result<(), ArtefactCacheError> {
        let failed = |source| ArtefactCacheError::Io { path: self.folder.clone(), source };
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(failed)?;
        file.write_all(compiled).map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_that_others_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(ArtefactCache::open(folder.path()), Err(ArtefactCacheError::NotPrivate { .. })));
    }
}
