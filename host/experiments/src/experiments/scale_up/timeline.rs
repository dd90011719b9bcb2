//! What happened over time, in equal parts of it.

use serde::{Deserialize, Serialize};
use stats::Sample as Values;

use super::alive::Alive;
use super::watcher::Sample;
use crate::{Call, Scheduled};

/// One part of the time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Part {
    /// Its middle, s since the schedule began.
    pub(super) at_s: f64,
    /// Calls that were due in it, per second.
    pub(super) rate: f64,
    /// Calls under way at its middle.
    pub(super) in_flight: u64,
    /// Of those due in it, failed.
    pub(super) failed: u64,
    /// Median of the response times of those due in it that succeeded, ns.
    pub(super) median_ns: Option<f64>,
    /// Their 95th percentile, ns.
    pub(super) p95_ns: Option<f64>,
    /// Their longest wait for an instance, where the platform says so, ns.
    pub(super) queue_ns: Option<u64>,
    /// Instances at its middle, as the answers show.
    pub(super) seen: u64,
    /// The same as the platform knows, on this machine.
    pub(super) known: Option<u64>,
    /// The same as the platform said when it was asked last.
    pub(super) told: Option<u64>,
}

/// Divides the time from 0 to `until_s` into `parts`.
pub(super) fn timeline(
    scheduled: &Scheduled,
    (until_s, parts): (f64, u32),
    (seen, known, under_way): (&Alive, Option<&Alive>, &Alive),
    told: &[Sample],
) -> Vec<Part> {
    let length_s = until_s / f64::from(parts.max(1));
    let mut due: Vec<Vec<&Call>> = vec![Vec::new(); parts as usize];
    for call in &scheduled.calls {
        let place = call.intended_ns.map(|ns| (ns as f64 / 1e9 / length_s) as usize);
        if let Some(part) = place.and_then(|place| due.get_mut(place)) {
            part.push(call);
        }
    }
    let part = |(number, calls): (usize, &Vec<&Call>)| {
        let at_s = (number as f64 + 0.5) * length_s;
        let at_ns = (at_s * 1e9) as i64;
        let successes: Vec<f64> =
            calls.iter().filter(|call| call.is_success()).map(|call| call.response_ns() as f64).collect();
        let values = Values::new(successes).ok();
        Part {
            at_s,
            rate: calls.len() as f64 / length_s,
            in_flight: under_way.at(at_ns),
            failed: calls.iter().filter(|call| !call.is_success()).count() as u64,
            median_ns: values.as_ref().map(Values::median),
            p95_ns: values.as_ref().map(|values| values.quantile(0.95)),
            queue_ns: calls.iter().filter_map(|call| call.answer.as_ref()?.timings.queue_ns).max(),
            seen: seen.at(at_ns),
            known: known.map(|known| known.at(at_ns)),
            told: told.iter().rev().find(|sample| sample.at_s <= at_s).map(|sample| sample.instances),
        }
    };
    due.iter().enumerate().map(part).collect()
}
