//! Calling a function.

use std::time::Duration;

use aws_sdk_lambda::operation::RequestId;
use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_lambda::types::{InvocationType, LogType};
use aws_smithy_types::Blob;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use platform::{Answer, CallId, Invocation, PlatformError, Timings};
use remote_platform::{Begin, identity_in_body};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::clients::Clients;
use crate::failure::{PLATFORM, code, failed, is_missing, message, other};
use crate::report::Report;

/// How long starting an instance and everything else around the function may take.
const MARGIN: Duration = Duration::from_secs(30);
/// The longest invocation that there is.
const LONGEST: Duration = Duration::from_secs(900);

/// Whom to call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Callee<'a> {
    /// The deployment's name, for errors.
    pub(crate) name: &'a str,
    pub(crate) function: &'a str,
    pub(crate) qualifier: Option<&'a str>,
}

/// How long a call is waited for.
pub(crate) fn patience(invocation: &Invocation, limit: Option<Duration>) -> Duration {
    invocation.patience.unwrap_or_else(|| limit.unwrap_or(LONGEST) + MARGIN)
}

/// Calls and waits for the answer. Never repeated.
pub(crate) async fn invoke(
    clients: &Clients,
    callee: Callee<'_>,
    invocation: &Invocation,
    patience: Duration,
    with_log: bool,
) -> Result<Answer, PlatformError> {
    let log = if with_log { LogType::Tail } else { LogType::None };
    let sending = send(clients, callee, invocation, InvocationType::RequestResponse, log);
    let begin = Begin::now();
    let sent = timeout(patience, sending).await;
    let total_ns = begin.until(std::time::Instant::now());
    let no_answer = || PlatformError::NoAnswer { name: callee.name.to_owned(), waited: patience };
    match sent.map_err(|_| no_answer())? {
        Ok(output) => Ok(answer(output, begin, total_ns)),
        Err(Refused::Answer(status, call, body)) => Ok(Answer {
            status,
            body,
            call,
            instance: None,
            timings: Timings { start_unix_ns: begin.unix_ns, total_ns, ..Timings::default() },
            billing: None,
        }),
        Err(Refused::Platform(error)) => Err(error),
    }
}

/// Calls without waiting. Lambda repeats such a call by itself when it fails, and has no answer to fetch.
pub(crate) async fn invoke_async(
    clients: &Clients,
    callee: Callee<'_>,
    invocation: &Invocation,
) -> Result<CallId, PlatformError> {
    let doing = format!("calling {} without waiting", callee.name);
    match send(clients, callee, invocation, InvocationType::Event, LogType::None).await {
        Ok(output) => match output.request_id() {
            Some(id) => Ok(CallId(id.to_owned())),
            None => Err(other(&doing, "the answer names no request".to_owned())),
        },
        Err(Refused::Answer(status, _, body)) => {
            Err(other(&doing, format!("status {status}: {}", String::from_utf8_lossy(&body))))
        }
        Err(Refused::Platform(error)) => Err(error),
    }
}

/// What comes instead of an answer of the function.
enum Refused {
    /// What a caller over HTTP would see as one: too many calls, too large, a failure over there.
    Answer(u16, Option<CallId>, Bytes),
    Platform(PlatformError),
}

async fn send(
    clients: &Clients,
    callee: Callee<'_>,
    invocation: &Invocation,
    kind: InvocationType,
    log: LogType,
) -> Result<InvokeOutput, Refused> {
    let request = clients
        .calls
        .invoke()
        .function_name(callee.function)
        .set_qualifier(callee.qualifier.map(str::to_owned))
        .invocation_type(kind)
        .log_type(log)
        .payload(Blob::new(invocation.event.to_vec()));
    let trace = invocation.traceparent.as_deref().and_then(x_ray);
    let sent = match trace {
        None => request.send().await,
        Some(trace) => {
            let add = move |request: &mut aws_smithy_runtime_api::client::orchestrator::HttpRequest| {
                request.headers_mut().insert("x-amzn-trace-id", trace.clone());
            };
            request.customize().mutate_request(add).send().await
        }
    };
    sent.map_err(|error| {
        let status = error.raw_response().map(|response| response.status().as_u16());
        if is_missing(&error) {
            return Refused::Platform(PlatformError::NotFound {
                platform: PLATFORM.to_owned(),
                name: callee.name.to_owned(),
            });
        }
        match status {
            Some(status) if code(&error).is_some() && matches!(status, 413 | 429 | 500..=599) => {
                let kind = if status < 500 { "limit" } else { "unavailable" };
                let message = format!("{}: {}", code(&error).unwrap_or_default(), message(&error));
                let call = error.request_id().map(|id| CallId(id.to_owned()));
                Refused::Answer(status, call, error_body(kind, &message))
            }
            _ => Refused::Platform(failed(&format!("calling {}", callee.name), &error)),
        }
    })
}

