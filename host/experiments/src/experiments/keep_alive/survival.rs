//! How many of several instances are kept over time, and which curve that follows.

use serde::{Deserialize, Serialize};

/// Instances after one idle time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Survivors {
    /// How long they were idle, s.
    pub(super) idle_s: f64,
    /// How many were kept.
    pub(super) kept: u64,
    /// Of how many.
    pub(super) of: u64,
}

/// A curve that describes the share that is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Curve {
    /// All are kept until a time, s, and none after it. The time lies between the last idle time before and the first after.
    Step {
        /// The last before.
        after_s: f64,
        /// The first after.
        until_s: f64,
    },
    /// Each is reclaimed at any moment with the same probability; their mean time, s.
    Exponential {
        /// The mean.
        mean_s: f64,
    },
}

/// A curve, and by how much it describes what was seen better than the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fit {
    pub(super) curve: Curve,
    /// Difference of the two curves' information criteria (H. Akaike, IEEE Transactions on Automatic Control 19, 1974): below 2
    /// nothing tells one from the other.
    pub(super) advantage: f64,
}

impl Curve {
    /// The share that is kept after so long.
    pub(super) fn share(&self, idle_s: f64) -> f64 {
        match self {
            Curve::Step { after_s, until_s } => f64::from(u8::from(idle_s < after_s.midpoint(*until_s))),
            Curve::Exponential { mean_s } => (-idle_s / mean_s).exp(),
        }
    }
}

/// The likelier of the curves; `None` where all were kept, or all gone.
pub(super) fn fit(seen: &[Survivors]) -> Option<Fit> {
    let (kept, of) = seen.iter().fold((0, 0), |sum, one| (sum.0 + one.kept, sum.1 + one.of));
    if kept == 0 || kept == of {
        return None;
    }
    let (step, of_step) = step(seen)?;
    let (exponential, of_exponential) = exponential(seen)?;
    // A step has a time and a share of exceptions, an exponential its mean alone.
    let (criterion_step, criterion_exponential) = (4.0 - 2.0 * of_step, 2.0 - 2.0 * of_exponential);
    let curve = if criterion_step <= criterion_exponential { step } else { exponential };
    Some(Fit { curve, advantage: (criterion_step - criterion_exponential).abs() })
}

/// The likeliest step and the logarithm of its likelihood.
fn step(seen: &[Survivors]) -> Option<(Curve, f64)> {
    let mut times: Vec<f64> = seen.iter().map(|one| one.idle_s).collect();
    times.sort_unstable_by(f64::total_cmp);
    times.dedup();
    let mut edges = vec![(0.0, *times.first()?)];
    edges.extend(times.windows(2).map(|pair| (pair[0], pair[1])));
    let last = *times.last()?;
    edges.push((last, f64::INFINITY));
    let all: u64 = seen.iter().map(|one| one.of).sum();
    let likelihood = |(_, until_s): (f64, f64)| {
        let wrong = |one: &Survivors| if one.idle_s < until_s { one.of - one.kept } else { one.kept };
        let wrong: u64 = seen.iter().map(wrong).sum();
        // Never without exceptions: that would be certainty from a few instances.
        let share = ((wrong as f64 + 0.5) / (all as f64 + 1.0)).min(0.5);
        wrong as f64 * share.ln() + (all - wrong) as f64 * (1.0 - share).ln()
    };
    let best = edges.into_iter().map(|edge| (edge, likelihood(edge))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    let ((after_s, until_s), likelihood) = best;
    Some((Curve::Step { after_s, until_s: if until_s.is_finite() { until_s } else { last } }, likelihood))
}

/// The likeliest exponential and the logarithm of its likelihood.
fn exponential(seen: &[Survivors]) -> Option<(Curve, f64)> {
    let likelihood = |mean_s: f64| -> f64 {
        let of_one = |one: &Survivors| {
            let gone = -(-one.idle_s / mean_s).exp_m1();
            one.kept as f64 * (-one.idle_s / mean_s) + (one.of - one.kept) as f64 * gone.max(f64::MIN_POSITIVE).ln()
        };
        seen.iter().map(of_one).sum()
    };
    let longest = seen.iter().map(|one| one.idle_s).max_by(f64::total_cmp)?;
    // It has one maximum over the mean's logarithm: golden-section search, 60 steps leave a 10^-12th of the range.
    let (mut low, mut high) = ((longest * 1e-4).ln(), (longest * 1e4).ln());
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    for _ in 0..60 {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if likelihood(left.exp()) < likelihood(right.exp()) {
            low = left;
        } else {
            high = right;
        }
    }
    let mean_s = low.midpoint(high).exp();
    mean_s.is_finite().then(|| (Curve::Exponential { mean_s }, likelihood(mean_s)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn seen(share: impl Fn(f64) -> f64) -> Vec<Survivors> {
        let point = |step: u32| {
            let idle_s = f64::from(step) * 2.0;
            Survivors { idle_s, kept: (20.0 * share(idle_s)).round() as u64, of: 20 }
        };
        (1..=10).map(point).collect()
    }

    #[test]
    fn a_step_is_told_from_an_exponential() {
        let fit = fit(&seen(|idle| if idle <= 7.0 { 1.0 } else { 0.0 })).unwrap();
        assert_eq!(fit.curve, Curve::Step { after_s: 6.0, until_s: 8.0 });
        assert!(fit.advantage > 50.0, "{fit:?}");
    }

    #[test]
    fn an_exponential_has_its_mean() {
        let fit = fit(&seen(|idle| (-idle / 8.0).exp())).unwrap();
        let Curve::Exponential { mean_s } = fit.curve else { panic!("{fit:?}") };
        assert!((mean_s - 8.0).abs() < 0.5 && fit.advantage > 2.0, "{fit:?}");
    }

    #[test]
    fn where_all_are_kept_or_none_there_is_no_curve() {
        assert_eq!(fit(&seen(|_| 1.0)), None);
        assert_eq!(fit(&seen(|_| 0.0)), None);
        assert_eq!(fit(&[]), None);
    }
}
