//! An answer of a platform's API, and what it means.

use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use platform::PlatformError;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, LOCATION};
use serde::de::DeserializeOwned;

use crate::hidden::Hidden;

/// How much of an error's text is shown, in letters.
const SHOWN: usize = 500;
/// How much of it is looked at, bytes.
const LOOKED_AT: usize = 1 << 16;
/// How far this machine's clock may be from a server's before signatures and tokens are refused for it, s. Most allow five
/// minutes; some tokens one.
const SKEW_SECONDS: u64 = 60;

/// An answer of the API.
pub struct ApiResponse {
    /// HTTP's status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How often the request had to be repeated.
    pub repetitions: u32,
    /// What was being done.
    pub(crate) doing: String,
    pub(crate) platform: &'static str,
    /// What it was asked with, which is not to be shown.
    pub(crate) hidden: Hidden,
}

impl ApiResponse {
    /// The body as a type.
    ///
    /// # Errors
    /// When it is not one.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, PlatformError> {
        serde_json::from_slice(&self.body).map_err(|error| PlatformError::Failed {
            platform: self.platform.to_owned(),
            doing: self.doing.clone(),
            reason: format!("its answer is not what was expected: {error}: {}", self.text()),
        })
    }

    /// The beginning of the body as text, without what a terminal would obey.
    pub fn text(&self) -> String {
        let harmless =
            |letter: char| if letter.is_control() && letter != '\n' && letter != '\t' { ' ' } else { letter };
        let beginning = &self.body[..self.body.len().min(LOOKED_AT)];
        // Before it is cut, as half of a secret would not be found.
        let text = self.hidden.redact(String::from_utf8_lossy(beginning).into_owned());
        text.trim().chars().take(SHOWN).map(harmless).collect::<String>().trim().to_owned()
    }

    /// The answer when its status is one of success, or one of `others`.
    ///
    /// # Errors
    /// What the status means, otherwise.
    pub fn accept(self, others: &[u16]) -> Result<ApiResponse, PlatformError> {
        if self.status.is_success() || others.contains(&self.status.as_u16()) { Ok(self) } else { Err(self.refusal()) }
    }

    /// What an answer without success means.
    pub fn refusal(&self) -> PlatformError {
        let said = self.text();
        let mut reason = format!("status {}", self.status);
        if !said.is_empty() {
            reason = format!("{reason}: {said}");
        }
        if self.repetitions > 0 {
            reason = format!("{reason} (also after {} repetitions)", self.repetitions);
        }
        let platform = self.platform.to_owned();
        match self.status.as_u16() {
            401 | 403 => PlatformError::Denied {
                platform,
                reason: format!("{}: {reason}", self.doing),
                advice: match skew(&self.headers, SystemTime::now()) {
                    Some(skew) => format!("set this machine's clock, which {skew}, or look at its credentials"),
                    None => "look at its credentials and what they allow".to_owned(),
                },
            },
            407 => proxy_refusal(self.platform, &reason),
            300..=399 => {
                let place = self.headers.get(LOCATION).and_then(|place| place.to_str().ok());
                // A query may hold what is secret.
                let place = place.and_then(|place| place.split('?').next()).unwrap_or("another place");
                let reason =
                    format!("status {}: it sends on to {place}; set the endpoint to where the API is", self.status);
                PlatformError::Failed { platform, doing: self.doing.clone(), reason }
            }
            _ => PlatformError::Failed { platform, doing: self.doing.clone(), reason },
        }
    }
}

/// Without the body and the headers, which may hold what is secret.
impl fmt::Debug for ApiResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiResponse")
            .field("doing", &self.doing)
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .field("repetitions", &self.repetitions)
            .finish_non_exhaustive()
    }
}

/// A proxy that does not let us through.
pub(crate) fn proxy_refusal(platform: &str, reason: &str) -> PlatformError {
    PlatformError::Denied {
        platform: platform.to_owned(),
        reason: format!("the proxy in between asks for credentials ({reason})"),
        advice: "give them in HTTPS_PROXY, or name the host in NO_PROXY".to_owned(),
    }
}

/// How this machine's clock differs from the one that an answer was made by, where that may be why it refused.
fn skew(headers: &HeaderMap, now: SystemTime) -> Option<String> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    let (seconds, side) = match now.duration_since(date) {
        Ok(ahead) => (ahead.as_secs(), "ahead of"),
        Err(behind) => (behind.duration().as_secs(), "behind"),
    };
    (seconds > SKEW_SECONDS).then(|| format!("is {seconds} s {side} the server's"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(status: u16, body: &'static str) -> ApiResponse {
        ApiResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
            repetitions: 0,
            doing: "listing functions".to_owned(),
            platform: "openfaas",
            hidden: Hidden::default(),
        }
    }

    #[test]
    fn a_clock_that_differs_is_told() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let at = |seconds: u64| {
            let mut headers = HeaderMap::new();
            let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            headers.insert(DATE, date.parse().unwrap());
            headers
        };
        assert_eq!(skew(&at(1_000_300), now).unwrap(), "is 300 s behind the server's");
        assert_eq!(skew(&at(999_000), now).unwrap(), "is 1000 s ahead of the server's");
        assert_eq!(skew(&at(1_000_010), now), None);
        assert_eq!(skew(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_servers_text_cannot_command_the_terminal() {
        assert_eq!(answer(500, "\u{1b}[2Jgone\n").text(), "[2Jgone");
        assert_eq!(answer(500, "a\u{7}b").text(), "a b");
    }

    #[test]
    fn where_an_api_moved_to_is_told() {
        let mut moved = answer(308, "");
        moved.headers.insert(LOCATION, "https://elsewhere/?key=secret".parse().unwrap());
        let said = moved.refusal().to_string();
        assert!(said.contains("https://elsewhere/;") && !said.contains("secret"), "{said}");
    }
}
