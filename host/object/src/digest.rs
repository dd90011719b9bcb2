//! Whether an object has the content of a file, as far as its etag tells.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::{Digest, Md5};

/// What an etag says of a file of the same size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// It is that of the file's content.
    Same,
    /// It is that of another content.
    Different,
    /// It is not made from the content, or in a way that is not known.
    Unknown,
}

/// Compares an etag to a file: an MD5, or that of the MD5s of parts and their number, where all parts but the last are of the
/// same whole number of MiB.
pub(crate) fn compare(etag: Option<&str>, path: &Path, size_bytes: u64) -> io::Result<Match> {
    let Some(etag) = etag else { return Ok(Match::Unknown) };
    let (digest, parts) = match etag.split_once('-') {
        Some((digest, parts)) => (digest, parts.parse().ok()),
        None => (etag, Some(0_u64)),
    };
    let hexadecimal = digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (Some(parts), true) = (parts, hexadecimal) else { return Ok(Match::Unknown) };
    let part_bytes = match parts {
        0 => None,
        // The part size of our own writer, and of boto3 and the aws command.
        _ if size_bytes.div_ceil(cloud_storage::PART_BYTES as u64) == parts => Some(cloud_storage::PART_BYTES as u64),
        _ => return Ok(Match::Unknown),
    };
    let same = of_file(path, part_bytes)?.eq_ignore_ascii_case(digest);
    Ok(match (same, part_bytes) {
        (true, _) => Match::Same,
        (false, None) => Match::Different,
        // Others may cut the parts elsewhere and have as many of them.
        (false, Some(_)) => Match::Unknown,
    })
}

/// The MD5 of a file, or that of the MD5s of its parts.
fn of_file(path: &Path, part_bytes: Option<u64>) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut whole = Md5::new();
    let Some(part_bytes) = part_bytes else {
        io::copy(&mut file, &mut Hasher(&mut whole))?;
        return Ok(hex::encode(whole.finalize()));
    };
    loop {
        let mut part = Md5::new();
        if io::copy(&mut (&mut file).take(part_bytes), &mut Hasher(&mut part))? == 0 {
            return Ok(hex::encode(whole.finalize()));
        }
        whole.update(part.finalize());
    }
}

struct Hasher<'a>(&'a mut Md5);

impl io::Write for Hasher<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_etag_tells_what_it_can() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hello").unwrap();
        let compare = |etag| compare(etag, file.path(), 5).unwrap();
        assert_eq!(compare(Some("5d41402abc4b2a76b9719d911017c592")), Match::Same);
        assert_eq!(compare(Some("5d41402abc4b2a76b9719d911017c593")), Match::Different);
        // The MD5 of that MD5's sixteen bytes.
        assert_eq!(compare(Some("62109206880d38a4010a98e11243924a-1")), Match::Same);
        for unknown in [None, Some("0x8DCF"), Some("62109206880d38a4010a98e11243924a-2"), Some("x-1"), Some("")] {
            assert_eq!(compare(unknown), Match::Unknown, "{unknown:?}");
        }
    }
}
