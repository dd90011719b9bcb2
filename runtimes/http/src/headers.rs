//! Headers in, headers out.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use runtime::{Context, Identity, Trace};

/// The headers in which platforms name an invocation, in the order in which they are believed.
const REQUEST_ID: [&str; 6] =
    ["x-call-id", "fn-call-id", "x-azure-functions-invocationid", "x-fission-request-id", "event-id", "x-request-id"];

/// What a request's headers say of the invocation: its name and its trace.
pub fn context(headers: &HeaderMap) -> Context {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Context {
        request_id: REQUEST_ID.into_iter().find_map(text).map(str::to_owned),
        trace: Trace::new(text("traceparent"), text("tracestate")),
        deadline: None,
    }
}

/// Adds `X-Instance-Id`, `X-Instance-Seq` and `X-Instance-Uptime-Us`.
pub fn add_identity(headers: &mut HeaderMap, identity: &Identity) {
    for (name, value) in identity.headers() {
        // Names of letters and dashes, values of letters, digits and dashes.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
}
