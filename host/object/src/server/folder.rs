//! The directory as the endpoint uses it. Nothing outside it can be reached, by a name or by a symbolic link. These calls
//! block.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata, OpenOptions};
use native::{validate_bucket, validate_key};
use s3s::{S3Error, S3Result, s3_error};
use uuid::Uuid;

use super::etag;

/// Where objects are while they are being written, as [`native::DirectoryStorage`] has it: no bucket has this name.
pub(super) const UPLOADS: &str = ".uploads";
/// An upload in parts that nobody finished in this time is removed at the next start.
const FORGOTTEN: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often a place is made for an object before it is given up: another request may remove the folder meanwhile.
const ATTEMPTS: u32 = 4;

/// The directory.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: Arc<Dir>,
}

/// An object that was found.
pub(super) struct Found {
    pub(super) file: File,
    pub(super) metadata: Metadata,
    pub(super) etag: String,
}

impl Folder {
    pub(super) fn open(path: &Path) -> io::Result<Folder> {
        std::fs::create_dir_all(path)?;
        let root = Dir::open_ambient_dir(path, ambient_authority())?;
        root.create_dir_all(UPLOADS)?;
        let folder = Folder { root: Arc::new(root) };
        folder.remove_forgotten()?;
        Ok(folder)
    }

    pub(super) fn root(&self) -> &Dir {
        &self.root
    }

    pub(super) fn has_bucket(&self, bucket: &str) -> S3Result<()> {
        validate_bucket(bucket).map_err(|_| s3_error!(InvalidBucketName))?;
        match self.root.metadata(bucket) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(_) => Err(s3_error!(NoSuchBucket)),
            Err(error) if is_missing(&error) => Err(s3_error!(NoSuchBucket)),
            Err(error) => Err(internal(error)),
        }
    }

    /// The path of an object below the directory.
    pub(super) fn path(bucket: &str, key: &str) -> S3Result<PathBuf> {
        validate_bucket(bucket).map_err(|_| s3_error!(InvalidBucketName))?;
        validate_key(key).map_err(|error| s3_error!(InvalidArgument, "{}", error.message))?;
        Ok(Path::new(bucket).join(key))
    }

    pub(super) fn find(&self, bucket: &str, key: &str) -> S3Result<Found> {
        self.has_bucket(bucket)?;
        // A key that no object can have is that of none.
        let path = Folder::path(bucket, key).map_err(|_| s3_error!(NoSuchKey))?;
        let file = match self.root.open(path) {
            Ok(file) => file,
            Err(error) if is_missing(&error) => return Err(s3_error!(NoSuchKey)),
            // How a link that leads out of the directory is told.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(s3_error!(AccessDenied)),
            Err(error) => return Err(internal(error)),
        };
        let metadata = file.metadata().map_err(internal)?;
        if !metadata.is_file() {
            return Err(s3_error!(NoSuchKey));
        }
        let etag = etag::of_file(&file, &metadata);
        Ok(Found { file, metadata, etag })
    }

    /// A new file for an object that is being written.
    pub(super) fn temporary(&self) -> io::Result<(PathBuf, File)> {
        let path = Path::new(UPLOADS).join(Uuid::new_v4().simple().to_string());
        let file = self.root.open_with(&path, OpenOptions::new().read(true).write(true).create_new(true))?;
        Ok((path, file))
    }

    /// Makes a file that is whole the object.
    pub(super) fn publish(&self, temporary: &Path, bucket: &str, key: &str) -> S3Result<()> {
        self.has_bucket(bucket)?;
        let destination = Folder::path(bucket, key)?;
        let in_the_way = || {
            s3_error!(
                InvalidRequest,
                "another object's key is the beginning of this one, or the other way round: a directory can't hold both"
            )
        };
        for attempt in 1.. {
            if let Some(parent) = destination.parent() {
                match self.root.create_dir_all(parent) {
                    Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotADirectory) => {
                        return Err(in_the_way());
                    }
                    other => other.map_err(internal)?,
                }
            }
            match self.root.rename(temporary, &self.root, &destination) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::NotADirectory => return Err(in_the_way()),
                // A folder that removed objects have left is no object.
                Err(error) if matches!(error.kind(), ErrorKind::IsADirectory | ErrorKind::DirectoryNotEmpty) => {
                    remove_empty(&self.root, &destination).map_err(|_| in_the_way())?;
                }
                Err(error) if error.kind() == ErrorKind::NotFound && attempt < ATTEMPTS => {}
                Err(error) => return Err(internal(error)),
            }
            if attempt == ATTEMPTS {
                return Err(in_the_way());
            }
        }
        Ok(())
    }

    /// Removes an object; none is no error.
    pub(super) fn remove(&self, bucket: &str, key: &str) -> S3Result<()> {
        let Ok(path) = Folder::path(bucket, key) else { return Ok(()) };
        match self.root.remove_file(path) {
            Err(error) if is_missing(&error) => Ok(()),
            other => other.map_err(internal),
        }
    }

    /// Removes a bucket that holds no objects.
    pub(super) fn remove_bucket(&self, bucket: &str) -> S3Result<()> {
        self.has_bucket(bucket)?;
        remove_empty(&self.root, Path::new(bucket)).map_err(|error| match error.kind() {
            ErrorKind::DirectoryNotEmpty => s3_error!(BucketNotEmpty),
            _ => internal(error),
        })
    }

    fn remove_forgotten(&self) -> io::Result<()> {
        for entry in self.root.read_dir(UPLOADS)? {
            let entry = entry?;
            let age = entry.metadata()?.modified()?.into_std().elapsed().unwrap_or_default();
            if entry.file_type()?.is_dir() && age > FORGOTTEN {
                entry.open_dir()?.remove_open_dir_all()?;
            }
        }
        Ok(())
    }
}

/// Removes a folder that has no files in it, at any depth.
fn remove_empty(root: &Dir, folder: &Path) -> io::Result<()> {
    for entry in root.read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        remove_empty(root, &folder.join(entry.file_name()))?;
    }
    root.remove_dir(folder)
}

/// Whether an error says that there is no such file.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

/// A failure of the file system: a full disk is told as such, and a client may come again.
pub(super) fn internal(error: io::Error) -> S3Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => s3_error!(error, ServiceUnavailable, "the disk is full"),
        _ => s3_error!(error, InternalError),
    }
}
