//! What is kept of the requests: histograms and counts, of constant size however many there are.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

/// Longest time that a histogram holds, ns: an hour. Longer ones are counted as this.
const LONGEST_NS: u64 = 3_600_000_000_000;
/// Significant digits of a histogram's values.
const DIGITS: u8 = 3;

/// How a request ended without an answer of success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// No connection could be made.
    Connect,
    /// The connection broke before the answer was whole.
    Broken,
    /// No answer within the limit.
    Timeout,
    /// An answer with a status that is not one of success.
    Status(u16),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Connect => f.write_str("no connection"),
            Failure::Broken => f.write_str("connection broken"),
            Failure::Timeout => f.write_str("no answer in time"),
            Failure::Status(status) => write!(f, "status {status}"),
        }
    }
}

/// One request. Times are ns since the load began, by a monotonic clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// Its number in the schedule, from 0.
    pub index: u64,
    /// When it was due. In a closed loop, when it was sent.
    pub intended_ns: u64,
    /// When it was handed to a connection.
    pub sent_ns: u64,
    /// How long a new connection took; `None` where a kept one was used.
    pub connect_ns: Option<u64>,
    /// When the head of its answer was there.
    pub first_byte_ns: Option<u64>,
    /// When all of its answer was there, or it failed.
    pub end_ns: u64,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// How it failed.
    pub failure: Option<Failure>,
    /// Bytes of the answer's body.
    pub body_bytes: u64,
    /// The instance that the answer names (`X-Instance-Id`), and whether it was its first invocation (`X-Instance-Seq` of 0).
    pub instance: Option<(String, bool)>,
    /// The answer's body, where bodies are kept.
    pub body: Option<bytes::Bytes>,
}

/// Histograms and counts of requests. Mergeable: that of two sets of requests is that of their union.
#[derive(Debug, Clone)]
pub struct Recording {
    /// From when a request was due until its answer was complete, ns: successes only.
    pub response_ns: Histogram<u64>,
    /// From when it was sent, ns: successes only.
    pub service_ns: Histogram<u64>,
    /// From when it was sent until the head of its answer was there, ns.
    pub first_byte_ns: Histogram<u64>,
    /// New connections, with TLS where there is, ns.
    pub connect_ns: Histogram<u64>,
    /// From when a request was due until the generator took it up, ns: the generator's own lateness.
    pub lateness_ns: Histogram<u64>,
    /// From when a request was due until its failure, ns.
    pub failed_ns: Histogram<u64>,
    /// Failed requests by how they failed.
    pub failures: BTreeMap<Failure, u64>,
    /// Bytes of all answers' bodies.
    pub body_bytes: u64,
    /// Answers of an instance's first invocation.
    pub cold: u64,
}

impl Default for Recording {
    fn default() -> Recording {
        Recording::new()
    }
}

impl Recording {
    /// Of no requests.
    pub fn new() -> Recording {
        Recording {
            response_ns: histogram(),
            service_ns: histogram(),
            first_byte_ns: histogram(),
            connect_ns: histogram(),
            lateness_ns: histogram(),
            failed_ns: histogram(),
            failures: BTreeMap::new(),
            body_bytes: 0,
            cold: 0,
        }
    }

    /// Takes in a request.
    pub fn add(&mut self, request: &RequestRecord) {
        if let Some(connect_ns) = request.connect_ns {
            self.connect_ns.saturating_record(connect_ns);
        }
        if let Some(first_byte_ns) = request.first_byte_ns {
            self.first_byte_ns.saturating_record(first_byte_ns.saturating_sub(request.sent_ns));
        }
        self.body_bytes += request.body_bytes;
        self.cold += u64::from(request.instance.as_ref().is_some_and(|(_, is_cold)| *is_cold));
        let since_due = request.end_ns.saturating_sub(request.intended_ns);
        match request.failure {
            Some(failure) => {
                *self.failures.entry(failure).or_default() += 1;
                self.failed_ns.saturating_record(since_due);
            }
            None => {
                self.response_ns.saturating_record(since_due);
                self.service_ns.saturating_record(request.end_ns.saturating_sub(request.sent_ns));
            }
        }
    }