fn answer(output: InvokeOutput, begin: Begin, total_ns: u64) -> Answer {
    let call = output.request_id().map(str::to_owned);
    let report = output.log_result().and_then(|log| {
        let log = STANDARD.decode(log).ok()?;
        Report::find(&String::from_utf8_lossy(&log), call.as_deref())
    });
    let payload = output.payload.map(Blob::into_inner).unwrap_or_default();
    let (status, body) = match output.function_error {
        None => (200, Bytes::from(payload)),
        Some(_) => function_error(&payload),
    };
    let nanoseconds = |us: u64| us.saturating_mul(1000);
    Answer {
        status,
        call: call.map(CallId),
        instance: identity_in_body(&body),
        timings: Timings {
            start_unix_ns: begin.unix_ns,
            total_ns,
            start_instance_ns: report.as_ref().and_then(|report| report.init_us).map(nanoseconds),
            execution_ns: report.as_ref().map(|report| nanoseconds(report.duration_us)),
            ..Timings::default()
        },
        billing: report.as_ref().map(Report::billing),
        body,
    }
}

/// A function's error, `{"errorType", "errorMessage"}`, as a status and our own form of it.
fn function_error(payload: &[u8]) -> (u16, Bytes) {
    let error: Value = serde_json::from_slice(payload).unwrap_or_default();
    let message =
        error["errorMessage"].as_str().map_or_else(|| String::from_utf8_lossy(payload).into_owned(), str::to_owned);
    let is_late = message.contains("Task timed out after");
    let (status, kind) = match error["errorType"].as_str().unwrap_or_default() {
        "Function.BadRequest" => (400, "bad-request"),
        "Function.Denied" => (403, "denied"),
        "Function.NotFound" => (404, "not-found"),
        "Function.Limit" => (413, "limit"),
        "Function.Overloaded" => (429, "limit"),
        "Function.Unavailable" => (503, "unavailable"),
        "Function.Timeout" | "Sandbox.Timedout" => (504, "unavailable"),
        "Function.ResponseSizeTooLarge" => (413, "limit"),
        _ if is_late => (504, "unavailable"),
        _ => (500, "internal"),
    };
    (status, error_body(kind, &message))
}

fn error_body(kind: &str, message: &str) -> Bytes {
    json!({ "error": { "type": kind, "message": message } }).to_string().into()
}

/// A W3C `traceparent`, `00-TRACE-PARENT-FLAGS`, as X-Ray's header.
fn x_ray(traceparent: &str) -> Option<String> {
    let mut parts = traceparent.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hexadecimal =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if version != "00" || !hexadecimal(trace, 32) || !hexadecimal(parent, 16) || !hexadecimal(flags, 2) {
        return None;
    }
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1;
    Some(format!("Root=1-{}-{};Parent={parent};Sampled={sampled}", &trace[..8], &trace[8..]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use lab::ErrorKind;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_functions_error_keeps_its_kind_and_message() {
        for (told, status, kind) in [
            ("Function.BadRequest", 400, ErrorKind::BadRequest),
            ("Function.NotFound", 404, ErrorKind::NotFound),
            ("Function.Denied", 403, ErrorKind::Denied),
            ("Function.Limit", 413, ErrorKind::Limit),
            ("Function.Unavailable", 503, ErrorKind::Unavailable),
            ("Function.Panic", 500, ErrorKind::Internal),
            ("Runtime.ExitError", 500, ErrorKind::Internal),
        ] {
            let payload = json!({ "errorType": told, "errorMessage": "as said" }).to_string();
            let (answered, body) = function_error(payload.as_bytes());
            assert_eq!(answered, status, "{told}");
            let answer = Answer {
                status: answered,
                body,
                call: None,
                instance: None,
                timings: Timings::default(),
                billing: None,
            };
            let error = answer.response().unwrap_err();
            assert_eq!((error.kind, error.message.as_str()), (kind, "as said"));
        }
        let late = r#"{"errorMessage":"2026-11-28T00:00:00Z 8f Task timed out after 3.00 seconds"}"#;
        assert_eq!(function_error(late.as_bytes()).0, 504);
        assert_eq!(function_error(b"\xff not JSON").0, 500);
    }

    #[test]
    fn a_trace_goes_on_in_x_rays_header() {
        let header = x_ray("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert_eq!(header.unwrap(), "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1");
        for wrong in ["", "00-4bf9-00f0-01", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] {
            assert_eq!(x_ray(wrong), None);
        }
    }

    proptest! {
        #[test]
        fn any_header_and_any_payload_is_taken_without_a_panic(text in "\\PC{0,80}", bytes: Vec<u8>) {
            let _ = x_ray(&text);
            let _ = function_error(&bytes);
        }
    }
}
