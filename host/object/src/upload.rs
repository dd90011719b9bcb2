//! A folder's files to the storage.

use std::collections::HashMap;
use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use native::validate_key;

use crate::copy::{Meter, for_each};
use crate::digest::{Match, compare};
use crate::{ObjectStorage, Progress, TransferError};

/// What an upload did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uploaded {
    /// Objects that were written.
    pub written: u64,
    /// Their bytes.
    pub written_bytes: u64,
    /// Objects that were there already, with the same content by their etags.
    pub present: u64,
    /// Objects that were there already with the same size, and whose storage tells nothing else of their content.
    pub present_by_size: u64,
}

/// A file of the folder.
struct Source {
    path: PathBuf,
    key: String,
    size_bytes: u64,
}

/// Uploads the files below `folder` as objects below `prefix` (with or without a slash at its end; empty for the bucket
/// itself), those that are missing or different. Objects that the folder has no file for stay.
///
/// # Errors
/// The first failure. What was uploaded stays, and is found by the next attempt.
pub fn upload(
    storage: &dyn ObjectStorage,
    folder: &Path,
    bucket: &str,
    prefix: &str,
    concurrency: NonZeroUsize,
    tell: &mut (dyn FnMut(Progress) + Send),
) -> Result<Uploaded, TransferError> {
    let prefix = slashed(prefix);
    let sources = sources(folder, &prefix)?;
    let present = present(storage, bucket, &prefix)?;
    let meter = Meter::new(sources.len() as u64, sources.iter().map(|source| source.size_bytes).sum(), tell);
    let done = std::sync::Mutex::new(Uploaded::default());
    for_each(&sources, concurrency, |source| {
        let same_size = present.get(&source.key).filter(|(size_bytes, _)| *size_bytes == source.size_bytes);
        let found = match same_size {
            None => Match::Different,
            Some((_, etag)) => compare(etag.as_deref(), &source.path, source.size_bytes)
                .map_err(TransferError::file("read", &source.path))?,
        };
        if found == Match::Different {
            write(storage, source, bucket, &meter)?;
        } else {
            meter.add(0, source.size_bytes);
        }
        meter.add(1, 0);
        let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match found {
            Match::Different => {
                done.written += 1;
                done.written_bytes += source.size_bytes;
            }
            Match::Same => done.present += 1,
            Match::Unknown => done.present_by_size += 1,
        }
        Ok(())
    })?;
    Ok(done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// A prefix as keys begin with it.
pub(crate) fn slashed(prefix: &str) -> String {
    match prefix.trim_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    }
}

fn sources(folder: &Path, prefix: &str) -> Result<Vec<Source>, TransferError> {
    let mut sources = Vec::new();
    let mut pending = vec![(folder.to_owned(), prefix.to_owned())];
    while let Some((folder, prefix)) = pending.pop() {
        for entry in fs::read_dir(&folder).map_err(TransferError::file("list", &folder))? {
            let entry = entry.map_err(TransferError::file("list", &folder))?;
            let path = entry.path();
            let name = entry
                .file_name()
                .into_string()
                .map_err(|_| TransferError::Name { path: path.clone(), reason: "its name is not UTF-8".to_owned() })?;
            let key = format!("{prefix}{name}");
            // Links are followed: what is uploaded is what a function would have read.
            let metadata = fs::metadata(&path).map_err(TransferError::file("look at", &path))?;
            if metadata.is_dir() {
                pending.push((path, format!("{key}/")));
            } else if metadata.is_file() {
                validate_key(&key)
                    .map_err(|error| TransferError::Name { path: path.clone(), reason: error.message })?;
                sources.push(Source { path, key, size_bytes: metadata.len() });
            }
        }
    }
    sources.sort_by(|left, right| left.key.cmp(&right.key));
    Ok(sources)
}

/// The sizes and etags of what is there.
fn present(
    storage: &dyn ObjectStorage,
    bucket: &str,
    prefix: &str,
) -> Result<HashMap<String, (u64, Option<String>)>, TransferError> {
    let mut present = HashMap::new();
    let mut after: Option<String> = None;
    loop {
        let page = storage.list_details(bucket, prefix, after.as_deref())?;
        present.extend(page.objects.into_iter().map(|object| (object.key, (object.size_bytes, object.etag))));
        match page.next {
            None => return Ok(present),
            next => after = next,
        }
    }
}

fn write(storage: &dyn ObjectStorage, source: &Source, bucket: &str, meter: &Meter<'_>) -> Result<(), TransferError> {
    let mut file = File::open(&source.path).map_err(TransferError::file("open", &source.path))?;
    let mut writer = storage.create(bucket, &source.key)?;
    let mut told = 0;
    let copied = lab::stream(&mut file, &mut writer, |piece| {
        told += piece.len() as u64;
        meter.add(0, piece.len() as u64);
    });
    copied.map_err(|error| match error.downcast::<lab::Error>() {
        Ok(error) => TransferError::Storage(error),
        Err(source_error) => TransferError::File { doing: "read", path: source.path.clone(), source: source_error },
    })?;
    if told != source.size_bytes {
        let changed = std::io::Error::other("it was changed while it was read");
        return Err(TransferError::file("upload", &source.path)(changed));
    }
    writer.finish()?;
    Ok(())
}
