//! From a location to the storage there.

use std::sync::Arc;

use cloud_storage::{CloudStorage, Patience, Variables};
use lab::Error;
use native::{DirectoryStorage, Location};

use crate::ObjectStorage;

/// Opens the storage at a location, with the credentials of this process's environment. Of storage that is reached over the
/// network nothing is asked before it is used.
///
/// # Errors
/// When a directory can't be made or opened.
pub fn open(location: &Location) -> Result<Arc<dyn ObjectStorage>, Error> {
    open_with(location, &|name| std::env::var(name).ok(), Patience::default())
}

/// As [`open`], with the credentials that `variables` hold and a patience of one's own.
///
/// # Errors
/// As [`open`].
pub fn open_with(
    location: &Location,
    variables: Variables<'_>,
    patience: Patience,
) -> Result<Arc<dyn ObjectStorage>, Error> {
    Ok(match location {
        Location::Directory(path) => Arc::new(DirectoryStorage::new(path)?),
        Location::Remote(location) => Arc::new(CloudStorage::new(location.clone(), variables, patience)),
    })
}
