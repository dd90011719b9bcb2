//! Taking the disk, and looking around on it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use lab::Error;
use serde_json::{Value, json};

/// Size of one file, bytes.
const FILE_BYTES: u64 = 16 << 20;
/// Size of one write, bytes.
const WRITE_BYTES: u64 = 64 << 10;

/// Writes files without end, or that many bytes. Refused, it gives up, unless it is stubborn.
pub(crate) fn fill(scratch: &Path, bytes: Option<u64>, stubborn: bool) -> Result<Value, Error> {
    let piece = vec![7_u8; WRITE_BYTES as usize];
    let mut written = 0;
    let mut files = 0_u64;
    while bytes.is_none_or(|bytes| written < bytes) {
        let outcome = File::create(scratch.join(format!("filled-{files}"))).and_then(|mut file| {
            let mut left = bytes.map_or(FILE_BYTES, |bytes| FILE_BYTES.min(bytes - written));
            while left > 0 {
                let size = left.min(WRITE_BYTES);
                file.write_all(&piece[..size as usize])?;
                written += size;
                left -= size;
            }
            Ok(())
        });
        files += 1;
        if !stubborn {
            outcome?;
        }
    }
    Ok(json!({ "bytes": written, "files": files }))
}

/// Creates empty files without end, or that many.
pub(crate) fn create_files(scratch: &Path, count: Option<u64>) -> Result<Value, Error> {
    let mut files = 0_u64;
    while count.is_none_or(|count| files < count) {
        File::create(scratch.join(format!("empty-{files}")))?;
        files += 1;
    }
    Ok(json!({ "files": files }))
}

/// Makes hard links to one file without end, or that many.
pub(crate) fn link_files(scratch: &Path, count: Option<u64>) -> Result<Value, Error> {
    let path = scratch.join("linked");
    fs::write(&path, b"x")?;
    let mut links = 0_u64;
    while count.is_none_or(|count| links < count) {
        fs::hard_link(&path, scratch.join(format!("link-{links}")))?;
        links += 1;
    }
    Ok(json!({ "links": links }))
}

/// Opens one file without end, or that often, and closes it never.
pub(crate) fn open_files(scratch: &Path, count: Option<u64>) -> Result<Value, Error> {
    let path = scratch.join("opened");
    fs::write(&path, b"x")?;
    let mut open = Vec::new();
    while count.is_none_or(|count| (open.len() as u64) < count) {
        open.push(File::open(&path)?);
    }
    Ok(json!({ "open": open.len() }))
}

/// Which of the files could be written. They are removed again.
pub(crate) fn write_outside(paths: &[&str]) -> Value {
    let written: Vec<_> = paths
        .iter()
        .filter(|path| {
            let could = fs::write(path, b"hostile was here").is_ok();
            if could {
                // What can't be removed is no less written.
                let _ = fs::remove_file(path);
            }
            could
        })
        .collect();
    json!({ "written": written })
}

/// Which of the files or folders could be read.
pub(crate) fn read_outside(paths: &[&str]) -> Value {
    let could = |path: &&&str| fs::read(path).is_ok() || fs::read_dir(path).is_ok();
    json!({ "read": paths.iter().filter(could).collect::<Vec<_>>() })
}
