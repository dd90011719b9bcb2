//! By how much a clock there is ahead of the clock here, from calls alone.
//!
//! A call leaves here at `t1` and its answer is complete at `t4`, both by the clock here; the function begins at `t2` and ends
//! at `t3`, both by the clock there. Neither way takes less than nothing, so with an offset of `o` (there less here)
//! `t2 - o >= t1` and `t3 - o <= t4`: the offset lies within `t3 - t4 ..= t2 - t1`, whose width is the round trip less the
//! execution. So every call bounds the offset whatever its two ways took, the smallest round trip best, and none of it supposes
//! that both ways take equally long (D. L. Mills, RFC 5905, section 8, has the midpoint as its estimate and half of the width as
//! its error). Clocks drift apart: strictly, the upper bound holds at `t1` and the lower one at `t4`. The bounds of all calls
//! together bound the drift, and with that each call bounds the offset at other times too.

use serde::{Deserialize, Serialize};

/// The greatest drift that is held possible: what Linux's `adjtimex` corrects by at most, parts per million.
const GREATEST_DRIFT_PPM: f64 = 500.0;
/// Calls that drift is estimated from; of more, the tightest of as many equal stretches of time.
const STRETCHES: usize = 200;

/// Of no calls.
const UNKNOWN: Offset = Offset { offset_ns: 0.0, uncertainty_ns: f64::INFINITY };

/// One call as both clocks saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// When the call was made, Unix time of the clock here, ns.
    pub sent_unix_ns: u64,
    /// From then until its answer was complete, by a monotonic clock here, ns.
    pub total_ns: u64,
    /// When the function began, Unix time of the clock there, ns.
    pub there_start_unix_ns: u64,
    /// From then until it ended, by a monotonic clock there, ns.
    pub there_ns: u64,
}

impl Exchange {
    /// What of the round trip was not the function's, ns; `None` where the function says that it took longer than its call, so
    /// one of the readings is wrong.
    pub fn ways_ns(&self) -> Option<u64> {
        self.total_ns.checked_sub(self.there_ns)
    }

    /// The least and the greatest offset that are possible, ns.
    fn bounds(&self) -> Option<Bounds> {
        let ways_ns = self.ways_ns()?;
        let high_ns = i128::from(self.there_start_unix_ns) - i128::from(self.sent_unix_ns);
        Some(Bounds {
            sent_unix_ns: self.sent_unix_ns,
            answered_unix_ns: self.sent_unix_ns.checked_add(self.total_ns)?,
            low_ns: (high_ns - i128::from(ways_ns)) as f64,
            high_ns: high_ns as f64,
        })
    }
}

/// What one call says.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bounds {
    sent_unix_ns: u64,
    answered_unix_ns: u64,
    /// At the time of the answer.
    low_ns: f64,
    /// At the time of the call.
    high_ns: f64,
}

impl Bounds {
    fn width_ns(&self) -> f64 {
        self.high_ns - self.low_ns
    }

    fn middle_unix_ns(&self) -> u64 {
        self.sent_unix_ns + (self.answered_unix_ns - self.sent_unix_ns) / 2
    }
}

/// An offset at one time: there less here.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Offset {
    /// The middle of what is possible, ns.
    pub offset_ns: f64,
    /// How far to either side the true one may lie, ns. No confidence is attached: it can't lie outside.
    pub uncertainty_ns: f64,
}

/// A drift: how much faster the clock there goes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// The least that is possible, parts per million (us per s).
    pub low_ppm: f64,
    /// The greatest that is possible.
    pub high_ppm: f64,
}

/// The offset of one clock over a run.
#[derive(Debug, Clone, PartialEq)]
pub struct ClockOffset {
    bounds: Vec<Bounds>,
    drift: Option<Drift>,
    unusable: usize,
}

impl ClockOffset {
    /// From calls, all to one clock; `None` when none of them bounds it.
    pub fn estimate(exchanges: &[Exchange]) -> Option<ClockOffset> {
        let all: Vec<Bounds> = exchanges.iter().filter_map(Exchange::bounds).collect();
        let unusable = exchanges.len() - all.len();
        let bounds = tightest(all);
        if bounds.is_empty() {
            return None;
        }
        let drift = drift(&bounds);
        Some(ClockOffset { bounds, drift, unusable })
    }

