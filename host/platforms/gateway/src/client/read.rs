//! What an answer's headers say.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hyper::HeaderMap;
use platform::{Answer, Billing, CallId, InstanceIdentity, Timings};

use super::connection::Exchanged;
use crate::server::{
    BILLING, CALL_ID, EXECUTION, INSTANCE_ID, INSTANCE_SEQUENCE, INSTANCE_UPTIME, PLATFORM_CALL, QUEUE, START,
    microseconds,
};

/// The moment of a call, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begin {
    unix_ns: u64,
    monotonic: Instant,
}

impl Begin {
    pub(crate) fn now() -> Begin {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Begin { unix_ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX), monotonic: Instant::now() }
    }

    fn until(&self, end: Instant) -> u64 {
        u64::try_from(end.saturating_duration_since(self.monotonic).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// An answer as platforms give it.
pub(crate) fn answer(exchanged: Exchanged, status: u16, begin: Begin, connected: Option<Instant>) -> Answer {
    let headers = &exchanged.headers;
    let timings = Timings {
        start_unix_ns: begin.unix_ns,
        total_ns: begin.until(Instant::now()),
        connect_ns: connected.map(|connected| begin.until(connected)),
        first_byte_ns: Some(begin.until(exchanged.first_byte)),
        queue_ns: microseconds(headers, &QUEUE),
        start_instance_ns: microseconds(headers, &START),
        execution_ns: microseconds(headers, &EXECUTION),
    };
    Answer {
        status,
        call: text(headers, &PLATFORM_CALL).map(|name| CallId(name.to_owned())).or_else(|| call(headers)),
        instance: instance(headers),
        timings,
        billing: text(headers, &BILLING).and_then(|text| serde_json::from_str::<Billing>(text).ok()),
        body: exchanged.body,
    }
}

/// The name of the call.
pub(crate) fn call(headers: &HeaderMap) -> Option<CallId> {
    text(headers, &CALL_ID).map(|name| CallId(name.to_owned()))
}

fn instance(headers: &HeaderMap) -> Option<InstanceIdentity> {
    Some(InstanceIdentity {
        id: text(headers, &INSTANCE_ID)?.to_owned(),
        // Headers count from 0.
        invocation_index: text(headers, &INSTANCE_SEQUENCE)?.parse::<u64>().ok()?.checked_add(1)?,
        age_us: text(headers, &INSTANCE_UPTIME)?.parse().ok()?,
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &hyper::header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
