//! Objects to files.

use std::fs::{self, File};
use std::path::Path;

use lab::{Error, Lab, Location};

use crate::key::{self, Tree};
use crate::scratch::on_file;

/// What was downloaded.
#[derive(Debug)]
pub(crate) struct Downloaded {
    /// The files' names below the directory, with slashes, in the order of their bytes.
    pub(crate) names: Vec<String>,
    /// Their sizes together, bytes.
    pub(crate) bytes: u64,
}

/// Writes each object under `prefix` of `input` to the file of its key below `directory`. No objects is `not-found`; a
/// key that cannot be a file there is a `bad-request`.
pub(crate) fn download(lab: &dyn Lab, input: &Location, prefix: &str, directory: &Path) -> Result<Downloaded, Error> {
    // With the slash: `data` does not take in `database/x`.
    let folder = format!("{}/", input.key(prefix));
    let mut tree = Tree::default();
    let mut bytes = 0;
    let mut after: Option<String> = None;
    loop {
        let page = lab.list(&input.bucket, &folder, after.as_deref())?;
        for object in &page.objects {
            bytes += download_one(lab, &input.bucket, &object.key, &folder, directory, &mut tree)?;
        }
        match page.next {
            None => break,
            // A listing that does not advance would never end.
            Some(next) if after.as_ref().is_some_and(|after| next <= *after) => {
                return Err(Error::internal(format!(
                    "the listing of bucket '{}' went back to key {next:?}; its storage is at fault",
                    input.bucket
                )));
            }
            Some(next) => after = Some(next),
        }
    }
    let names = tree.into_files();
    if names.is_empty() {
        return Err(Error::not_found(format!(
            "no object in bucket '{}' has a key that starts with '{folder}'",
            input.bucket
        )));
    }
    Ok(Downloaded { names, bytes })
}

/// Writes one object to its file and returns its size in bytes.
fn download_one(
    lab: &dyn Lab,
    bucket: &str,
    object_key: &str,
    folder: &str,
    directory: &Path,
    tree: &mut Tree,
) -> Result<u64, Error> {
    let refuse = |reason: &str| {
        Error::bad_request(format!(
            "bucket '{bucket}' holds an object with the key {}, {reason}: it cannot be a file",
            key::shown(object_key)
        ))
    };
    let name = object_key.strip_prefix(folder).ok_or_else(|| refuse("which is outside of the prefix asked for"))?;
    key::check(name).map_err(refuse)?;
    for new in tree.add(name).map_err(|reason| refuse(&reason))? {
        let path = directory.join(new);
        fs::create_dir(&path).map_err(|error| on_file("create", &path, error))?;
    }
    let path = directory.join(name);
    let mut reader = lab.open(bucket, object_key)?;
    // Not `create`: on a file system that takes two keys for one name, the second must not overwrite the first.
    let mut file = File::create_new(&path).map_err(|error| on_file("create", &path, error))?;
    lab::stream(&mut reader, &mut file, |_| {}).map_err(|error| match error.get_ref() {
        Some(inner) if inner.is::<Error>() => Error::from(error),
        _ => on_file("write", &path, error),
    })
}
