//! How requests are allowed in.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;

/// How requests are allowed in. Its value is never shown.
#[derive(Clone)]
pub struct Authorization(HeaderValue);

impl Authorization {
    /// The header's whole value, as in `Bearer TOKEN`; `None` where a header can't hold it.
    pub fn new(value: &str) -> Option<Authorization> {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        Some(Authorization(value))
    }

    /// HTTP's basic authorization; `None` where the user's name holds a colon.
    pub fn basic(user: &str, password: &str) -> Option<Authorization> {
        if user.contains(':') {
            return None;
        }
        Authorization::new(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    /// The header's value, for a client of another's: it is secret.
    pub fn reveal(&self) -> &str {
        // It was made of a string of visible characters.
        self.0.to_str().unwrap_or_default()
    }

    /// The header's value.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// What is secret in it: the whole, the credentials, and a password.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let Ok(value) = self.0.to_str() else { return Vec::new() };
        let mut secrets = vec![value.to_owned()];
        if let Some((scheme, credentials)) = value.split_once(' ') {
            secrets.push(credentials.to_owned());
            let decoded = STANDARD.decode(credentials).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let pair = decoded.as_deref().filter(|_| scheme.eq_ignore_ascii_case("basic"));
            secrets.extend(pair.and_then(|pair| pair.split_once(':')).map(|(_, password)| password.to_owned()));
        }
        secrets
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(not shown)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_not_shown() {
        let basic = Authorization::basic("admin", "open sesame").unwrap();
        assert_eq!(format!("{basic:?}"), "Authorization(not shown)");
        assert!(!format!("{:?}", basic.header()).contains("YWRta"));
        assert_eq!(basic.secrets()[2], "open sesame");
    }

    #[test]
    fn what_a_header_cannot_hold_is_refused() {
        assert!(Authorization::new("Bearer a\nb").is_none());
        assert!(Authorization::basic("a:b", "c").is_none());
    }
}
