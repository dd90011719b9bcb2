//! What is answered, apart from how: health paths, events, statuses and bodies.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Largest event, bytes: that of native images (`runtime::MAXIMUM_EVENT_BYTES`).
pub const MAXIMUM_EVENT_BYTES: usize = 6 << 20;

/// An answer without its headers.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer that is JSON.
    pub fn json(status: u16, body: String) -> Answer {
        Answer { status, content_type: "application/json", body: body.into_bytes() }
    }

    /// An error, as `{"error": {"type", "message"}}`.
    pub fn error(status: u16, kind: &str, message: &str) -> Answer {
        // A string has nothing that JSON can't hold.
        let message = serde_json_alloc::to_string(message).unwrap_or_else(|_| "\"\"".to_owned());
        Answer::json(status, format!("{{\"error\":{{\"message\":{message},\"type\":\"{kind}\"}}}}"))
    }

    /// That of a body over the limit.
    pub fn too_large() -> Answer {
        let message = format!("the body is larger than {MAXIMUM_EVENT_BYTES} bytes, the most that this instance takes");
        Answer::error(413, "limit", &message)
    }

    /// That of a body whose connection broke.
    pub fn broken() -> Answer {
        Answer::error(400, "bad-request", "the body is not whole")
    }
}

/// The answer to a `GET` or `HEAD` on a health path; `None` for any other path.
pub fn health(path_with_query: &str) -> Option<Answer> {
    let path = path_with_query.split('?').next().unwrap_or_default();
    let body = match path {
        "" | "/" | "/_/health" | "/healthz" | "/__internal/health" => "ok\n",
        // A host gives an instance no request that it has no place for.
        "/_/ready" | "/readyz" => "ready\n",
        _ => return None,
    };
    Some(Answer { status: 200, content_type: "text/plain; charset=utf-8", body: body.as_bytes().to_vec() })
}

/// A body as an event. An empty one is the empty event `{}`: a plain `GET` has no other.
///
/// # Errors
/// The answer to a body that is not UTF-8.
pub fn event(body: Vec<u8>) -> Result<String, Answer> {
    if body.trim_ascii().is_empty() {
        return Ok("{}".to_owned());
    }
    String::from_utf8(body).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        let message = format!("the event is not UTF-8 text from byte {place} on: give a JSON object");
        Answer::error(400, "bad-request", &message)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn health_paths_are_those_of_native_images() {
        for path in ["/", "/?a", "/_/health", "/healthz", "/__internal/health"] {
            assert_eq!(health(path).unwrap().body, b"ok\n", "{path}");
        }
        for path in ["/_/ready", "/readyz?now"] {
            assert_eq!(health(path).unwrap().body, b"ready\n", "{path}");
        }
        assert_eq!(health("/function1"), None);
    }

    #[test]
    fn an_empty_body_is_the_empty_event_and_other_text_itself() {
        assert_eq!(event(b" \n".to_vec()).unwrap(), "{}");
        assert_eq!(event(b"{\"a\": 1}".to_vec()).unwrap(), "{\"a\": 1}");
    }

    #[test]
    fn what_is_not_utf_8_is_refused_with_the_place() {
        let answer = event(b"{\"a\xff".to_vec()).unwrap_err();
        assert_eq!(answer.status, 400);
        let body = String::from_utf8(answer.body).unwrap();
        assert!(body.contains("from byte 3 on") && body.contains("bad-request"), "{body}");
    }

    #[test]
    fn a_message_is_escaped() {
        let answer = Answer::error(500, "internal", "a \"b\"\n\u{1}");
        assert_eq!(answer.body, br#"{"error":{"message":"a \"b\"\n\u0001","type":"internal"}}"#);
    }
}
