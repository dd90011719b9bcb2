//! An object's etag: the digest of its content, kept beside it as an extended attribute.

use std::os::fd::AsFd;
use std::time::UNIX_EPOCH;

use cap_std::fs::Metadata;
use cap_std::time::SystemTime;
use md5::{Digest, Md5};
use rustix::fs::{XattrFlags, fgetxattr, fsetxattr};

const ATTRIBUTE: &str = "user.faasbench.etag";
const LONGEST_ATTRIBUTE_BYTES: usize = 128;

/// The hexadecimal MD5 of what it is given.
#[derive(Default)]
pub(super) struct ContentDigest(Md5);

impl ContentDigest {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> [u8; 16] {
        self.0.finalize().into()
    }
}

/// The etag of an object that was written in parts, from their digests: as S3 has it.
pub(super) fn of_parts(parts: &[[u8; 16]]) -> String {
    let mut digest = Md5::new();
    parts.iter().for_each(|part| digest.update(part));
    format!("{}-{}", hex::encode(digest.finalize()), parts.len())
}

/// Keeps `etag` with the file that has this content now. Where a file system has no such attributes the etag is another,
/// which follows from the file's time and size.
pub(super) fn keep(file: impl AsFd, metadata: &Metadata, etag: &str) {
    let value = format!("{etag} {}", stamp(metadata));
    // See above: without it there is another etag.
    let _ = fsetxattr(file, ATTRIBUTE, value.as_bytes(), XattrFlags::empty());
}

/// The etag of a file: the one kept with it, unless it was changed since, or one that follows from its time and size.
pub(super) fn of_file(file: impl AsFd, metadata: &Metadata) -> String {
    let stamp = stamp(metadata);
    kept(file, &stamp).unwrap_or_else(|| format!("file-{stamp}"))
}

fn kept(file: impl AsFd, stamp: &str) -> Option<String> {
    let mut buffer = [0; LONGEST_ATTRIBUTE_BYTES];
    let length = fgetxattr(file, ATTRIBUTE, &mut buffer[..]).ok()?;
    let value = std::str::from_utf8(buffer.get(..length)?).ok()?;
    let (etag, kept_stamp) = value.split_once(' ')?;
    let plain = etag.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    (kept_stamp == stamp && plain).then(|| etag.to_owned())
}

fn stamp(metadata: &Metadata) -> String {
    let modified = metadata.modified().map(SystemTime::into_std).ok();
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("{:x}-{:x}", since.as_nanos(), metadata.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Write;

    use cap_std::ambient_authority;
    use cap_std::fs::Dir;

    use super::*;

    #[test]
    fn an_etag_is_kept_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        let mut file = folder.create("a").unwrap();
        file.write_all(b"content").unwrap();
        let before = of_file(&file, &file.metadata().unwrap());
        assert!(before.starts_with("file-"));
        keep(&file, &file.metadata().unwrap(), "9a0364b9e99bb480dd25e1f0284c8555");
        let kept = of_file(&file, &file.metadata().unwrap());
        // The second where the file system has no such attributes.
        assert!(kept == "9a0364b9e99bb480dd25e1f0284c8555" || kept == before, "{kept}");
        file.write_all(b"more").unwrap();
        let after = of_file(&file, &file.metadata().unwrap());
        assert!(after.starts_with("file-") && after != before, "{after}");
    }

    #[test]
    fn parts_have_the_etag_that_s3_gives_them() {
        let part = |content: &[u8]| {
            let mut digest = ContentDigest::default();
            digest.update(content);
            digest.finish()
        };
        assert_eq!(hex::encode(part(b"hello")), "5d41402abc4b2a76b9719d911017c592");
        assert_eq!(of_parts(&[part(b"hello"), part(b"world")]), "065947336a2f2a95ba8899f3675c3be6-2");
    }
}
