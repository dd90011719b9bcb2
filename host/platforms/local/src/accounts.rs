//! What a deployment's invocations cost: counts, durations, and what would be billed.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use platform::{Billing, CallId, ProviderMetric};
use uuid::Uuid;

/// Calls of which the billing is kept: the last ones.
const BILLED_CALLS: usize = 16_384;
/// Bytes of a GB, as it is billed.
const GIGABYTE: f64 = 1e9;

/// One invocation that an instance served.
pub(crate) struct Entry {
    pub(crate) status: u16,
    pub(crate) is_cold: bool,
    pub(crate) waited: Duration,
    pub(crate) start: Option<Duration>,
    pub(crate) execution: Duration,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) peak_memory_bytes: Option<u64>,
    pub(crate) ended_instance: bool,
}

/// The accounts of one deployment.
pub(crate) struct Accounts {
    /// Tells these calls from those of an earlier life of the same deployment.
    mark: u32,
    totals: Mutex<Totals>,
}

#[derive(Default)]
struct Totals {
    invocations: u64,
    cold: u64,
    successes: u64,
    callers_errors: u64,
    functions_errors: u64,
    refused: u64,
    unanswered: u64,
    failed_starts: u64,
    ended_by_invocation: u64,
    waited: Duration,
    starting: Duration,
    execution: Duration,
    billed_us: u64,
    gigabyte_seconds: f64,
    peak_memory_bytes: Option<u64>,
    instances_started: u64,
    instances_ended: u64,
    instance_time: Duration,
    /// Billing of the last calls; the first is that of call `first_call`.
    billed: VecDeque<Billing>,
    first_call: u64,
}

impl Accounts {
    pub(crate) fn new() -> Accounts {
        let mark = Uuid::new_v4().as_fields().0;
        Accounts { mark, totals: Mutex::default() }
    }

    fn totals(&self) -> MutexGuard<'_, Totals> {
        // Sums are whole but for the one being added when somebody panicked.
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Books an invocation; returns its name and what it would be billed.
    pub(crate) fn book(&self, entry: &Entry) -> (CallId, Billing) {
        let billed_us = u64::try_from(entry.execution.as_micros()).unwrap_or(u64::MAX);
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let gigabyte_seconds = entry.memory_bytes.map(|bytes| entry.execution.as_secs_f64() * bytes as f64 / GIGABYTE);
        let billing = Billing {
            billed_us,
            start_us: entry.start.map(micros),
            wait_us: Some(micros(entry.waited)),
            memory_bytes: entry.memory_bytes,
            gigabyte_seconds,
            peak_memory_bytes: entry.peak_memory_bytes,
        };
        let mut totals = self.totals();
        totals.invocations += 1;
        totals.cold += u64::from(entry.is_cold);
        match entry.status {
            200..300 => totals.successes += 1,
            400..500 => totals.callers_errors += 1,
            _ => totals.functions_errors += 1,
        }
        totals.ended_by_invocation += u64::from(entry.ended_instance);
        totals.waited += entry.waited;
        totals.starting += entry.start.unwrap_or_default();
        totals.execution += entry.execution;
        totals.billed_us = totals.billed_us.saturating_add(billed_us);
        totals.gigabyte_seconds += gigabyte_seconds.unwrap_or(0.0);
        totals.peak_memory_bytes = totals.peak_memory_bytes.max(entry.peak_memory_bytes);
        if totals.billed.len() == BILLED_CALLS {
            totals.billed.pop_front();
            totals.first_call += 1;
        }
        let number = totals.first_call + totals.billed.len() as u64;
        totals.billed.push_back(billing);
        (CallId(format!("{:08x}-{number:x}", self.mark)), billing)
    }

