//! What Lambda answers, as a status and a body in our own form.

use serde_json::Value;

use crate::call::error_body;

/// A function's error, `{"errorType", "errorMessage"}`, as a status and `{"error": {"type", "message"}}`.
///
/// The types are those that `lambda-protocol` reports, and Lambda's own.
pub fn function_error(payload: &[u8]) -> (u16, String) {
    let error: Value = serde_json::from_slice(payload).unwrap_or_default();
    let told = error["errorMessage"].as_str();
    let message = told.map_or_else(|| String::from_utf8_lossy(payload).into_owned(), str::to_owned);
    let is_late = message.contains("Task timed out after");
    let (status, kind) = match error["errorType"].as_str().unwrap_or_default() {
        "Function.BadRequest" => (400, "bad-request"),
        "Function.Denied" => (403, "denied"),
        "Function.NotFound" => (404, "not-found"),
        "Function.Limit" | "Function.ResponseSizeTooLarge" => (413, "limit"),
        "Function.Overloaded" => (429, "limit"),
        "Function.Unavailable" => (503, "unavailable"),
        "Function.Timeout" | "Sandbox.Timedout" => (504, "unavailable"),
        _ if is_late => (504, "unavailable"),
        _ => (500, "internal"),
    };
    (status, error_body(kind, &message))
}

/// Whether a body is the error of a function, `{"errorType", "errorMessage"}`.
pub fn is_function_error(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["errorType"].is_string() && body["errorMessage"].is_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_functions_error_keeps_its_kind_and_message() {
        for (told, status, kind) in [
            ("Function.BadRequest", 400, "bad-request"),
            ("Function.NotFound", 404, "not-found"),
            ("Function.Denied", 403, "denied"),
            ("Function.Limit", 413, "limit"),
            ("Function.Overloaded", 429, "limit"),
            ("Function.Unavailable", 503, "unavailable"),
            ("Function.Panic", 500, "internal"),
            ("Runtime.ExitError", 500, "internal"),
        ] {
            let payload = json!({ "errorType": told, "errorMessage": "as said" }).to_string();
            assert_eq!(function_error(payload.as_bytes()), (status, error_body(kind, "as said")), "{told}");
        }
        let late = r#"{"errorMessage":"2026-11-28T00:00:00Z 8f Task timed out after 3.00 seconds"}"#;
        assert_eq!(function_error(late.as_bytes()).0, 504);
        assert_eq!(function_error(b"\xff not JSON").0, 500);
    }

    proptest! {
        #[test]
        fn any_payload_is_taken_without_a_panic(bytes: Vec<u8>) {
            let _ = function_error(&bytes);
        }
    }
}
