//! URLs, as far as requests need them apart.

use alloc::borrow::ToOwned;
use alloc::string::String;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands for the function's name in a URL of nested calls.
pub const PLACEHOLDER: &str = "{name}";

/// What S3 leaves as it is in a query or a key's segment.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const UNRESERVED_PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// An `http` or `https` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether it is `https`.
    pub secure: bool,
    /// Host, and port where the URL has one.
    pub authority: String,
    /// Path and query, without a `/` at the end; empty for the root.
    pub path: String,
}

impl Url {
    /// Takes a URL apart; `None` for what is not one of `http` or `https`, or holds a name and a password.
    pub fn parse(text: &str) -> Option<Url> {
        let (secure, rest) = match text.split_once("://")? {
            ("http", rest) => (false, rest),
            ("https", rest) => (true, rest),
            _ => return None,
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let usable = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        let valid = !authority.is_empty() && !authority.contains('@') && rest.bytes().all(usable);
        valid.then(|| Url { secure, authority: authority.to_owned(), path: path.trim_end_matches('/').to_owned() })
    }
}

/// Percent-encodes a value of a query.
pub fn encode_value(value: &str) -> String {
    utf8_percent_encode(value, UNRESERVED).collect()
}

/// Percent-encodes an object's key as a path.
pub fn encode_path(key: &str) -> String {
    utf8_percent_encode(key, UNRESERVED_PATH).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let url = Url::parse("http://127.0.0.1:9000/s3/").unwrap();
        assert_eq!((url.secure, &*url.authority, &*url.path), (false, "127.0.0.1:9000", "/s3"));
        let url = Url::parse("https://s3.example").unwrap();
        assert_eq!((url.secure, &*url.authority, &*url.path), (true, "s3.example", ""));
        assert_eq!(Url::parse("http://h?f={name}").unwrap().path, "?f={name}");
    }

    #[test]
    fn what_is_no_url_of_http_is_refused() {
        for text in ["", "h", "ftp://h", "http://", "http:///p", "http://u:p@h", "http://h/a b", "http://h/#a", "/dir"]
        {
            assert_eq!(Url::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn keys_keep_their_slashes_and_values_do_not() {
        assert_eq!(encode_path("a/b c+é~"), "a/b%20c%2B%C3%A9~");
        assert_eq!(encode_value("a/b c"), "a%2Fb%20c");
    }
}
