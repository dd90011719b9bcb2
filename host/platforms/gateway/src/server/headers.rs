//! Names of headers, and writing many values with one allocation.

use std::fmt::{self, Write as _};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use rand::RngCore;

pub(crate) const CALL_ID: HeaderName = HeaderName::from_static("x-call-id");
pub(crate) const START_TIME: HeaderName = HeaderName::from_static("x-start-time");
pub(crate) const DURATION: HeaderName = HeaderName::from_static("x-duration-seconds");
pub(crate) const CALLBACK: HeaderName = HeaderName::from_static("x-callback-url");
pub(crate) const FUNCTION_NAME: HeaderName = HeaderName::from_static("x-function-name");
pub(crate) const FUNCTION_STATUS: HeaderName = HeaderName::from_static("x-function-status");
pub(crate) const TIMEOUT: HeaderName = HeaderName::from_static("x-timeout");
pub(crate) const INSTANCE_ID: HeaderName = HeaderName::from_static("x-instance-id");
pub(crate) const INSTANCE_SEQUENCE: HeaderName = HeaderName::from_static("x-instance-seq");
pub(crate) const INSTANCE_UPTIME: HeaderName = HeaderName::from_static("x-instance-uptime-us");
/// Waiting for an instance, us with decimals.
pub(crate) const QUEUE: HeaderName = HeaderName::from_static("x-queue-us");
/// Starting the instance, us with decimals.
pub(crate) const START: HeaderName = HeaderName::from_static("x-start-us");
/// In the instance, us with decimals.
pub(crate) const EXECUTION: HeaderName = HeaderName::from_static("x-execution-us");
/// What the platform bills, as a JSON object.
pub(crate) const BILLING: HeaderName = HeaderName::from_static("x-billing");
/// The platform's own name of the call, under which it knows the price.
pub(crate) const PLATFORM_CALL: HeaderName = HeaderName::from_static("x-faasbench-call");
/// The deployment that a call is meant for; another one of that name does not serve it.
pub(crate) const DEPLOYMENT: HeaderName = HeaderName::from_static("x-faasbench-deployment");
pub(crate) const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

/// Writes header values one after another into one buffer, which all of them then share.
pub(crate) struct Values {
    buffer: BytesMut,
    names: Vec<(HeaderName, usize)>,
}

impl Values {
    pub(crate) fn new() -> Values {
        Values { buffer: BytesMut::with_capacity(320), names: Vec::with_capacity(10) }
    }

    pub(crate) fn add(&mut self, name: HeaderName, value: fmt::Arguments<'_>) {
        // Writing into a buffer that grows does not fail.
        let _ = self.buffer.write_fmt(value);
        self.names.push((name, self.buffer.len()));
    }

    pub(crate) fn add_microseconds(&mut self, name: HeaderName, nanoseconds: u64) {
        self.add(name, format_args!("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000));
    }

    /// Adds them to `headers`. A value that can't stand in a header is left out.
    pub(crate) fn finish(self, headers: &mut HeaderMap) {
        let buffer = self.buffer.freeze();
        let mut begin = 0;
        for (name, end) in self.names {
            if let Ok(value) = HeaderValue::from_maybe_shared(buffer.slice(begin..end)) {
                headers.insert(name, value);
            }
            begin = end;
        }
    }
}

/// Microseconds with decimals, as [`Values::add_microseconds`] writes them, in ns.
pub(crate) fn microseconds(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?;
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let scale = 10_u64.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    let decimals: u64 = decimals.parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(decimals * 1000 / scale)
}

/// The name of a call: the one that the client gave, or a new UUID.
pub(crate) fn call_name(headers: &HeaderMap) -> HeaderValue {
    let fits =
        |value: &&HeaderValue| (1..=128).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
    headers.get(CALL_ID).filter(fits).cloned().unwrap_or_else(new_call_name)
}

fn new_call_name() -> HeaderValue {
    let mut random = [0; 16];
    // The system's own generator costs a call into the kernel each time.
    rand::rng().fill_bytes(&mut random);
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text = uuid::Builder::from_random_bytes(random).into_uuid().hyphenated().encode_lower(&mut text);
    HeaderValue::from_maybe_shared(Bytes::copy_from_slice(text.as_bytes()))
        .unwrap_or_else(|_| HeaderValue::from_static("unnamed"))
}

/// How long the client waits, from `X-Timeout: 2s`.
pub(crate) fn patience(headers: &HeaderMap) -> Option<Result<Duration, String>> {
    let text = headers.get(TIMEOUT)?.to_str().unwrap_or("");
    Some(match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(format!("X-Timeout is {text:?}: give a duration such as 2s or 1500ms")),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn values_come_out_as_they_were_written() {
        let mut values = Values::new();
        values.add(INSTANCE_ID, format_args!("a-{}", 1));
        values.add(FUNCTION_NAME, format_args!("line\nbreak"));
        values.add_microseconds(QUEUE, 12_045);
        let mut headers = HeaderMap::new();
        values.finish(&mut headers);
        assert_eq!(headers[INSTANCE_ID], "a-1");
        assert_eq!(headers[QUEUE], "12.045");
        assert_eq!(microseconds(&headers, &QUEUE), Some(12_045));
        assert!(!headers.contains_key(FUNCTION_NAME));
    }

    #[test]
    fn a_call_keeps_the_name_that_its_client_gave_if_it_can() {
        let named = |name: &str| HeaderMap::from_iter([(CALL_ID, HeaderValue::from_bytes(name.as_bytes()).unwrap())]);
        assert_eq!(call_name(&named("mine-1")), "mine-1");
        for bad in ["", "two words", &"x".repeat(129)] {
            assert_eq!(call_name(&named(bad)).len(), 36, "{bad}");
        }
        assert_ne!(call_name(&HeaderMap::new()), call_name(&HeaderMap::new()));
    }

    #[test]
    fn patience_is_a_duration_above_zero() {
        let given = |text: &str| patience(&HeaderMap::from_iter([(TIMEOUT, text.parse().unwrap())])).unwrap();
        assert_eq!(given("1500ms"), Ok(Duration::from_millis(1500)));
        assert!(given("0s").is_err() && given("soon").is_err());
    }
}
