//! Objects that are written in parts: a folder per upload, a file per part whose name holds its digest.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use s3s::dto::{CompletedPart, ETag};
use s3s::{S3Result, s3_error};
use uuid::Uuid;

use super::etag;
use super::folder::{Folder, UPLOADS, internal};

/// The file of an upload that holds its bucket and key.
const TARGET: &str = "target";
/// Least bytes of a part that is not the last, as in S3.
const LEAST_PART_BYTES: u64 = 5 << 20;
/// Most parts, as in S3.
const MOST_PARTS: i32 = 10_000;

/// A part that has arrived.
pub(super) struct Part {
    pub(super) file: PathBuf,
    pub(super) digest: [u8; 16],
    pub(super) size_bytes: u64,
}

/// An upload that has begun.
pub(super) struct MultipartUpload {
    folder: Folder,
    place: PathBuf,
    bucket: String,
    key: String,
}

impl MultipartUpload {
    /// Begins an upload and returns its id.
    pub(super) fn begin(folder: &Folder, bucket: &str, key: &str) -> S3Result<String> {
        folder.has_bucket(bucket)?;
        Folder::path(bucket, key)?;
        let id = Uuid::new_v4().simple().to_string();
        let place = place(&id);
        folder.root().create_dir(&place).map_err(internal)?;
        folder.root().write(place.join(TARGET), format!("{bucket}/{key}")).map_err(internal)?;
        Ok(id)
    }

    /// The upload of that id, which must be one of this object's.
    pub(super) fn find(folder: &Folder, id: &str, bucket: &str, key: &str) -> S3Result<MultipartUpload> {
        // Only what this made is an id: anything else could name another folder.
        let id = Uuid::parse_str(id).map_err(|_| s3_error!(NoSuchUpload))?.simple().to_string();
        let place = place(&id);
        match folder.root().read_to_string(place.join(TARGET)) {
            Ok(target) if target == format!("{bucket}/{key}") => {
                let (bucket, key) = (bucket.to_owned(), key.to_owned());
                Ok(MultipartUpload { folder: folder.clone(), place, bucket, key })
            }
            Ok(_) => Err(s3_error!(NoSuchUpload)),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(s3_error!(NoSuchUpload)),
            Err(error) => Err(internal(error)),
        }
    }

    /// Takes in a part that was written to a temporary file. One of the same number is replaced.
    pub(super) fn add(&self, number: i32, temporary: &Path, digest: [u8; 16]) -> S3Result<()> {
        let old = self.parts()?.remove(&number);
        let name = format!("{number:05}-{}", hex::encode(digest));
        let root = self.folder.root();
        let new = self.place.join(name);
        root.rename(temporary, root, &new).map_err(|error| match error.kind() {
            // The upload was ended meanwhile.
            ErrorKind::NotFound => s3_error!(NoSuchUpload),
            _ => internal(error),
        })?;
        if let Some(old) = old.filter(|old| old.file != new) {
            // Another request for the same part may have been quicker.
            let _ = root.remove_file(old.file);
        }
        Ok(())
    }

    /// The parts that have arrived, by number.
    pub(super) fn parts(&self) -> S3Result<BTreeMap<i32, Part>> {
        let mut parts = BTreeMap::new();
        for entry in self.folder.root().read_dir(&self.place).map_err(internal)? {
            let entry = entry.map_err(internal)?;
            let name = entry.file_name();
            let Some((number, digest)) = name.to_str().and_then(|name| name.split_once('-')) else { continue };
            let mut bytes = [0; 16];
            if let (Ok(number), Ok(())) = (number.parse(), hex::decode_to_slice(digest, &mut bytes)) {
                let size_bytes = entry.metadata().map_err(internal)?.len();
                parts.insert(number, Part { file: self.place.join(&name), digest: bytes, size_bytes });
            }
        }
        Ok(parts)
    }

    /// Joins the parts that the client names, in its order, to the object, and returns its etag.
    pub(super) fn complete(&self, wanted: &[CompletedPart]) -> S3Result<String> {
        let parts = self.chosen(wanted)?;
        let root = self.folder.root();
        let (temporary, joined) = self.folder.temporary().map_err(internal)?;
        let result = (|| {
            let mut digests = Vec::with_capacity(parts.len());
            let mut joined = joined.into_std();
            for part in &parts {
                let mut file = root.open(&part.file).map_err(internal)?.into_std();
                // In the kernel, where the file system can do that.
                io::copy(&mut file, &mut joined).map_err(internal)?;
                digests.push(part.digest);
            }
            let etag = etag::of_parts(&digests);
            let joined = cap_std::fs::File::from_std(joined);
            etag::keep(&joined, &joined.metadata().map_err(internal)?, &etag);
            self.folder.publish(&temporary, &self.bucket, &self.key)?;
            Ok(etag)
        })();
        match result {
            Ok(etag) => {
                self.remove()?;
                Ok(etag)
            }
            Err(error) => {
                // Nothing more can be done about a temporary file that can't be removed.
                let _ = root.remove_file(temporary);
                Err(error)
            }
        }
    }

    fn chosen(&self, wanted: &[CompletedPart]) -> S3Result<Vec<Part>> {
        if wanted.is_empty() {
            return Err(s3_error!(MalformedXML, "there is no part in the list"));
        }
        let mut arrived = self.parts()?;
        let mut chosen: Vec<Part> = Vec::with_capacity(wanted.len());
        let mut last_number = 0;
        for part in wanted {
            let number = part.part_number.unwrap_or_default();
            if number <= last_number {
                return Err(s3_error!(InvalidPartOrder));
            }
            last_number = number;
            let found = arrived.remove(&number).ok_or_else(|| s3_error!(InvalidPart))?;
            let etag = ETag::Strong(hex::encode(found.digest));
            if part.e_tag.as_ref().is_some_and(|expected| !etag.weak_cmp(expected)) {
                return Err(s3_error!(InvalidPart));
            }
            if chosen.last().is_some_and(|before| before.size_bytes < LEAST_PART_BYTES) {
                return Err(s3_error!(EntityTooSmall));
            }
            chosen.push(found);
        }
        Ok(chosen)
    }

    /// Removes the upload and its parts.
    pub(super) fn remove(&self) -> S3Result<()> {
        self.folder.root().remove_dir_all(&self.place).map_err(internal)
    }
}

/// Refuses a number that no part can have.
pub(super) fn check_number(number: i32) -> S3Result<()> {
    if (1..=MOST_PARTS).contains(&number) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "the part's number is not 1 to 10,000"))
}

fn place(id: &str) -> PathBuf {
    Path::new(UPLOADS).join(format!("parts-{id}"))
}
