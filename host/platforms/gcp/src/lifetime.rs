//! How long a token is good for, as it says itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// How long from `now` a token is good for; nothing of it is left for one that has expired, `None` for one that does not say.
///
/// A token of OpenID Connect is a JSON Web Token (RFC 7519), whose second part holds `exp`, in seconds of Unix time. Its
/// signature is for the one who is called to check.
pub(crate) fn lifetime(token: &str, now: SystemTime) -> Option<Duration> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let expiry_s = claims["exp"].as_f64().filter(|seconds| *seconds >= 0.0)?;
    let expiry = UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(expiry_s).ok()?)?;
    Some(expiry.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.signature", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_says_until_when() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        assert_eq!(lifetime(&token(r#"{"aud":"a","exp":4600}"#), now), Some(Duration::from_secs(3_600)));
        assert_eq!(lifetime(&token(r#"{"exp":4600.5}"#), now), Some(Duration::from_millis(3_600_500)));
        assert_eq!(lifetime(&token(r#"{"exp":999}"#), now), Some(Duration::ZERO));
    }

    #[test]
    fn what_says_nothing_is_not_guessed() {
        let others = ["", "opaque", "a.b", "a.!.c"].map(str::to_owned);
        let claims = ["{}", r#"{"exp":"soon"}"#, r#"{"exp":-1}"#, r#"{"exp":1e300}"#, "[]"].map(token);
        for silent in others.iter().chain(&claims) {
            assert_eq!(lifetime(silent, UNIX_EPOCH), None, "{silent}");
        }
    }
}
