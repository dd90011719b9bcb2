//! Headers in, headers out.

use std::time::{Duration, Instant};

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use runtime::{Context, Identity, Trace};

/// The headers in which platforms name an invocation, in the order in which they are believed.
const REQUEST_ID: [&str; 6] =
    ["x-call-id", "fn-call-id", "x-azure-functions-invocationid", "x-fission-request-id", "event-id", "x-request-id"];

/// How long the caller waits for the answer, ms. A length of time means the same on both sides whatever their clocks say.
const TIMEOUT: &str = "x-timeout-ms";

/// What a request's headers say of the invocation: its name, its trace and when its caller gives it up.
pub fn context(headers: &HeaderMap) -> Context {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Context {
        request_id: REQUEST_ID.into_iter().find_map(text).map(str::to_owned),
        trace: Trace::new(text("traceparent"), text("tracestate")),
        deadline: text(TIMEOUT).and_then(|value| deadline(value, Instant::now())),
    }
}

/// When a call of that timeout is given up. One that is no number is none, as a client without the header has none.
fn deadline(timeout_ms: &str, now: Instant) -> Option<Instant> {
    now.checked_add(Duration::from_millis(timeout_ms.trim().parse().ok()?))
}

/// Adds `X-Instance-Id`, `X-Instance-Seq` and `X-Instance-Uptime-Us`.
pub fn add_identity(headers: &mut HeaderMap, identity: &Identity) {
    add(headers, identity.headers());
}

/// Adds who answers, `X-Instance-Id` and `X-Instance-Uptime-Us`, to what is not an answer of an invocation: whoever waits for
/// a new instance learns of it without making it warm.
pub(crate) fn add_instance(headers: &mut HeaderMap, id: &str, age_us: u64) {
    add(headers, [("X-Instance-Id", id.to_owned()), ("X-Instance-Uptime-Us", age_us.to_string())]);
}

fn add<const N: usize>(headers: &mut HeaderMap, values: [(&'static str, String); N]) {
    for (name, value) in values {
        // Names of letters and dashes, values of letters, digits and dashes.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_in_ms_is_a_deadline_and_anything_else_is_none() {
        let now = Instant::now();
        assert_eq!(deadline(" 1500", now), Some(now + Duration::from_millis(1500)));
        for text in ["", "-1", "soon", "99999999999999999999"] {
            assert_eq!(deadline(text, now), None, "{text}");
        }
        let mut headers = HeaderMap::new();
        assert!(context(&headers).deadline.is_none());
        headers.insert("X-Timeout-Ms", HeaderValue::from_static("0"));
        assert!(context(&headers).deadline.unwrap() <= Instant::now());
    }
}
