//! ID tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::header::HeaderValue;
use serde_json::Value;

use crate::call::Failure;

/// How long before its end a token is used for the last time: a call may wait for an instance before its token is looked at.
const MARGIN: Duration = Duration::from_secs(60);

/// An ID token with its end. It is not shown.
#[derive(Clone)]
pub(crate) struct Token {
    /// The header that lets a call in.
    pub(crate) authorization: HeaderValue,
    /// Which one it is of those that were made.
    pub(crate) number: u64,
    /// `None` where it can't be read: such a token is used once.
    end: Option<SystemTime>,
}

impl Token {
    /// The token that a metadata server has made.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn new(text: &str, number: u64) -> Result<Token, Failure> {
        let none = || (503, "unavailable", "what the metadata server gives as an ID token is none".to_owned());
        if text.split('.').count() != 3 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(none());
        }
        let mut authorization = HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| none())?;
        authorization.set_sensitive(true);
        Ok(Token { authorization, number, end: end(text) })
    }

    /// Whether it can be used for a while yet.
    pub(crate) fn lasts(&self) -> bool {
        self.end.is_some_and(|end| end.duration_since(SystemTime::now()).is_ok_and(|left| left > MARGIN))
    }
}

/// The claim `exp`, s since 1970.
fn end(text: &str) -> Option<SystemTime> {
    let claims = URL_SAFE_NO_PAD.decode(text.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(claims["exp"].as_u64()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(left_seconds: i64) -> Token {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = format!(r#"{{"exp":{}}}"#, now.checked_add_signed(left_seconds).unwrap());
        Token::new(&format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims)), 1).unwrap()
    }

    #[test]
    fn a_token_lasts_until_shortly_before_its_end() {
        assert!(token(3600).lasts() && token(70).lasts());
        assert!(!token(50).lasts() && !token(-10).lasts());
        assert!(!Token::new("e30.e30.sig", 1).unwrap().lasts(), "without an end");
    }

    #[test]
    fn what_is_none_is_not_shown() {
        for text in ["", "secret", "a.b", "a.secret\n.c", "<html>.secret.</html> "] {
            let (status, _, message) = Token::new(text, 1).err().unwrap();
            assert!(status == 503 && !message.contains("secret"), "{message}");
        }
        assert!(!format!("{:?}", token(100).authorization).contains("e30"));
    }

    proptest! {
        #[test]
        fn any_text_is_taken_without_a_panic(text in "\\PC{0,80}") {
            let _ = Token::new(&text, 1).map(|token| token.lasts());
        }
    }
}
