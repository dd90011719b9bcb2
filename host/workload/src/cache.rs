//! Inputs in the object storage: made once, checked cheaply, remade when they are not whole.
//!
//! An input is a folder of objects, `faasbench/input/<name>`, where `<name>` says all that the objects follow from. Beside the
//! buckets, in a folder that can't be one, is what must not be an object: for each input a manifest and a lock.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::WorkloadError;

/// The bucket of the local experiments.
pub const BUCKET: &str = "faasbench";
/// The bucket's folder of inputs.
pub const INPUT: &str = "input";
/// The bucket's folder of outputs.
pub const OUTPUT: &str = "output";
/// No bucket's name starts with a dot.
const MANIFESTS: &str = ".inputs";
const COPY_BYTES: usize = 1 << 18;

/// What an input consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// Name of the input: function, size, seed and version of the generator, or the digest of the user's files.
    name: String,
    /// The objects' keys below the input's folder.
    files: BTreeMap<String, Content>,
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    pub(super) bytes: u64,
    /// 64 hexadecimal digits.
    pub(super) sha256: String,
}

impl Manifest {
    pub(super) fn new(name: String, files: BTreeMap<String, Content>) -> Manifest {
        Manifest { name, files }
    }

    /// Bytes of all files together.
    pub(super) fn bytes(&self) -> u64 {
        self.files.values().map(|content| content.bytes).sum()
    }

    pub(super) fn file_count(&self) -> u64 {
        self.files.len() as u64
    }

    /// `sha256:` and the digest of the lines that `sha256sum` prints for the files, sorted by key.
    pub(super) fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for (key, content) in &self.files {
            digest.update(format!("{}  {key}\n", content.sha256));
        }
        format!("sha256:{}", hex::encode(digest.finalize()))
    }
}

/// The inputs of a storage folder.
#[derive(Debug)]
pub(super) struct InputCache {
    inputs: PathBuf,
    manifests: PathBuf,
}

/// Takes the files of an input that is being made.
#[derive(Debug)]
pub(super) struct Sink {
    folder: PathBuf,
    files: BTreeMap<String, Content>,
}

impl InputCache {
    /// The cache in a storage folder, which is made where it is missing.
    pub(super) fn open(storage_root: &Path) -> Result<InputCache, WorkloadError> {
        let inputs = storage_root.join(BUCKET).join(INPUT);
        let manifests = storage_root.join(MANIFESTS);
        for folder in [&inputs, &manifests] {
            fs::create_dir_all(folder).map_err(WorkloadError::storage("make the folder", folder))?;
        }
        Ok(InputCache { inputs, manifests })
    }

    /// The input `name`, made by `make` unless it is there already and whole. Processes that want the same input at the
    /// same time make it once.
    pub(super) fn ensure(
        &self,
        name: &str,
        make: impl FnOnce(&mut Sink) -> Result<(), WorkloadError>,
    ) -> Result<Manifest, WorkloadError> {
        if let Some(manifest) = self.whole(name) {
            return Ok(manifest);
        }
        let _lock = self.lock(name)?;
        // Another process may have made it while we waited.
        if let Some(manifest) = self.whole(name) {
            return Ok(manifest);
        }
        let temporary = tempfile::Builder::new()
            .prefix(".making-")
            .tempdir_in(&self.manifests)
            .map_err(WorkloadError::storage("make a temporary folder in", &self.manifests))?;
        let mut sink = Sink { folder: temporary.path().join("objects"), files: BTreeMap::new() };
        make(&mut sink)?;
        let manifest = Manifest::new(name.to_owned(), sink.files);
        self.publish(&manifest, &sink.folder, temporary.path())?;
        Ok(manifest)
    }

    /// The manifest of an input whose files are all there with their sizes, and no others.
    fn whole(&self, name: &str) -> Option<Manifest> {
        let manifest: Manifest = serde_json::from_slice(&fs::read(self.manifest_path(name)).ok()?).ok()?;
        let mut found = 0;
        let mut pending = vec![(self.inputs.join(name), String::new())];
        while let Some((folder, prefix)) = pending.pop() {
            for entry in fs::read_dir(folder).ok()? {
                let entry = entry.ok()?;
                let key = format!("{prefix}{}", entry.file_name().to_str()?);
                let metadata = entry.metadata().ok()?;
                if metadata.is_dir() {
                    pending.push((entry.path(), format!("{key}/")));
                } else {
                    let expected = manifest.files.get(&key)?;
                    if !metadata.is_file() || metadata.len() != expected.bytes {
                        return None;
                    }
                    found += 1;
                }
            }
        }
        (manifest.name == name && found == manifest.files.len()).then_some(manifest)
    }