    /// The offset at a time here. When a clock was set during the run (see [`ClockOffset::drift`]), what the nearest call says.
    pub fn at(&self, here_unix_ns: u64) -> Offset {
        let Some(drift) = self.drift else {
            let nearest = self.bounds.iter().min_by_key(|bounds| bounds.middle_unix_ns().abs_diff(here_unix_ns));
            // There is at least one.
            return nearest.map_or(UNKNOWN, |bounds| middle(bounds.low_ns, bounds.high_ns));
        };
        // ppm times seconds are us.
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        for bounds in &self.bounds {
            let since = seconds(bounds.answered_unix_ns, here_unix_ns) * 1e3;
            low = low.max(bounds.low_ns + (drift.low_ppm * since).min(drift.high_ppm * since));
            let since = seconds(bounds.sent_unix_ns, here_unix_ns) * 1e3;
            high = high.min(bounds.high_ns + (drift.low_ppm * since).max(drift.high_ppm * since));
        }
        // They cross by no more than the rounding of numbers.
        middle(low.min(high), high.max(low))
    }

    /// The offset when it is known best: at the time of the smallest round trip.
    pub fn best(&self) -> Offset {
        let smallest = self.bounds.iter().min_by(|one, other| one.width_ns().total_cmp(&other.width_ns()));
        smallest.map_or(UNKNOWN, |bounds| self.at(bounds.middle_unix_ns()))
    }

    /// How fast the two clocks go apart; `None` when no steady drift explains all calls: one of the clocks was set meanwhile.
    pub fn drift(&self) -> Option<Drift> {
        self.drift
    }

    /// Calls that bound nothing, as the function says that it took longer than its call.
    pub fn unusable(&self) -> usize {
        self.unusable
    }
}

/// From `earlier` to `later`, s; negative where they are the other way round.
fn seconds(earlier_unix_ns: u64, later_unix_ns: u64) -> f64 {
    (i128::from(later_unix_ns) - i128::from(earlier_unix_ns)) as f64 / 1e9
}

fn middle(low_ns: f64, high_ns: f64) -> Offset {
    Offset { offset_ns: low_ns + (high_ns - low_ns) / 2.0, uncertainty_ns: (high_ns - low_ns) / 2.0 }
}

/// The tightest bounds of each of [`STRETCHES`] stretches of time, in the order of time.
fn tightest(mut all: Vec<Bounds>) -> Vec<Bounds> {
    all.sort_by_key(Bounds::middle_unix_ns);
    if all.len() <= STRETCHES {
        return all;
    }
    let (begin, end) = (all[0].middle_unix_ns(), all[all.len() - 1].middle_unix_ns());
    let length = ((end - begin) / STRETCHES as u64 + 1).max(1);
    let mut kept: Vec<(u64, Bounds)> = Vec::with_capacity(STRETCHES);
    for bounds in all {
        let stretch = (bounds.middle_unix_ns() - begin) / length;
        match kept.last_mut() {
            Some((last, tightest)) if *last == stretch => {
                if bounds.width_ns() < tightest.width_ns() {
                    *tightest = bounds;
                }
            }
            _ => kept.push((stretch, bounds)),
        }
    }
    kept.into_iter().map(|(_, bounds)| bounds).collect()
}

