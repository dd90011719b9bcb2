//! Calling a function.

use std::time::Duration;

use aws_sdk_lambda::operation::RequestId;
use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_lambda::types::{InvocationType, LogType};
use aws_smithy_types::Blob;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use nested_caller::{error_body, function_error, is_function_error, x_ray};
use platform::{Answer, CallId, Invocation, PlatformError, Timings};
use remote_platform::{Begin, identity_in_body};
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

/// Asks whether the function may be called, without calling it. The first call finds its credentials loaded and its connection
/// made by this.
pub(crate) async fn rehearse(clients: &Clients, callee: Callee<'_>) -> Result<(), PlatformError> {
    match send(clients, callee, &Invocation::new("{}"), InvocationType::DryRun, LogType::None).await {
        Ok(_) => Ok(()),
        Err(Refused::Answer(status, _, body)) => {
            let doing = format!("asking whether {} may be called", callee.name);
            Err(other(&doing, format!("status {status}: {}", String::from_utf8_lossy(&body))))
        }
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
        let call = error.request_id().map(|id| CallId(id.to_owned()));
        let body = error.raw_response().and_then(|response| response.body().bytes()).unwrap_or_default();
        match status {
            // `cargo lambda watch` answers a function's error with 500.
            Some(500) if is_function_error(body) => {
                let (status, body) = function_error(body);
                Refused::Answer(status, call, body.into())
            }
            Some(status @ (413 | 429 | 500..=599)) => {
                let kind = if status < 500 { "limit" } else { "unavailable" };
                let said = match code(&error) {
                    Some(code) => format!("{code}: {}", message(&error)),
                    None => String::from_utf8_lossy(body).trim().chars().take(300).collect(),
                };
                Refused::Answer(status, call, error_body(kind, &said).into())
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
        Some(_) => {
            let (status, body) = function_error(&payload);
            (status, Bytes::from(body))
        }
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
