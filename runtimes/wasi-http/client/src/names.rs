//! Which names of buckets, keys and functions are taken: those that native images take.

use alloc::format;
use alloc::string::String;

use crate::error::{Error, Kind};

/// Longest key, bytes: the limit of S3.
const LONGEST_KEY_BYTES: usize = 1024;
/// Longest bucket name, bytes: the limit of S3.
const LONGEST_BUCKET_BYTES: usize = 63;
/// Longest name of a function, bytes.
const LONGEST_FUNCTION_BYTES: usize = 128;

fn is_plain(name: &str, longest: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= longest && !name.starts_with('.') && name.bytes().all(plain)
}

fn refuse_name(what: &str, name: &str, longest: usize) -> Error {
    let shown: String = name.chars().take(80).collect();
    Error::new(
        Kind::BadRequest,
        format!(
            "the {what} name {shown:?} is not valid: give 1 to {longest} letters, digits, '-', '_' or '.', not starting with '.'"
        ),
    )
}

/// Refuses a function's name that would change the meaning of a URL.
///
/// # Errors
/// A bad request.
pub fn validate_function(name: &str) -> Result<(), Error> {
    if is_plain(name, LONGEST_FUNCTION_BYTES) {
        Ok(())
    } else {
        Err(refuse_name("function", name, LONGEST_FUNCTION_BYTES))
    }
}

/// Refuses a bucket name that is not one path segment of ordinary characters.
///
/// # Errors
/// A bad request.
pub fn validate_bucket(bucket: &str) -> Result<(), Error> {
    if is_plain(bucket, LONGEST_BUCKET_BYTES) {
        Ok(())
    } else {
        Err(refuse_name("bucket", bucket, LONGEST_BUCKET_BYTES))
    }
}

/// Refuses a key that could name anything but an object inside its bucket.
///
/// # Errors
/// A bad request.
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
    Err(Error::new(Kind::BadRequest, format!("the object key {shown:?} is not valid: {problem}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["", ".", "a/b", "a?b", "a b", "é", &"a".repeat(129)] {
            assert!(validate_function(name).is_err(), "{name:?}");
            assert!(validate_bucket(name).is_err(), "{name:?}");
        }
        assert!(validate_function("lab-function_1.x").is_ok() && validate_bucket("lab.bucket-1").is_ok());
        for key in ["", "/a", "a//b", "a/../b", "a/.", "a\0", &"k".repeat(1025)] {
            assert!(validate_key(key).is_err(), "{key:?}");
        }
        assert!(validate_key("a/b c/é?.jpg").is_ok());
    }
}
