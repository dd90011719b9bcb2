//! The agent's calls.

use std::io::Write;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use http_protocol::{BoxFuture, Request, Response, Service, context, event_text, json, text};
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use runtime::{Answer, Context, Failure, Runtime, Trace};

/// Serves the agent's calls.
pub struct FnService {
    runtime: Arc<Runtime>,
    log_frame: Option<LogFrame>,
}

/// How the agent tells the log of one call from another's.
struct LogFrame {
    name: String,
    header: HeaderName,
}

impl FnService {
    /// Serves `runtime`. `log_frame` is `FN_LOGFRAME_NAME` and `FN_LOGFRAME_HDR`: before each call, `NAME=value of the header`
    /// is written to both logs.
    pub fn new(runtime: Arc<Runtime>, log_frame: Option<(String, String)>) -> FnService {
        let log_frame = log_frame.and_then(|(name, header)| {
            let header = HeaderName::from_bytes(header.as_bytes()).ok()?;
            Some(LogFrame { name, header })
        });
        FnService { runtime, log_frame }
    }
}

impl Service for FnService {
    fn call(&self, request: Request) -> BoxFuture<'_, Response> {
        if request.method() != Method::POST {
            return Box::pin(std::future::ready(text(404, "calls are POST /call\n")));
        }
        if let Some(frame) = &self.log_frame {
            frame.write(request.headers());
        }
        let headers = request.headers();
        let triggered = headers.get("fn-intent").is_some_and(|intent| intent == "httprequest");
        let context = call_context(headers, triggered);
        Box::pin(async move {
            let answer = match event_text(request.into_body()) {
                Ok(event) => self.runtime.invoke(event, context).await,
                Err(error) => Answer { result: Err(Failure::Function(error)), identity: None },
            };
            response(answer, triggered)
        })
    }
}

impl LogFrame {
    fn write(&self, headers: &HeaderMap) {
        let Some(value) = headers.get(&self.header).and_then(|value| value.to_str().ok()) else { return };
        let line = format!("\n{}={value}\n", self.name);
        // A log that nobody reads any more must not fail the call.
        let _ = std::io::stdout().write_all(line.as_bytes());
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// The call's name, its deadline and its trace. A trigger's own headers come as `Fn-Http-H-<Name>`.
fn call_context(headers: &HeaderMap, triggered: bool) -> Context {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let mut context = context(headers);
    if triggered {
        context.trace = Trace::new(value("fn-http-h-traceparent"), value("fn-http-h-tracestate"));
    }
    context.deadline = value("fn-deadline").and_then(|text| {
        // A deadline that can't be read is none: the agent keeps its own.
        let time = humantime::parse_rfc3339(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        Context::deadline_from_unix_ms(u64::try_from(time.as_millis()).ok()?)
    });
    context
}

fn response(answer: Answer, triggered: bool) -> Response {
    let function_status = answer.status();
    let status = match &answer.result {
        Ok(_) => 200,
        Err(Failure::TimedOut) => 504,
        Err(_) => 502,
    };
    let identity = answer.identity.clone();
    let mut response = json(status, answer.into_body());
    let mut add = |name: &str, value: &str| {
        // Names and values are our own, of letters, digits and dashes.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    };
    add("Fn-Fdk-Version", concat!("faasbench/", env!("CARGO_PKG_VERSION")));
    add("Fn-Fdk-Runtime", "rust");
    if triggered {
        add("Fn-Http-Status", &function_status.to_string());
    }
    for (name, value) in identity.iter().flat_map(|identity| identity.headers()) {
        // A trigger passes only what has this prefix, a direct call only what has not.
        let name = if triggered { format!("Fn-Http-H-{name}") } else { name.to_owned() };
        add(&name, &value);
    }
    response
}

#[cfg(test)]
#[path = "calls_tests.rs"]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
