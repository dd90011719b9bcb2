//! Object storage in a local directory: a folder per bucket, a file per object.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use lab::{Error, ErrorKind, Object, ObjectWriter, Page};
use uuid::Uuid;

use crate::{Storage, validate_bucket, validate_key};

/// Objects in one page of a listing, as in S3.
const PAGE_OBJECTS: usize = 1000;
/// Where objects are while they are being written. No bucket can have this name: bucket names don't start with a dot.
const UPLOADS: &str = ".uploads";

/// Object storage in a directory. Nothing outside it can be reached, by a key or by a symbolic link.
#[derive(Debug)]
pub struct DirectoryStorage {
    root: Dir,
    path: PathBuf,
}

impl DirectoryStorage {
    /// Storage in `root`, which is created when it is missing.
    ///
    /// # Errors
    /// When the directory can't be created or opened.
    pub fn new(root: impl Into<PathBuf>) -> Result<DirectoryStorage, Error> {
        let path = root.into();
        let failed = |error: io::Error| {
            Error::new(
                ErrorKind::Unavailable,
                format!("could not open the object storage at {}: {error}", path.display()),
            )
        };
        std::fs::create_dir_all(&path).map_err(failed)?;
        let root = Dir::open_ambient_dir(&path, ambient_authority()).map_err(failed)?;
        Ok(DirectoryStorage { root, path })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes an object.
    ///
    /// # Errors
    /// When it does not exist or can't be removed.
    pub fn remove(&self, bucket: &str, key: &str) -> Result<(), Error> {
        let path = DirectoryStorage::object_path(bucket, key)?;
        self.root.remove_file(path).map_err(|error| failed("removing", bucket, key, &error))
    }

    fn object_path(bucket: &str, key: &str) -> Result<PathBuf, Error> {
        validate_bucket(bucket)?;
        validate_key(key)?;
        Ok(Path::new(bucket).join(key))
    }
}

fn failed(doing: &str, bucket: &str, key: &str, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
            Error::not_found(format!("no object {key:?} in bucket {bucket:?}"))
        }
        _ => Error::new(ErrorKind::Unavailable, format!("{doing} object {key:?} in bucket {bucket:?} failed: {error}")),
    }
}

impl Storage for DirectoryStorage {
    fn open(&self, bucket: &str, key: &str) -> Result<Box<dyn Read + Send>, Error> {
        let path = DirectoryStorage::object_path(bucket, key)?;
        let file = self.root.open(path).map_err(|error| failed("opening", bucket, key, &error))?;
        let metadata = file.metadata().map_err(|error| failed("opening", bucket, key, &error))?;
        if !metadata.is_file() {
            return Err(Error::not_found(format!("no object {key:?} in bucket {bucket:?}")));
        }
        Ok(Box::new(file))
    }

    fn create(&self, bucket: &str, key: &str) -> Result<Box<dyn ObjectWriter + Send>, Error> {
        let destination = DirectoryStorage::object_path(bucket, key)?;
        let failed = |error: io::Error| {
            Error::new(ErrorKind::Unavailable, format!("creating object {key:?} in bucket {bucket:?} failed: {error}"))
        };
        let root = self.root.try_clone().map_err(failed)?;
        root.create_dir_all(UPLOADS).map_err(failed)?;
        let temporary = Path::new(UPLOADS).join(Uuid::new_v4().simple().to_string());
        let file = root.create(&temporary).map_err(failed)?;
        Ok(Box::new(Upload { root, file, temporary, destination, size_bytes: 0, finished: false }))
    }

    fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Page, Error> {
        validate_bucket(bucket)?;
        // A prefix is not a key: it may end in the middle of a segment. The folder to walk is what stands before its last '/'.
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !folder.is_empty() {
            validate_key(folder)?;
        }
        let mut objects = Vec::new();
        let mut pending = vec![folder.to_owned()];
        while let Some(folder) = pending.pop() {
            let entries = match self.root.read_dir(Path::new(bucket).join(&folder)) {
                Ok(entries) => entries,
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    continue;
                }
                Err(error) => return Err(failed("listing", bucket, &folder, &error)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| failed("listing", bucket, &folder, &error))?;
                // A name that is not UTF-8 can't be a key.
                let Ok(name) = entry.file_name().into_string() else { continue };
                let key = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                let file_type = entry.file_type().map_err(|error| failed("listing", bucket, &key, &error))?;
                if file_type.is_dir() {
                    if key.starts_with(prefix) || prefix.starts_with(&format!("{key}/")) {
                        pending.push(key);
                    }
                } else if file_type.is_file()
                    && key.starts_with(prefix)
                    && after.is_none_or(|after| key.as_str() > after)
                {
                    let metadata = entry.metadata().map_err(|error| failed("listing", bucket, &key, &error))?;
                    objects.push(Object { key, size_bytes: metadata.len() });
                }
            }
        }
        objects.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        let more = objects.len() > PAGE_OBJECTS;
        objects.truncate(PAGE_OBJECTS);
        let next = if more { objects.last().map(|object| object.key.clone()) } else { None };
        Ok(Page { objects, next })
    }
}

/// An object being written, in a file of its own until it is whole.
struct Upload {
    root: Dir,
    file: cap_std::fs::File,
    temporary: PathBuf,
    destination: PathBuf,
    size_bytes: u64,
    finished: bool,
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl ObjectWriter for Upload {
    fn finish(mut self: Box<Self>) -> Result<u64, Error> {
        if let Some(parent) = self.destination.parent() {
            self.root.create_dir_all(parent)?;
        }
        self.root.rename(&self.temporary, &self.root, &self.destination)?;
        self.finished = true;
        Ok(self.size_bytes)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing more can be done about a temporary file that can't be removed.
            let _ = self.root.remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn storage() -> (tempfile::TempDir, DirectoryStorage) {
        let folder = tempfile::tempdir().unwrap();
        let storage = DirectoryStorage::new(folder.path()).unwrap();
        (folder, storage)
    }

    fn put(storage: &DirectoryStorage, key: &str, bytes: &[u8]) {
        let mut writer = storage.create("bucket", key).unwrap();
        writer.write_all(bytes).unwrap();
        assert_eq!(writer.finish().unwrap(), bytes.len() as u64);
    }

    #[test]
    fn what_was_written_is_read_back() {
        let (_folder, storage) = storage();
        put(&storage, "a/b", b"hello");
        let mut bytes = Vec::new();
        storage.open("bucket", "a/b").unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"hello");
    }

    #[test]
    fn an_upload_that_is_not_finished_leaves_nothing() {
        let (folder, storage) = storage();
        storage.create("bucket", "a").unwrap().write_all(b"half").unwrap();
        assert_eq!(storage.open("bucket", "a").map(|_| ()).unwrap_err().kind, ErrorKind::NotFound);
        assert_eq!(std::fs::read_dir(folder.path().join(UPLOADS)).unwrap().count(), 0);
    }

    #[test]
    fn a_listing_is_paged_in_the_order_of_the_keys_bytes() {
        let (_folder, storage) = storage();
        for index in 0..1001 {
            put(&storage, &format!("in/{index:04}"), b"");
        }
        put(&storage, "in.txt", b"");
        put(&storage, "in/0000.d/x", b"");
        let first = storage.list("bucket", "in/", None).unwrap();
        assert_eq!(first.objects.len(), 1000);
        assert_eq!(first.objects[1].key, "in/0000.d/x");
        let second = storage.list("bucket", "in/", first.next.as_deref()).unwrap();
        assert_eq!(second.objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["in/0999", "in/1000"]);
        assert_eq!(second.next, None);
        assert_eq!(storage.list("bucket", "in", None).unwrap().objects[0].key, "in.txt");
    }

    #[test]
    fn a_symbolic_link_does_not_lead_out() {
        let (folder, storage) = storage();
        put(&storage, "a", b"");
        let outside = tempfile::NamedTempFile::new().unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("bucket/link")).unwrap();
        assert!(storage.open("bucket", "link").is_err());
        assert_eq!(storage.list("bucket", "", None).unwrap().objects.len(), 1);
    }

    #[test]
    fn a_folder_is_not_an_object() {
        let (_folder, storage) = storage();
        put(&storage, "a/b", b"");
        assert_eq!(storage.open("bucket", "a").map(|_| ()).unwrap_err().kind, ErrorKind::NotFound);
        assert_eq!(storage.list("bucket", "missing/", None).unwrap(), Page::default());
    }
}
