//! What the answer of a nested call means.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use serde_json_alloc::Value;
use wasi_http_client::error::{Error, Kind, excerpt};

/// The outcome of a nested call of `name` that was answered with `status` and `body`. A function's own error keeps its
/// kind and its message.
///
/// # Errors
/// What the answer says is wrong, or that it is not UTF-8.
pub fn answer(name: &str, status: u16, body: &[u8]) -> Result<String, Error> {
    let text = core::str::from_utf8(body);
    if (200..300).contains(&status) {
        let not_text = |_| Error::new(Kind::Internal, format!("the answer of `{name}` is not UTF-8 text"));
        return text.map(ToOwned::to_owned).map_err(not_text);
    }
    if let Some(error) = text.ok().and_then(own_error) {
        return Err(error);
    }
    Err(Error::new(Kind::from_http_status(status), format!("`{name}` answered with status {status}{}", excerpt(body))))
}

/// The error in a body `{"error": {"type", "message"}}`, as functions' images write it.
fn own_error(body: &str) -> Option<Error> {
    let body: Value = serde_json_alloc::from_str(body).ok()?;
    let error = body.get("error")?;
    Some(Error::new(Kind::from_name(error.get("type")?.as_str()?)?, error.get("message")?.as_str()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_functions_own_error_keeps_its_kind_and_message() {
        let error = answer("f", 413, br#"{"error": {"type": "bad-request", "message": "a \"b\""}}"#).unwrap_err();
        assert_eq!(error, Error::new(Kind::BadRequest, "a \"b\""));
    }

    #[test]
    fn another_failure_is_told_by_its_status() {
        let error = answer("f", 502, b" Bad Gateway\n").unwrap_err();
        assert_eq!(error, Error::new(Kind::Unavailable, "`f` answered with status 502: Bad Gateway"));
        assert_eq!(answer("f", 500, b"\xff").unwrap_err().message, "`f` answered with status 500");
    }

    #[test]
    fn a_success_is_its_body() {
        assert_eq!(answer("f", 200, b"{}").unwrap(), "{}");
        assert_eq!(answer("f", 200, b"\xff").unwrap_err().kind, Kind::Internal);
    }
}
