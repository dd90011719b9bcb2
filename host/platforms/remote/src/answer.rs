//! An answer of a function out of an answer of HTTP.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use platform::{Answer, CallId, InstanceIdentity, Timings};
use reqwest::header::HeaderMap;

/// The moment of a call, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Begin {
    /// Unix time, ns: to place it.
    pub unix_ns: u64,
    /// To measure by.
    pub monotonic: Instant,
}

impl Begin {
    /// This moment.
    pub fn now() -> Begin {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Begin { unix_ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX), monotonic: Instant::now() }
    }

    /// From it until `end`, ns.
    pub fn until(&self, end: Instant) -> u64 {
        u64::try_from(end.saturating_duration_since(self.monotonic).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The answer of a call that ends now. The identity is the headers' (`X-Instance-Id`, `X-Instance-Seq`, `X-Instance-Uptime-Us`) or
/// the body's.
pub fn answer_of(
    status: u16,
    headers: &HeaderMap,
    body: Bytes,
    begin: Begin,
    connected: Option<Instant>,
    first_byte: Option<Instant>,
) -> Answer {
    Answer {
        status,
        // Fn has a name of its own for it.
        call: text(headers, "x-call-id").or_else(|| text(headers, "fn-call-id")).map(|name| CallId(name.to_owned())),
        instance: identity_in_headers(headers).or_else(|| identity_in_body(&body)),
        timings: Timings {
            start_unix_ns: begin.unix_ns,
            total_ns: begin.until(Instant::now()),
            connect_ns: connected.map(|connected| begin.until(connected)),
            first_byte_ns: first_byte.map(|first| begin.until(first)),
            ..Timings::default()
        },
        billing: None,
        body,
    }
}

/// The instance that an answer's headers name.
pub fn identity_in_headers(headers: &HeaderMap) -> Option<InstanceIdentity> {
    Some(InstanceIdentity {
        id: text(headers, "x-instance-id")?.to_owned(),
        // Headers count from 0.
        invocation_index: text(headers, "x-instance-seq")?.parse::<u64>().ok()?.checked_add(1)?,
        age_us: text(headers, "x-instance-uptime-us")?.parse().ok()?,
    })
}

/// The instance that a lab function's response names in its own record: `instance_identifier`, `invocation_index` and
/// `sandbox_age_us` of `records[identifier]`.
pub fn identity_in_body(body: &[u8]) -> Option<InstanceIdentity> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let record = &body["records"][body["identifier"].as_str()?];
    Some(InstanceIdentity {
        id: record["instance_identifier"].as_str()?.to_owned(),
        invocation_index: record["invocation_index"].as_u64()?,
        age_us: record["sandbox_age_us"].as_u64()?,
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