    /// Takes in how late a request was taken up.
    pub fn add_lateness(&mut self, lateness_ns: u64) {
        self.lateness_ns.saturating_record(lateness_ns);
    }

    /// Takes in another's requests.
    pub fn merge(&mut self, other: &Recording) {
        let pairs = [
            (&mut self.response_ns, &other.response_ns),
            (&mut self.service_ns, &other.service_ns),
            (&mut self.first_byte_ns, &other.first_byte_ns),
            (&mut self.connect_ns, &other.connect_ns),
            (&mut self.lateness_ns, &other.lateness_ns),
            (&mut self.failed_ns, &other.failed_ns),
        ];
        for (into, from) in pairs {
            // Both have the same range, so nothing in one is outside of the other.
            let _ = into.add(from);
        }
        for (failure, count) in &other.failures {
            *self.failures.entry(*failure).or_default() += count;
        }
        self.body_bytes += other.body_bytes;
        self.cold += other.cold;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        for histogram in [
            &mut self.response_ns,
            &mut self.service_ns,
            &mut self.first_byte_ns,
            &mut self.connect_ns,
            &mut self.lateness_ns,
            &mut self.failed_ns,
        ] {
            histogram.clear();
        }
        self.failures.clear();
        self.body_bytes = 0;
        self.cold = 0;
    }

    /// Requests that were answered with success.
    pub fn succeeded(&self) -> u64 {
        self.response_ns.len()
    }

    /// Requests that failed.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }
}

fn histogram() -> Histogram<u64> {
    // A lowest value of 1, a highest of at least twice that and at most 5 digits is all that it asks.
    Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).unwrap_or_else(|_| unreachable!("the bounds are valid"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(intended_ns: u64, sent_ns: u64, end_ns: u64, failure: Option<Failure>) -> RequestRecord {
        RequestRecord {
            index: 0,
            intended_ns,
            sent_ns,
            connect_ns: None,
            first_byte_ns: Some(end_ns),
            end_ns,
            status: Some(200),
            failure,
            body_bytes: 3,
            instance: None,
            body: None,
        }
    }

    #[test]
    fn a_request_that_was_sent_late_has_a_longer_response_than_service_time() {
        let mut recording = Recording::new();
        recording.add(&request(0, 2_000_000, 3_000_000, None));
        assert!(recording.response_ns.equivalent(recording.response_ns.max(), 3_000_000));
        assert!(recording.service_ns.equivalent(recording.service_ns.max(), 1_000_000));
    }

    #[test]
    fn failures_are_counted_by_kind_and_are_in_no_latency() {
        let mut recording = Recording::new();
        recording.add(&request(0, 0, 5, Some(Failure::Status(500))));
        recording.add(&request(0, 0, 5, Some(Failure::Timeout)));
        assert_eq!((recording.succeeded(), recording.failed()), (0, 2));
        assert_eq!(recording.failures[&Failure::Status(500)], 1);
        assert_eq!(recording.failed_ns.len(), 2);
    }

    proptest! {
        #[test]
        fn the_parts_together_are_the_whole(
            some in prop::collection::vec((0..1_000_000_u64, 0..1_000_000_u64), 0..50),
            others in prop::collection::vec((0..1_000_000_u64, 0..1_000_000_u64), 0..50),
        ) {
            let of = |pairs: &[(u64, u64)]| {
                let mut recording = Recording::new();
                for &(sent, took) in pairs {
                    recording.add(&request(0, sent, sent + took, (took % 7 == 0).then_some(Failure::Broken)));
                }
                recording
            };
            let mut parts = of(&some);
            parts.merge(&of(&others));
            let whole = of(&[some, others].concat());
            prop_assert_eq!(parts.response_ns, whole.response_ns);
            prop_assert_eq!(parts.service_ns, whole.service_ns);
            prop_assert_eq!(parts.failures, whole.failures);
            prop_assert_eq!(parts.body_bytes, whole.body_bytes);
        }
    }
}
