//! The user's own files as the input of a function.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::WorkloadError;
use super::cache::{self, InputCache, Manifest};
use super::prepare::{Prepared, compression_event, of_objects, thumbnailer_event};

/// Longest path below the folder, bytes: object stores take keys of 1,024, and the input's own folder stands before it.
const LONGEST_PATH_BYTES: usize = 900;
/// Hexadecimal digits of the content's digest in an input's name.
const NAME_DIGITS: usize = 32;

/// A regular file below the user's folder.
#[derive(Debug)]
struct UserFile {
    /// Relative to the folder, with slashes.
    key: String,
    path: PathBuf,
}

/// Takes a folder of the user's: for thumbnailer one workload for each image in it, at any depth, known by content and not
/// by name; for compression one workload of all its files. They are copied into the storage, under a name that follows
/// from their content. Symbolic links are skipped. The order is that of the paths.
///
/// # Errors
/// When the folder is absent, unreadable or without a usable file, when a file's name can't be an object's, when the function
/// works on no files, or when the storage can't be written.
pub fn from_directory(function_name: &str, dir: &Path, storage_root: &Path) -> Result<Vec<Prepared>, WorkloadError> {
    let all_files = match function_name {
        "thumbnailer" => false,
        "compression" => true,
        "function1" | "function2" | "function3" | "monolith" => {
            return Err(WorkloadError::TakesNoFiles { function: function_name.to_owned() });
        }
        _ => return Err(WorkloadError::UnknownFunction { name: function_name.to_owned() }),
    };
    let files = files_below(dir, storage_root)?;
    if files.is_empty() {
        return Err(WorkloadError::Empty { path: dir.to_owned() });
    }
    let storage = InputCache::open(storage_root)?;
    if all_files {
        let (name, manifest) = store(&storage, function_name, dir, &files)?;
        return Ok(vec![of_objects("input".to_owned(), compression_event(&name), &manifest)]);
    }
    let mut prepared = Vec::new();
    for file in files {
        if let Some(extension) = image_extension(&file.path)? {
            let label = format!("input:{}", file.key);
            let key = format!("image.{extension}");
            let image = UserFile { key: key.clone(), path: file.path };
            let (name, manifest) = store(&storage, function_name, &image.path, std::slice::from_ref(&image))?;
            prepared.push(of_objects(label, thumbnailer_event(&format!("{name}/{key}")), &manifest));
        }
    }
    if prepared.is_empty() {
        return Err(WorkloadError::NoImages { path: dir.to_owned() });
    }
    Ok(prepared)
}

/// Copies files into the storage, unless they are there, and returns the input's name.
fn store(
    storage: &InputCache,
    function_name: &str,
    source: &Path,
    files: &[UserFile],
) -> Result<(String, Manifest), WorkloadError> {
    let contents = files
        .iter()
        .map(|file| Ok((file.key.clone(), cache::read(&file.path, |_| Ok(()))?)))
        .collect::<Result<BTreeMap<_, _>, WorkloadError>>()?;
    let digest = Manifest::new(String::new(), contents.clone()).digest();
    let digits = digest.trim_start_matches("sha256:");
    let name = format!("{function_name}-input-{}", &digits[..NAME_DIGITS.min(digits.len())]);
    let manifest = storage.ensure(&name, |sink| {
        for file in files {
            if contents.get(&file.key) != Some(&sink.copy(&file.key, &file.path)?) {
                return Err(WorkloadError::Changed { path: source.to_owned() });
            }
        }
        Ok(())
    })?;
    Ok((name, manifest))
}

/// All regular files below a folder, sorted by key. The storage itself is left out where it lies below the folder.
fn files_below(dir: &Path, storage_root: &Path) -> Result<Vec<UserFile>, WorkloadError> {
    let metadata = fs::metadata(dir).map_err(WorkloadError::unreadable(dir))?;
    if !metadata.is_dir() {
        return Err(WorkloadError::NotAFolder { path: dir.to_owned() });
    }
    // A storage that does not exist yet can't be in the way.
    let storage_root = fs::canonicalize(storage_root).ok();
    let mut files = Vec::new();
    let mut pending = vec![(dir.to_owned(), String::new())];
    while let Some((folder, prefix)) = pending.pop() {
        for entry in fs::read_dir(&folder).map_err(WorkloadError::unreadable(&folder))? {
            let path = entry.map_err(WorkloadError::unreadable(&folder))?.path();
            let kind = fs::symlink_metadata(&path).map_err(WorkloadError::unreadable(&path))?.file_type();
            if !kind.is_dir() && !kind.is_file() {
                continue;
            }
            let key = format!("{prefix}{}", usable_name(&path)?);
            if key.len() > LONGEST_PATH_BYTES {
                return Err(WorkloadError::UnusableName { path, reason: "makes a path of more than 900 bytes" });
            }
            if kind.is_file() {
                files.push(UserFile { key, path });
            } else if storage_root.is_none() || fs::canonicalize(&path).ok() != storage_root {
                pending.push((path, format!("{key}/")));
            }
        }
    }
    files.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(files)
}

fn usable_name(path: &Path) -> Result<&str, WorkloadError> {
    let refuse = |reason| WorkloadError::UnusableName { path: path.to_owned(), reason };
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| refuse("is not UTF-8"))?;
    if name.contains('\\') {
        return Err(refuse("holds a backslash, a separator on some systems"));
    }
    Ok(name)
}

/// The usual ending of an image's format, by the file's first bytes; `None` for what is no image that thumbnailer reads.
fn image_extension(path: &Path) -> Result<Option<&'static str>, WorkloadError> {
    let mut start = Vec::with_capacity(12);
    let read = |file: File| -> io::Result<usize> { file.take(12).read_to_end(&mut start) };
    File::open(path).and_then(read).map_err(WorkloadError::unreadable(path))?;
    Ok(match start.as_slice() {
        [0xFF, 0xD8, 0xFF, ..] => Some("jpg"),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some("png"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => Some("webp"),
        _ => None,
    })
}
