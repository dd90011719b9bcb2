//! Object storage as a platform provides it.

use std::io::Read;

use lab::{Error, ObjectWriter, Page};

/// Longest key, bytes: the limit of S3, Google Cloud Storage and Azure Blob alike.
const LONGEST_KEY_BYTES: usize = 1024;
/// Longest bucket name, bytes: the limit of S3.
const LONGEST_BUCKET_BYTES: usize = 63;

/// Object storage: buckets of objects under keys. One handle serves many instances at once.
pub trait Storage: Send + Sync {
    /// Opens an object for reading from its beginning.
    fn open(&self, bucket: &str, key: &str) -> Result<Box<dyn Read + Send>, Error>;

    /// Creates or replaces an object: visible once finished, nothing if dropped before.
    fn create(&self, bucket: &str, key: &str) -> Result<Box<dyn ObjectWriter + Send>, Error>;

    /// The objects whose keys start with `prefix`, from the first key greater than `after`: one page of them.
    fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Page, Error>;
}

/// Storage for functions that have none: every request is refused.
#[derive(Debug, Clone, Copy)]
pub struct NoStorage;

impl NoStorage {
    fn refusal<T>() -> Result<T, Error> {
        Err(Error::new(lab::ErrorKind::Denied, "this instance was given no object storage"))
    }
}

impl Storage for NoStorage {
    fn open(&self, _: &str, _: &str) -> Result<Box<dyn Read + Send>, Error> {
        NoStorage::refusal()
    }

    fn create(&self, _: &str, _: &str) -> Result<Box<dyn ObjectWriter + Send>, Error> {
        NoStorage::refusal()
    }

    fn list(&self, _: &str, _: &str, _: Option<&str>) -> Result<Page, Error> {
        NoStorage::refusal()
    }
}

/// Refuses a bucket name that is not one path segment of ordinary characters.
pub fn validate_bucket(bucket: &str) -> Result<(), Error> {
    let ordinary = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let valid = !bucket.is_empty()
        && bucket.len() <= LONGEST_BUCKET_BYTES
        && !bucket.starts_with('.')
        && bucket.bytes().all(ordinary);
    if valid {
        return Ok(());
    }
    Err(Error::bad_request(format!(
        "the bucket name {bucket:?} is not valid: give 1 to {LONGEST_BUCKET_BYTES} letters, digits, '-', '_' or '.', not starting with '.'"
    )))
}

/// Refuses a key that could name anything but an object inside its bucket.
pub fn validate_key(key: &str) -> Result<(), Error> {
    let problem = if key.is_empty() {
        "it is empty"
    } else if key.len() > LONGEST_KEY_BYTES {
        "it is longer than 1024 bytes"
    } else if key.contains('\0') {
        "it contains a NUL"
    } else if key.split('/').any(|segment| segment == "..") {
        "it contains '..'"
    } else if key.split('/').any(|segment| segment.is_empty() || segment == ".") {
        "it has an empty segment or '.'"
    } else {
        return Ok(());
    };
    let shown: String = key.chars().take(80).collect();
    Err(Error::bad_request(format!("the object key {shown:?} is not valid: {problem}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_could_leave_the_bucket_are_refused() {
        for key in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a/", "a\0b", &"x".repeat(1025)] {
            assert!(validate_key(key).is_err(), "{key:?} was accepted");
        }
        for key in ["a", "a/b.jpg", "..a/b..", "input/ä ö/x"] {
            assert_eq!(validate_key(key), Ok(()), "{key:?} was refused");
        }
    }

    #[test]
    fn bucket_names_are_one_plain_segment() {
        for bucket in ["", ".", "..", ".uploads", "a/b", "a b", &"x".repeat(64)] {
            assert!(validate_bucket(bucket).is_err(), "{bucket:?} was accepted");
        }
        assert_eq!(validate_bucket("faasbench-lab_1.x"), Ok(()));
    }
}
