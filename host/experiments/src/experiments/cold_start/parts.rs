//! Where the time of one call went.

use serde::{Deserialize, Serialize};

use super::super::record::handler_ns;
use crate::Call;

/// The parts of a call's time, ns; `None` for what nothing says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Parts {
    /// From the call until its answer.
    pub(super) total: u64,
    /// Waiting for an instance to be chosen or started.
    pub(super) queue: Option<u64>,
    /// Making the sandbox, until its process began.
    pub(super) sandbox: Option<u64>,
    /// From the process's beginning until it could serve; the instance's age as it took the call, so its clock's resolution
    /// is this one's.
    pub(super) runtime: Option<u64>,
    /// In the instance, but not in the handler: what the first call of a runtime sets up.
    pub(super) initialisation: Option<u64>,
    /// In the handler.
    pub(super) handler: Option<u64>,
    /// Everything else: the network, the gateway, and whatever of the above nothing says.
    pub(super) rest: Option<u64>,
    /// Billed, as the platform says.
    pub(super) billed: Option<u64>,
    /// Whether the instance was older than the call: it was started before anybody asked for it.
    pub(super) was_ready: bool,
}

impl Parts {
    /// Of an answered call.
    pub(super) fn of(call: &Call) -> Option<Parts> {
        let answer = call.answer.as_ref()?;
        let (timings, billing) = (answer.timings, answer.billing);
        let microseconds = |us: Option<u64>| us.map(|us| us.saturating_mul(1_000));
        let queue = timings.queue_ns.or(microseconds(billing.and_then(|billing| billing.wait_us)));
        let is_cold = call.is_cold() == Some(true);
        let start = timings.start_instance_ns.or(microseconds(billing.and_then(|billing| billing.start_us)));
        let start = start.filter(|_| is_cold);
        let age = call.instance().filter(|_| is_cold).map(|instance| instance.age_us.saturating_mul(1_000));
        let was_ready = age.is_some_and(|age| age > timings.total_ns);
        let age = age.filter(|_| !was_ready);
        let runtime = match (age, start) {
            (Some(age), Some(start)) => Some(age.min(start)),
            (age, start) => age.or(start),
        };
        let sandbox = start.zip(age).map(|(start, age)| start.saturating_sub(age));
        let handler = handler_ns(call);
        let initialisation = timings.execution_ns.zip(handler).map(|(inside, handler)| inside.saturating_sub(handler));
        let inside = timings.execution_ns.or(handler);
        let known = [queue, sandbox, runtime, inside].into_iter().flatten().fold(0_u64, u64::saturating_add);
        Some(Parts {
            total: timings.total_ns,
            queue,
            sandbox,
            runtime,
            initialisation,
            handler,
            rest: inside.map(|_| timings.total_ns.saturating_sub(known)),
            billed: microseconds(billing.map(|billing| billing.billed_us)),
            was_ready,
        })
    }
}

/// One part's value in a call.
pub(super) type Read = fn(&Parts) -> Option<u64>;

/// The parts with their names, in the order in which they happen.
pub(super) const PARTS: [(&str, Read); 6] = [
    ("queue", |parts| parts.queue),
    ("sandbox", |parts| parts.sandbox),
    ("runtime", |parts| parts.runtime),
    ("first-call set-up", |parts| parts.initialisation),
    ("handler", |parts| parts.handler),
    ("rest (network, gateway, unknown)", |parts| parts.rest),
];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use bytes::Bytes;
    use platform::{Answer, InstanceIdentity, Timings};

    use super::*;

    fn call(index: u64, age_us: u64, timings: Timings) -> Call {
        let body = r#"{"identifier":"f-1","records":{"f-1":{"execution_us":2000}}}"#;
        Call {
            intended_ns: None,
            sent_ns: None,
            start_unix_ns: 0,
            total_ns: timings.total_ns,
            answer: Some(Answer {
                status: 200,
                body: Bytes::from_static(body.as_bytes()),
                call: None,
                instance: Some(InstanceIdentity { id: "i".to_owned(), invocation_index: index, age_us }),
                timings,
                billing: None,
            }),
            failure: None,
            label: "cold".to_owned(),
            repetition: 0,
        }
    }

    const MS: u64 = 1_000_000;

    #[test]
    fn the_parts_of_a_cold_call_add_up_to_it() {
        let timings = Timings {
            total_ns: 100 * MS,
            queue_ns: Some(10 * MS),
            start_instance_ns: Some(60 * MS),
            execution_ns: Some(5 * MS),
            ..Timings::default()
        };
        let parts = Parts::of(&call(1, 20_000, timings)).unwrap();
        assert_eq!((parts.sandbox, parts.runtime), (Some(40 * MS), Some(20 * MS)));
        assert_eq!((parts.initialisation, parts.handler, parts.rest), (Some(3 * MS), Some(2 * MS), Some(25 * MS)));
        assert_eq!(PARTS.iter().filter_map(|(_, read)| read(&parts)).sum::<u64>(), parts.total);
    }

    #[test]
    fn a_warm_call_has_no_start_and_an_old_instance_was_ready() {
        let timings = Timings { total_ns: 10 * MS, execution_ns: Some(5 * MS), ..Timings::default() };
        let warm = Parts::of(&call(2, 9_000_000, timings)).unwrap();
        assert_eq!((warm.sandbox, warm.runtime, warm.was_ready), (None, None, false));
        let ready = Parts::of(&call(1, 9_000_000, timings)).unwrap();
        assert_eq!((ready.runtime, ready.was_ready), (None, true));
    }
}