/// The drifts with which a steady clock passes through the bounds of any two calls; `None` when there is none.
fn drift(bounds: &[Bounds]) -> Option<Drift> {
    let (mut low, mut high) = (-GREATEST_DRIFT_PPM, GREATEST_DRIFT_PPM);
    for above in bounds {
        for below in bounds {
            // us per s are ppm.
            let change = (below.low_ns - above.high_ns) / 1e3;
            let seconds = seconds(above.sent_unix_ns, below.answered_unix_ns);
            if seconds > 0.0 {
                low = low.max(change / seconds);
            } else if seconds < 0.0 {
                high = high.min(change / seconds);
            } else if change > 0.0 {
                return None;
            }
        }
    }
    (low <= high).then_some(Drift { low_ppm: low, high_ppm: high })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BEGIN: u64 = 1_790_000_000_000_000_000;

    /// A call at `at_ns` whose ways take `out_ns` and `back_ns`, to a clock that is `offset_ns` ahead at the beginning and goes
    /// `drift_ppm` faster.
    fn exchange(at_ns: u64, out_ns: u64, executes_ns: u64, back_ns: u64, offset_ns: i64, drift_ppm: f64) -> Exchange {
        let begun = at_ns + out_ns;
        let drifted = (begun as f64 * drift_ppm / 1e6) as i64;
        Exchange {
            sent_unix_ns: BEGIN + at_ns,
            total_ns: out_ns + executes_ns + back_ns,
            there_start_unix_ns: (BEGIN + begun).checked_add_signed(offset_ns + drifted).unwrap(),
            there_ns: (executes_ns as f64 * (1.0 + drift_ppm / 1e6)) as u64,
        }
    }

    #[test]
    fn the_smallest_round_trip_decides_and_equal_ways_give_the_offset_itself() {
        let offset = ClockOffset::estimate(&[
            exchange(0, 900_000, 5_000, 100_000, 3_000_000, 0.0),
            exchange(1_000_000_000, 40_000, 5_000, 40_000, 3_000_000, 0.0),
        ])
        .unwrap();
        let best = offset.best();
        assert!((best.offset_ns - 3_000_000.0).abs() < 100.0 && best.uncertainty_ns < 40_100.0, "{best:?}");
    }

    #[test]
    fn a_clock_that_was_set_has_no_steady_drift_and_each_call_is_placed_by_its_nearest() {
        let before = exchange(0, 10_000, 0, 10_000, 0, 0.0);
        let after = exchange(1_000_000_000, 10_000, 0, 10_000, 5_000_000_000, 0.0);
        let offset = ClockOffset::estimate(&[before, after]).unwrap();
        assert_eq!(offset.drift(), None);
        assert!(offset.at(BEGIN).offset_ns.abs() <= 10_000.0);
        assert!((offset.at(BEGIN + 1_000_000_000).offset_ns - 5e9).abs() <= 10_000.0);
    }

    #[test]
    fn a_function_that_says_it_took_longer_than_its_call_bounds_nothing() {
        let wrong = Exchange { sent_unix_ns: BEGIN, total_ns: 5, there_start_unix_ns: BEGIN, there_ns: 6 };
        assert_eq!(ClockOffset::estimate(&[wrong]), None);
        let right = exchange(0, 5, 5, 5, 0, 0.0);
        assert_eq!(ClockOffset::estimate(&[wrong, right]).unwrap().unusable(), 1);
    }

    #[test]
    fn a_drift_is_found() {
        let exchanges: Vec<Exchange> =
            (0..600).map(|number| exchange(number * 100_000_000, 50_000, 1_000, 80_000, -7, 40.0)).collect();
        let drift = ClockOffset::estimate(&exchanges).unwrap().drift().unwrap();
        assert!(drift.low_ppm <= 40.0 && 40.0 <= drift.high_ppm && drift.high_ppm - drift.low_ppm < 10.0, "{drift:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_true_offset_lies_within_the_uncertainty_whatever_the_ways_took(
            ways in prop::collection::vec((0..3_000_000_000_u64, 10_000..50_000_000_u64, 0..20_000_000_u64, 0..50_000_000_u64), 1..60),
            offset_ns in -10_000_000_000_i64..10_000_000_000,
            drift_ppm in -100.0..100.0_f64,
        ) {
            let exchanges: Vec<Exchange> = ways
                .iter()
                .map(|&(at, out, there, back)| exchange(at, out, there, back, offset_ns, drift_ppm))
                .collect();
            let found = ClockOffset::estimate(&exchanges).unwrap();
            let drift = found.drift().unwrap();
            prop_assert!(drift.low_ppm <= drift_ppm + 1e-3 && drift_ppm <= drift.high_ppm + 1e-3, "{drift:?}");
            for exchange in &exchanges {
                let here = exchange.sent_unix_ns + exchange.total_ns / 2;
                let truth = offset_ns as f64 + (here - BEGIN) as f64 * drift_ppm / 1e6;
                let offset = found.at(here);
                // 3 ns: times are whole ones.
                prop_assert!((offset.offset_ns - truth).abs() <= offset.uncertainty_ns + 3.0, "{offset:?} {truth} {drift:?}");
                // Never worse than half of what its own ways took and what the greatest drift adds in half of the call.
                let own = exchange.ways_ns().unwrap() as f64 / 2.0 + exchange.total_ns as f64 * 250e-6;
                prop_assert!(offset.uncertainty_ns <= own + 1.0);
            }
        }

        #[test]
        fn without_drift_the_bound_is_exact(
            ways in prop::collection::vec((0..3_000_000_000_u64, 0..50_000_000_u64, 0..20_000_000_u64, 0..50_000_000_u64), 1..300),
            offset_ns in -10_000_000_000_i64..10_000_000_000,
        ) {
            let exchanges: Vec<Exchange> = ways
                .iter()
                .map(|&(at, out, there, back)| exchange(at, out, there, back, offset_ns, 0.0))
                .collect();
            let found = ClockOffset::estimate(&exchanges).unwrap();
            let drift = found.drift().unwrap();
            prop_assert!(drift.low_ppm <= 1e-9 && drift.high_ppm >= -1e-9);
            let best = found.best();
            prop_assert!((best.offset_ns - offset_ns as f64).abs() <= best.uncertainty_ns + 2.0);
            let own = |exchange: &Exchange| exchange.ways_ns().unwrap() as f64 / 2.0 + exchange.total_ns as f64 * 250e-6;
            let smallest = exchanges.iter().min_by_key(|exchange| exchange.ways_ns()).unwrap();
            prop_assert!(best.uncertainty_ns <= own(smallest) + 1.0);
        }
    }
}
