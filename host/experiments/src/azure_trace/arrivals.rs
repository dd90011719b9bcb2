//! When the calls of a traced function are made again.

use rand::Rng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Calls, TracedFunction};

/// How calls of which only the minute is known lie within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Spacing {
    /// As those of a Poisson process of which the number in the minute is known.
    Poisson,
    /// Equally far apart.
    Equidistant,
}

/// How a trace is replayed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Replay {
    /// Calls for each call of the trace.
    pub(crate) factor: f64,
    /// How long a minute of the trace takes, s.
    pub(crate) minute_s: f64,
    /// How calls lie within it.
    pub(crate) spacing: Spacing,
    /// Durations are multiplied by this.
    pub(crate) duration_factor: f64,
    /// And cut to this, s.
    pub(crate) longest_s: f64,
}

/// One call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Arrival {
    /// When, s since the window began, as it is replayed.
    pub(crate) at_s: f64,
    /// How long it is to take, s.
    pub(crate) duration_s: f64,
    /// Whether that was cut.
    pub(crate) is_cut: bool,
}

/// The calls of a function, in the order of time. Their number is the trace's times the factor, rounded once for the whole window.
pub(crate) fn arrivals(function: &TracedFunction, replay: &Replay, chance: &mut ChaCha8Rng) -> Vec<Arrival> {
    let mut arrivals = match &function.calls {
        Calls::Counted { minutes, durations_s } => {
            let mut all = Vec::new();
            for (minute, count) in scaled(minutes, replay.factor) {
                for within in spaced(count, replay.spacing, chance) {
                    all.push(arrival(f64::from(minute) + within, durations_s.draw(chance), replay));
                }
            }
            all
        }
        Calls::Listed(calls) => listed(calls, replay, chance),
    };
    arrivals.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
    arrivals
}

fn arrival(at_minutes: f64, duration_s: f64, replay: &Replay) -> Arrival {
    let duration_s = duration_s * replay.duration_factor;
    Arrival {
        at_s: at_minutes * replay.minute_s,
        duration_s: duration_s.min(replay.longest_s),
        is_cut: duration_s > replay.longest_s,
    }
}

/// Counts times a factor, so that their sums up to every minute are right within a half.
fn scaled(minutes: &[(u32, u32)], factor: f64) -> Vec<(u32, u32)> {
    let (mut before, mut made) = (0.0, 0_u64);
    let scaled = minutes.iter().map(|(minute, count)| {
        before += f64::from(*count) * factor;
        let until = before.round() as u64;
        let now = until - made;
        made = until;
        (*minute, u32::try_from(now).unwrap_or(u32::MAX))
    });
    scaled.filter(|(_, count)| *count > 0).collect()
}

/// Places within a minute, 0 to 1.
///
/// Given their number, the arrivals of a Poisson process are independent and uniform over the time (S. M. Ross, "Introduction to
/// Probability Models", 5.3.5). Drawing gaps and stretching them to the minute, as others do, puts the first arrival of every
/// function at second 0 of each minute, unless they are then shifted round by a common, uniform part of the minute; that shift
/// gives the uniform draws again. Equidistant arrivals do need it.
fn spaced(count: u32, spacing: Spacing, chance: &mut ChaCha8Rng) -> Vec<f64> {
    let mut places: Vec<f64> = match spacing {
        Spacing::Poisson => (0..count).map(|_| chance.random_range(0.0..1.0)).collect(),
        Spacing::Equidistant => {
            let shift: f64 = chance.random_range(0.0..1.0);
            (0..count).map(|number| (f64::from(number) / f64::from(count) + shift).fract()).collect()
        }
    };
    places.sort_by(f64::total_cmp);
    places
}

/// Calls of which the time is known keep it. With a factor below 1 some are left out by chance; above it, further ones are made
/// anywhere in the same minute.
fn listed(calls: &[(f64, f64)], replay: &Replay, chance: &mut ChaCha8Rng) -> Vec<Arrival> {
    let wanted = (calls.len() as f64 * replay.factor).round() as usize;
    let (each, rest) = match calls.len() {
        0 => (0, 0),
        number => (wanted / number, wanted % number),
    };
    let mut all = Vec::with_capacity(wanted);
    for copy in 0..each {
        all.extend(calls.iter().map(|call| listed_arrival(*call, copy > 0, replay, chance)));
    }
    for chosen in index::sample(chance, calls.len(), rest) {
        all.push(listed_arrival(calls[chosen], each > 0, replay, chance));
    }
    all
}

fn listed_arrival(
    (begin_s, duration_s): (f64, f64),
    is_copy: bool,
    replay: &Replay,
    chance: &mut ChaCha8Rng,
) -> Arrival {
    let minutes = begin_s / 60.0;
    let at = if is_copy { minutes.floor() + chance.random_range(0.0..1.0) } else { minutes };
    arrival(at, duration_s, replay)
}

#[cfg(test)]
#[path = "arrivals_tests.rs"]
mod tests;
