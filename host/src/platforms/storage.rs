//! Where the functions' objects are.

use native::Location;

use crate::configuration::Target;
use crate::paths::CacheFolders;

/// The storage of who says nothing: where generated inputs are kept.
pub fn default_storage(folders: &CacheFolders) -> Location {
    Location::Directory(folders.objects())
}

/// A location as people write it: also a path from the folder that they are in.
///
/// # Errors
/// What is accepted.
pub fn storage_location(text: &str) -> Result<Location, lab::Error> {
    if text.is_empty() || text.contains("://") {
        return Location::parse(text);
    }
    let path = std::path::absolute(text).map_err(|error| lab::Error::bad_request(format!("`{text}`: {error}")))?;
    Ok(Location::Directory(path))
}

impl Target {
    /// Where its functions' objects are.
    ///
    /// # Errors
    /// When what the configuration says is no location.
    pub fn storage_location(&self, folders: &CacheFolders) -> Result<Location, lab::Error> {
        self.storage.as_deref().map_or_else(|| Ok(default_storage(folders)), storage_location)
    }
}
