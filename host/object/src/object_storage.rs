//! Storage as the host needs it: what functions have, and what it takes to put their objects there and away.

use cloud_storage::{CloudStorage, ObjectDetails, ObjectPage};
use lab::{Error, ErrorKind};
use native::{DirectoryStorage, Storage};

/// Object storage that can also be looked at closely and emptied.
pub trait ObjectStorage: Storage {
    /// One page of the objects whose keys start with `prefix`, from the first key greater than `after`, with their etags.
    ///
    /// # Errors
    /// When the bucket is missing, or the storage does not answer or refuses.
    fn list_details(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<ObjectPage, Error>;

    /// Removes objects. One that is not there is no error.
    ///
    /// # Errors
    /// The first that could not be removed; the others have been tried.
    fn remove_all(&self, bucket: &str, keys: &[String]) -> Result<(), Error>;
}

impl ObjectStorage for CloudStorage {
    fn list_details(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<ObjectPage, Error> {
        CloudStorage::list_details(self, bucket, prefix, after)
    }

    fn remove_all(&self, bucket: &str, keys: &[String]) -> Result<(), Error> {
        self.remove(bucket, keys)
    }
}

impl ObjectStorage for DirectoryStorage {
    /// A directory has no etags.
    fn list_details(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<ObjectPage, Error> {
        let page = self.list(bucket, prefix, after)?;
        let objects = page.objects.into_iter();
        let objects =
            objects.map(|object| ObjectDetails { key: object.key, size_bytes: object.size_bytes, etag: None });
        Ok(ObjectPage { objects: objects.collect(), next: page.next })
    }

    fn remove_all(&self, bucket: &str, keys: &[String]) -> Result<(), Error> {
        let mut failure = Ok(());
        for key in keys {
            match self.remove(bucket, key) {
                Err(error) if error.kind != ErrorKind::NotFound && failure.is_ok() => failure = Err(error),
                _ => {}
            }
        }
        failure
    }
}
