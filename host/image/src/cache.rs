//! Finished images on disk, by what they were made of. Every entry is a folder with a record of its files.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::BuildError;
use crate::kind::Image;
use crate::options::{Options, Progress};

const RECORD: &str = "record.json";
/// What a folder is called while it is made or removed.
const UNFINISHED: &str = ".unfinished-";
/// An unfinished folder of this age was left by a build that was killed.
const ABANDONED: Duration = Duration::from_secs(60 * 60);
const RETRY: Duration = Duration::from_millis(50);

/// A folder of finished images. What it holds is run, so it must belong to this user alone.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
}

/// What is under a name.
pub(crate) enum Entry {
    Absent,
    /// Something else than what was stored, and why.
    Damaged(String),
    Valid(Image),
}

/// What an entry's folder holds.
#[derive(Serialize, Deserialize)]
struct Record {
    /// Its path is below the folder.
    image: Image,
    files: Vec<RecordedFile>,
}

#[derive(Serialize, Deserialize)]
struct RecordedFile {
    path: PathBuf,
    bytes: u64,
    blake3: String,
}

/// Held while one build compiles, so that others wait.
pub(crate) struct CacheLock(#[expect(dead_code, reason = "closing the file ends the lock")] File);

impl Cache {
    /// The cache in `folder`, which is created when it is missing.
    pub(crate) fn open(folder: PathBuf) -> Result<Cache, BuildError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(BuildError::at("make the cache of images at", &folder))?;
        let metadata = fs::metadata(&folder).map_err(BuildError::at("read", &folder))?;
        let ours = metadata.uid() == rustix::process::geteuid().as_raw();
        if !ours || metadata.mode() & 0o022 != 0 {
            return Err(BuildError::NotPrivate { path: folder });
        }
        Ok(Cache { folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The entry `name`, when each of its files is what was stored; it says so when it is not.
    pub(crate) fn find(&self, name: &str, options: &Options) -> Option<Image> {
        match self.load(name) {
            Entry::Valid(image) => Some(image),
            Entry::Absent => None,
            Entry::Damaged(reason) => {
                options.tell(Progress::Damaged { name: name.to_owned(), reason });
                None
            }
        }
    }

    pub(crate) fn load(&self, name: &str) -> Entry {
        let folder = self.folder.join(name);
        let text = match fs::read(folder.join(RECORD)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.exists() => return Entry::Absent,
            Err(error) => return Entry::Damaged(format!("its record can't be read: {error}")),
        };
        let record: Record = match serde_json::from_slice(&text) {
            Ok(record) => record,
            Err(error) => return Entry::Damaged(format!("its record can't be understood: {error}")),
        };
        for file in &record.files {
            let content = match fs::read(folder.join(&file.path)) {
                Ok(content) => content,
                Err(error) => return Entry::Damaged(format!("{} can't be read: {error}", file.path.display())),
            };
            if content.len() as u64 != file.bytes {
                let (path, bytes) = (file.path.display(), content.len());
                return Entry::Damaged(format!("{path} has {bytes} bytes and not {}", file.bytes));
            }
            if blake3::hash(&content).to_hex().as_str() != file.blake3 {
                return Entry::Damaged(format!("{} has another content", file.path.display()));
            }
        }
        let mut image = record.image;
        image.path = folder.join(&image.path);
        Entry::Valid(image)
    }

    /// Stores what `fill` makes in an empty folder; the path of its image is below that folder. Nothing appears under the
    /// name before it is complete, and another process may do the same at the same time.
    pub(crate) fn store(
        &self,
        name: &str,
        fill: impl FnOnce(&Path) -> Result<Image, BuildError>,
    ) -> Result<Image, BuildError> {
        self.remove_abandoned();
        let made = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(&self.folder)
            .map_err(BuildError::at("make a folder in", &self.folder))?;
        let image = fill(made.path())?;
        let mut files = Vec::new();
        record_files(made.path(), made.path(), &mut files)?;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let record = Record { image, files };
        let text = serde_json::to_vec_pretty(&record)
            .map_err(|error| BuildError::Damaged { path: made.path().to_owned(), reason: error.to_string() })?;
        write(&made.path().join(RECORD), &text)?;

        let place = self.folder.join(name);
        let mut image = record.image;
        image.path = place.join(&image.path);
        if fs::rename(made.path(), &place).is_ok() {
            // The folder has moved away from under its guard.
            let _ = made.keep();
            return Ok(image);
        }
        // Somebody else was faster, or what is there is damaged.
        if let Entry::Valid(image) = self.load(name) {
            return Ok(image);
        }
        let old = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(&self.folder)
            .map_err(BuildError::at("make a folder in", &self.folder))?;
        // It may be gone by now.
        let _ = fs::rename(&place, old.path().join("old"));
        match fs::rename(made.path(), &place) {
            Ok(()) => {
                let _ = made.keep();
                Ok(image)
            }
            Err(error) => match self.load(name) {
                Entry::Valid(image) => Ok(image),
                _ => Err(BuildError::io("write", &place, error)),
            },
        }
    }

    /// Waits until no other build compiles.
    pub(crate) fn lock(&self, options: &Options) -> Result<CacheLock, BuildError> {
        let path = self.folder.join("building.lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(BuildError::at("write", &path))?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(CacheLock(file)),
                Err(TryLockError::Error(error)) => return Err(BuildError::io("lock", &path, error)),
                Err(TryLockError::WouldBlock) => {}
            }
            options.cancellation.check()?;
            if !told {
                options.tell(Progress::Waiting { reason: "another build of faasbench".to_owned() });
                told = true;
            }
            std::thread::sleep(RETRY);
        }
    }

    /// Removes what builds left that were killed. It is only about room, so a failure is none of a build.
    fn remove_abandoned(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let abandoned = entry.file_name().to_string_lossy().starts_with(UNFINISHED)
                && entry
                    .metadata()
                    .and_then(|metadata| metadata.modified())
                    .is_ok_and(|time| time.elapsed().is_ok_and(|age| age > ABANDONED));
            if abandoned {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

fn record_files(root: &Path, folder: &Path, files: &mut Vec<RecordedFile>) -> Result<(), BuildError> {
    for entry in fs::read_dir(folder).map_err(BuildError::at("read", folder))? {
        let path = entry.map_err(BuildError::at("read", folder))?.path();
        if path.is_dir() {
            record_files(root, &path, files)?;
            continue;
        }
        let content = fs::read(&path).map_err(BuildError::at("read", &path))?;
        files.push(RecordedFile {
            path: path.strip_prefix(root).unwrap_or(&path).to_owned(),
            bytes: content.len() as u64,
            blake3: blake3::hash(&content).to_hex().to_string(),
        });
    }
    Ok(())
}

/// Writes a file of an entry that is being made.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), BuildError> {
    fs::write(path, content).map_err(BuildError::at("write", path))
}