    /// What a call would be billed; `None` when it is not known, or not any more.
    pub(crate) fn billing(&self, call: &CallId) -> Option<Billing> {
        let (mark, number) = call.0.split_once('-')?;
        if u32::from_str_radix(mark, 16) != Ok(self.mark) {
            return None;
        }
        let number = u64::from_str_radix(number, 16).ok()?;
        let totals = self.totals();
        let index = usize::try_from(number.checked_sub(totals.first_call)?).ok()?;
        totals.billed.get(index).copied()
    }

    pub(crate) fn refused(&self) {
        self.totals().refused += 1;
    }

    pub(crate) fn unanswered(&self) {
        self.totals().unanswered += 1;
    }

    pub(crate) fn failed_start(&self) {
        self.totals().failed_starts += 1;
    }

    pub(crate) fn instance_started(&self) {
        self.totals().instances_started += 1;
    }

    pub(crate) fn instance_ended(&self, age: Duration) {
        let mut totals = self.totals();
        totals.instances_ended += 1;
        totals.instance_time += age;
    }

    /// All of it; `alive` is how long the instances that there are have existed, together.
    pub(crate) fn metrics(&self, alive: Duration, waiting: u32) -> Vec<ProviderMetric> {
        let totals = self.totals();
        let metric =
            |name: &str, value: f64, unit: &str| ProviderMetric { name: name.to_owned(), value, unit: unit.to_owned() };
        let instances = totals.instances_started.saturating_sub(totals.instances_ended);
        let mut metrics = vec![
            metric("invocations", totals.invocations as f64, "1"),
            metric("cold_invocations", totals.cold as f64, "1"),
            metric("successes", totals.successes as f64, "1"),
            metric("callers_errors", totals.callers_errors as f64, "1"),
            metric("functions_errors", totals.functions_errors as f64, "1"),
            metric("refused", totals.refused as f64, "1"),
            metric("unanswered", totals.unanswered as f64, "1"),
            metric("waiting", f64::from(waiting), "1"),
            metric("waited", totals.waited.as_secs_f64(), "s"),
            metric("starting", totals.starting.as_secs_f64(), "s"),
            metric("execution", totals.execution.as_secs_f64(), "s"),
            metric("billed", totals.billed_us as f64 / 1e6, "s"),
            metric("gigabyte_seconds", totals.gigabyte_seconds, "GB-s"),
            metric("instances", instances as f64, "1"),
            metric("instances_started", totals.instances_started as f64, "1"),
            metric("instances_ended_by_invocation", totals.ended_by_invocation as f64, "1"),
            metric("failed_starts", totals.failed_starts as f64, "1"),
            metric("instance_seconds", (totals.instance_time + alive).as_secs_f64(), "s"),
        ];
        metrics.extend(totals.peak_memory_bytes.map(|bytes| metric("peak_memory", bytes as f64, "B")));
        metrics
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn entry(execution_ms: u64) -> Entry {
        Entry {
            status: 200,
            is_cold: false,
            waited: Duration::ZERO,
            start: None,
            execution: Duration::from_millis(execution_ms),
            memory_bytes: Some(500_000_000),
            peak_memory_bytes: None,
            ended_instance: false,
        }
    }

    #[test]
    fn each_call_has_its_own_billing_for_a_while() {
        let accounts = Accounts::new();
        let (first, billing) = accounts.book(&entry(1000));
        assert_eq!((billing.billed_us, billing.gigabyte_seconds), (1_000_000, Some(0.5)));
        let (second, _) = accounts.book(&entry(2));
        assert_ne!(first, second);
        assert_eq!(accounts.billing(&second).unwrap().billed_us, 2_000);
        for _ in 0..BILLED_CALLS {
            accounts.book(&entry(1));
        }
        assert_eq!(accounts.billing(&first), None);
        assert_eq!(accounts.billing(&CallId("nonsense".to_owned())), None);
        let other = Accounts { mark: accounts.mark.wrapping_add(1), totals: Mutex::default() };
        other.book(&entry(1));
        assert_eq!(other.billing(&CallId(format!("{:08x}-0", accounts.mark))), None);
    }
}
