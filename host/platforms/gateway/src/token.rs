//! The secret that a client must know.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use subtle::ConstantTimeEq;
use thiserror::Error;

/// Shortest token, characters: 128 random bits have 22 in base64.
const SHORTEST: usize = 16;
/// Longest token, characters.
const LONGEST: usize = 1024;

/// Why a token can't be used. No message holds any of it.
#[derive(Debug, Error)]
pub enum TokenError {
    /// It is too short, too long, or has characters that a header can't hold.
    #[error(
        "the token can't be used: give {SHORTEST} to {LONGEST} visible ASCII characters, as `openssl rand -hex 32` makes them"
    )]
    Unfit,
    /// The file can't be read.
    #[error("the token's file {} can't be read: {reason}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// Other users may read the file.
    #[error("the token's file {} can be read by other users: `chmod 600 {}`", .path.display(), .path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
}

/// The secret that a client must know. It is never shown.
#[derive(Clone)]
pub struct Token(Arc<str>);

impl Token {
    /// The token of this text.
    ///
    /// # Errors
    /// When it is too short to be a secret, or can't stand in a header.
    pub fn new(text: &str) -> Result<Token, TokenError> {
        let text = text.trim();
        let fits = (SHORTEST..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Token(text.into())) } else { Err(TokenError::Unfit) }
    }

    /// A new one of 256 random bits.
    pub fn random() -> Token {
        let bytes: [u8; 32] = rand::random();
        Token(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
    }

    /// The token in a file that only its owner may read.
    ///
    /// # Errors
    /// When the file can't be read, others may read it, or what is in it is no token.
    pub fn from_file(path: &Path) -> Result<Token, TokenError> {
        let failed = |reason| TokenError::File { path: path.to_owned(), reason };
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(TokenError::Open { path: path.to_owned() });
        }
        Token::new(&fs::read_to_string(path).map_err(failed)?)
    }

    /// The token in the variable `FAASBENCH_TOKEN`, or in the file that `FAASBENCH_TOKEN_FILE` names.
    ///
    /// # Errors
    /// When one is set and can't be used.
    pub fn from_environment() -> Result<Option<Token>, TokenError> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(text) = variable("FAASBENCH_TOKEN") {
            return Token::new(&text).map(Some);
        }
        variable("FAASBENCH_TOKEN_FILE").map(|path| Token::from_file(Path::new(&path))).transpose()
    }

    /// The text itself, for the one file and the headers that hold it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether a request carries it: `Authorization: Bearer TOKEN`, or `Basic` with it as the password, whoever the user.
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(AUTHORIZATION).map(|value| value.as_bytes()) else { return false };
        let Some(space) = value.iter().position(|&byte| byte == b' ') else { return false };
        let (scheme, given) = (&value[..space], value[space..].trim_ascii());
        if scheme.eq_ignore_ascii_case(b"bearer") {
            return self.matches(given);
        }
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return false;
        }
        let Ok(pair) = STANDARD.decode(given) else { return false };
        let Some(colon) = pair.iter().position(|&byte| byte == b':') else { return false };
        self.matches(&pair[colon + 1..])
    }

    /// In a time that tells nothing of where they differ.
    fn matches(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const TEXT: &str = "0123456789abcdef";

    fn headers(authorization: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().unwrap())])
    }

    #[test]
    fn bearer_and_basic_are_taken_and_nothing_else() {
        let token = Token::new(TEXT).unwrap();
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for good in [format!("Bearer {TEXT}"), format!("bearer  {TEXT}"), basic(&format!("admin:{TEXT}"))] {
            assert!(token.is_in(&headers(&good)), "{good}");
        }
        for bad in [TEXT.to_owned(), "Bearer".to_owned(), format!("Bearer {TEXT}0"), basic(TEXT), "Basic !".to_owned()]
        {
            assert!(!token.is_in(&headers(&bad)), "{bad}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
    }

    #[test]
    fn what_is_no_secret_is_refused_and_none_is_shown() {
        for bad in ["", "short", "0123456789abcdef\u{e9}", "0123456789 abcdef"] {
            assert!(matches!(Token::new(bad), Err(TokenError::Unfit)), "{bad}");
        }
        assert!(!format!("{:?}", Token::new(TEXT).unwrap()).contains(TEXT));
        assert_ne!(Token::random().reveal(), Token::random().reveal());
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, format!("{TEXT}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Token::from_file(&path), Err(TokenError::Open { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(Token::from_file(&path).unwrap().reveal(), TEXT);
    }
}