    /// Puts a new input in place. The manifest comes last: whoever finds it finds the files too.
    fn publish(&self, manifest: &Manifest, made: &Path, temporary: &Path) -> Result<(), WorkloadError> {
        let (place, path) = (self.inputs.join(&manifest.name), self.manifest_path(&manifest.name));
        let ignore_missing = |result: io::Result<()>| match result {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        ignore_missing(fs::remove_file(&path)).map_err(WorkloadError::storage("remove the stale manifest", &path))?;
        // What was there is damaged. It goes away together with the temporary folder.
        ignore_missing(fs::rename(&place, temporary.join("damaged")))
            .map_err(WorkloadError::storage("move away the damaged input", &place))?;
        fs::rename(made, &place).map_err(WorkloadError::storage("put in place", &place))?;
        let written = temporary.join("manifest.json");
        let text = serde_json::to_vec_pretty(manifest).map_err(io::Error::from);
        text.and_then(|text| fs::write(&written, text))
            .and_then(|()| fs::rename(&written, &path))
            .map_err(WorkloadError::storage("write the manifest", &path))
    }

    fn manifest_path(&self, name: &str) -> PathBuf {
        self.manifests.join(format!("{name}.json"))
    }

    /// Waits until nobody else makes this input. The file stays: to remove it would let two hold different locks.
    fn lock(&self, name: &str) -> Result<File, WorkloadError> {
        let path = self.manifests.join(format!("{name}.lock"));
        let locked = File::create(&path).and_then(|file| {
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => file.lock()?,
                // Without locks two processes may both make it, and the later one's files stay: they are the same.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
            Ok(file)
        });
        locked.map_err(WorkloadError::storage("lock", &path))
    }
}

impl Sink {
    /// Writes a file.
    pub(super) fn add(&mut self, key: &str, bytes: &[u8]) -> Result<(), WorkloadError> {
        let path = self.path(key)?;
        fs::write(&path, bytes).map_err(WorkloadError::storage("write", &path))?;
        let content = Content { bytes: bytes.len() as u64, sha256: hex::encode(Sha256::digest(bytes)) };
        self.files.insert(key.to_owned(), content);
        Ok(())
    }

    /// Copies a file of the user's and returns what was in it.
    pub(super) fn copy(&mut self, key: &str, source: &Path) -> Result<Content, WorkloadError> {
        let path = self.path(key)?;
        let mut file = BufWriter::new(File::create(&path).map_err(WorkloadError::storage("write", &path))?);
        let content = read(source, |bytes| file.write_all(bytes).map_err(WorkloadError::storage("write", &path)))?;
        file.flush().map_err(WorkloadError::storage("write", &path))?;
        self.files.insert(key.to_owned(), content.clone());
        Ok(content)
    }

    fn path(&self, key: &str) -> Result<PathBuf, WorkloadError> {
        let path = self.folder.join(key);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(WorkloadError::storage("make the folder", folder))?;
        Ok(path)
    }
}

/// Reads a file of the user's in pieces, which `each` gets, and returns what was in it.
pub(super) fn read(
    path: &Path,
    mut each: impl FnMut(&[u8]) -> Result<(), WorkloadError>,
) -> Result<Content, WorkloadError> {
    let mut file = File::open(path).map_err(WorkloadError::unreadable(path))?;
    let mut buffer = vec![0; COPY_BYTES];
    let (mut digest, mut total) = (Sha256::new(), 0);
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(WorkloadError::Unreadable { path: path.to_owned(), source: error }),
        };
        digest.update(&buffer[..read]);
        each(&buffer[..read])?;
        total += read as u64;
    }
    Ok(Content { bytes: total, sha256: hex::encode(digest.finalize()) })
}
