//! The payload of an invocation, and what goes back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lab::{Error, ErrorKind};
use lambda_runtime::Diagnostic;
use runtime::{Answer, Failure, Trace};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// The parts of a function URL's request (version 2.0) that tell it from an event, and what is in it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UrlRequest {
    version: String,
    #[serde(rename = "requestContext")]
    _request_context: UrlContext,
    #[serde(default)]
    headers: Map<String, Value>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Debug, Deserialize)]
struct UrlContext {
    // There for every request that came by HTTP.
    #[serde(rename = "http")]
    _http: Map<String, Value>,
}

/// What an invocation brought.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) event: String,
    /// The trace of a function URL's client.
    pub(crate) trace: Option<Trace>,
    /// Whether it came by a function URL.
    pub(crate) by_url: bool,
}

impl Payload {
    /// Opens a payload.
    ///
    /// # Errors
    /// A bad request for a body that is not base64 where it says so, or not text.
    pub(crate) fn open(payload: &RawValue) -> Result<Payload, Error> {
        let direct = || Payload { event: payload.get().to_owned(), trace: None, by_url: false };
        let Ok(request) = serde_json::from_str::<UrlRequest>(payload.get()) else { return Ok(direct()) };
        if request.version != "2.0" {
            return Ok(direct());
        }
        // The service writes names in lower case.
        let header = |name| request.headers.get(name).and_then(Value::as_str);
        let trace = Trace::new(header("traceparent"), header("tracestate"));
        let body = request.body.unwrap_or_default();
        let event = if request.is_base64_encoded {
            let bytes = STANDARD.decode(body).map_err(|error| {
                Error::bad_request(format!("the body of the function URL's request is not base64: {error}"))
            })?;
            String::from_utf8(bytes)
                .map_err(|_| Error::bad_request("the event is not UTF-8 text: give a JSON object"))?
        } else {
            body
        };
        let event = if event.trim_ascii().is_empty() { "{}".to_owned() } else { event };
        Ok(Payload { event, trace: trace.parent().is_some().then_some(trace), by_url: true })
    }
}

/// What goes back to the Runtime API.
pub(crate) fn respond(answer: Answer, by_url: bool) -> Result<Box<RawValue>, Diagnostic> {
    if by_url {
        return raw(url_answer(answer));
    }
    match answer.result {
        Ok(response) => raw(response),
        Err(failure) => Err(diagnostic(&failure)),
    }
}

/// With every key that an answer may have: `cargo lambda` wants them all.
fn url_answer(answer: Answer) -> String {
    let mut headers: Map<String, Value> = answer
        .identity
        .iter()
        .flat_map(|identity| identity.headers())
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    headers.insert("Content-Type".to_owned(), "application/json".into());
    let status = answer.status();
    json!({
        "statusCode": status, "headers": headers, "cookies": [], "body": answer.into_body(), "isBase64Encoded": false,
    })
    .to_string()
}

fn raw(json: String) -> Result<Box<RawValue>, Diagnostic> {
    RawValue::from_string(json).map_err(|error| Diagnostic {
        error_type: "Function.InvalidResponse".to_owned(),
        error_message: format!("the function's response is not JSON: {error}"),
    })
}

/// An error as `Category.Reason` and a message.
pub(crate) fn diagnostic(failure: &Failure) -> Diagnostic {
    let reason = match failure {
        Failure::Panicked(_) => "Panic",
        Failure::TimedOut => "Timeout",
        Failure::Overloaded => "Overloaded",
        Failure::Function(error) => match error.kind {
            ErrorKind::BadRequest => "BadRequest",
            ErrorKind::NotFound => "NotFound",
            ErrorKind::Denied => "Denied",
            ErrorKind::Limit => "Limit",
            ErrorKind::Unavailable => "Unavailable",
            ErrorKind::Internal => "Internal",
        },
    };
    Diagnostic { error_type: format!("Function.{reason}"), error_message: failure.error().message }
}

#[cfg(test)]
#[path = "payload_tests.rs"]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
