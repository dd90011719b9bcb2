//! Where faasbench keeps what it can make again.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Neither the variable nor a home directory says where to keep things.
#[derive(Debug, Error)]
#[error("there is no place for generated inputs and compiled components: set FAASBENCH_CACHE to a folder, or HOME")]
pub struct NoCacheFolder;

/// The folders below the cache: everything in them can be deleted at any time between runs.
#[derive(Debug, Clone)]
pub struct CacheFolders {
    root: PathBuf,
}

impl CacheFolders {
    /// `$FAASBENCH_CACHE`, else `$XDG_CACHE_HOME/faasbench`, else `~/.cache/faasbench`.
    ///
    /// # Errors
    /// When none of these is set.
    pub fn from_environment() -> Result<CacheFolders, NoCacheFolder> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = variable("FAASBENCH_CACHE")
            .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("faasbench")))
            .or_else(|| variable("HOME").map(|home| home.join(".cache").join("faasbench")))
            .ok_or(NoCacheFolder)?;
        Ok(CacheFolders::in_folder(std::path::absolute(&root).unwrap_or(root)))
    }

    /// The folders below `root`.
    pub fn in_folder(root: impl Into<PathBuf>) -> CacheFolders {
        CacheFolders { root: root.into() }
    }

    /// All of it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Compiled components.
    pub fn components(&self) -> PathBuf {
        self.root.join("components")
    }

    /// Object storage of the local experiments: generated inputs, and outputs for as long as they are needed.
    pub fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    /// Scratch folders of instances. Beside the objects on purpose: on a disk, where `/tmp` often is in memory.
    pub fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    /// Native images.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }
}
