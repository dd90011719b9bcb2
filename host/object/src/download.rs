//! Objects of the storage to a folder.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use cloud_storage::ObjectDetails;
use uuid::Uuid;

use crate::copy::{Meter, for_each};
use crate::upload::slashed;
use crate::{ObjectStorage, Progress, TransferError};

/// What a download did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Downloaded {
    /// Objects that were read.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Downloads the objects below `prefix` (empty for all of the bucket) to files below `folder`, which is made when it is
/// missing; files that are there are replaced, each at once when it is whole. No key leads out of the folder.
///
/// # Errors
/// The first failure. What was downloaded stays.
pub fn download(
    storage: &dyn ObjectStorage,
    bucket: &str,
    prefix: &str,
    folder: &Path,
    concurrency: NonZeroUsize,
    tell: &mut (dyn FnMut(Progress) + Send),
) -> Result<Downloaded, TransferError> {
    let prefix = slashed(prefix);
    std::fs::create_dir_all(folder).map_err(TransferError::file("make the folder", folder))?;
    let root = Dir::open_ambient_dir(folder, ambient_authority()).map_err(TransferError::file("open", folder))?;
    let mut objects: Vec<ObjectDetails> = Vec::new();
    let mut after = None;
    loop {
        let page = storage.list_details(bucket, &prefix, after.as_deref())?;
        objects.extend(page.objects);
        match page.next {
            None => break,
            next => after = next,
        }
    }
    let bytes = objects.iter().map(|object| object.size_bytes).sum();
    let meter = Meter::new(objects.len() as u64, bytes, tell);
    for_each(&objects, concurrency, |object| {
        let name = object.key.strip_prefix(prefix.as_str()).unwrap_or(&object.key);
        native::validate_key(name)?;
        let shown = folder.join(name);
        let path = Path::new(name);
        let failed = || TransferError::file("write", &shown);
        if let Some(parent) = path.parent() {
            root.create_dir_all(parent).map_err(failed())?;
        }
        let mut reader = storage.open(bucket, &object.key)?;
        // Beside its place, for the renaming to be at once.
        let temporary = path.with_file_name(format!(".{}.part", Uuid::new_v4().simple()));
        let mut file = root.create(&temporary).map_err(failed())?;
        let copied = lab::stream(&mut reader, &mut file, |piece| meter.add(0, piece.len() as u64))
            .and_then(|_| file.flush())
            .and_then(|()| root.rename(&temporary, &root, path));
        if let Err(error) = copied {
            // Nothing more can be done about a temporary file that can't be removed.
            let _ = root.remove_file(&temporary);
            return Err(match error.downcast::<lab::Error>() {
                Ok(error) => TransferError::Storage(error),
                Err(error) => failed()(error),
            });
        }
        meter.add(1, 0);
        Ok(())
    })?;
    Ok(Downloaded { objects: objects.len() as u64, bytes })
}
