//! Objects that are not needed any more.

use crate::upload::slashed;
use crate::{ObjectStorage, TransferError};

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cleaned {
    /// Objects that were removed.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Removes all objects below `prefix` in a bucket, page by page, and tells how many after each. An empty prefix is refused: a
/// whole bucket is nobody's to remove by a slip.
///
/// # Errors
/// The first failure; what was removed is gone, and the next attempt goes on from there.
pub fn clean(
    storage: &dyn ObjectStorage,
    bucket: &str,
    prefix: &str,
    tell: &mut dyn FnMut(Cleaned),
) -> Result<Cleaned, TransferError> {
    let prefix = slashed(prefix);
    if prefix.is_empty() {
        return Err(lab::Error::bad_request(format!(
            "all of bucket {bucket:?} would be removed: give the folder whose objects are to go, such as `output`"
        ))
        .into());
    }
    let mut cleaned = Cleaned::default();
    let mut after: Option<String> = None;
    loop {
        let page = storage.list_details(bucket, &prefix, after.as_deref())?;
        let keys: Vec<String> = page.objects.iter().map(|object| object.key.clone()).collect();
        if !keys.is_empty() {
            storage.remove_all(bucket, &keys)?;
            cleaned.objects += keys.len() as u64;
            cleaned.bytes += page.objects.iter().map(|object| object.size_bytes).sum::<u64>();
            tell(cleaned);
        }
        match page.next {
            None => return Ok(cleaned),
            next => after = next,
        }
    }
}
