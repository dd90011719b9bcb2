//! Copies of images outside of the cache.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::BuildError;
use crate::kind::Image;

/// Copies an image into `folder` under its name in the cache, with an OCI image's archive; what was there before under that
/// name is replaced once the copy is complete.
pub(crate) fn export(image: &Image, folder: &Path) -> Result<Image, BuildError> {
    fs::create_dir_all(folder).map_err(BuildError::at("make", folder))?;
    let mut exported = image.clone();
    for source in [Some(image.path.clone()), image.archive()].into_iter().flatten() {
        let name = source.file_name().map(PathBuf::from).unwrap_or_else(|| PathBuf::from(&image.function));
        let unfinished = tempfile::Builder::new()
            .prefix(".unfinished-")
            .tempdir_in(folder)
            .map_err(BuildError::at("make a folder in", folder))?;
        copy(&source, &unfinished.path().join("new"))?;
        let place = folder.join(name);
        if place.is_dir() && !place.is_symlink() {
            fs::rename(&place, unfinished.path().join("old")).map_err(BuildError::at("replace", &place))?;
        }
        fs::rename(unfinished.path().join("new"), &place).map_err(BuildError::at("write", &place))?;
        if source == image.path {
            exported.path = place;
        }
    }
    Ok(exported)
}

fn copy(source: &Path, target: &Path) -> Result<(), BuildError> {
    if !source.is_dir() {
        return fs::copy(source, target).map(drop).map_err(BuildError::at("write", target));
    }
    fs::create_dir(target).map_err(BuildError::at("make", target))?;
    for entry in fs::read_dir(source).map_err(BuildError::at("read", source))? {
        let entry = entry.map_err(BuildError::at("read", source))?;
        copy(&entry.path(), &target.join(entry.file_name()))?;
    }
    Ok(())
}

/// The size of a file, or of all files of a folder, bytes.
pub(crate) fn size(path: &Path) -> Result<u64, BuildError> {
    let metadata = fs::metadata(path).map_err(BuildError::at("read", path))?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    let mut bytes = 0;
    for entry in fs::read_dir(path).map_err(BuildError::at("read", path))? {
        bytes += size(&entry.map_err(BuildError::at("read", path))?.path())?;
    }
    Ok(bytes)
}
