//! How much to measure for a wanted interval, told from a pilot.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clustered::center;
use super::mean::student_quantile;
use super::{Clusters, Confidence, Sample, samples_needed};

/// More than this isn't asked of anyone: the answer is that it can't be reached.
const MOST: f64 = 1e9;

/// How many samples, or processes, are needed in all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum SizeNeeded {
    /// The pilot's interval is narrow enough already.
    Enough {
        /// Half of the pilot's interval relative to its median: 0.02 for 2 %.
        reached: f64,
    },
    /// So many in all, those of the pilot counted.
    InAll {
        /// How many.
        needed: usize,
        /// Half of the pilot's interval relative to its median.
        reached: f64,
    },
    /// It can't be said.
    Unknown {
        /// Why.
        reason: SizeUnknown,
    },
}

/// Why it can't be said how much is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "reason")]
#[non_exhaustive]
pub enum SizeUnknown {
    /// The wanted half-width isn't a positive finite number.
    #[error("the wanted half-width is no positive number")]
    NoWidth,
    /// The pilot is too small to say how its values differ.
    #[error("a pilot of {needed} is needed, this one has {found}")]
    PilotTooSmall {
        /// How many the pilot has.
        found: usize,
        /// How many it needs.
        needed: usize,
    },
    /// The median is zero: no width is relative to it.
    #[error("the median is zero, no width is relative to it")]
    ZeroMedian,
    /// More than a thousand million would be needed.
    #[error("more than can be measured would be needed")]
    OutOfReach,
}

/// How many independent samples give an interval of the median whose half-width is at most `half_width` of the median
/// (0.02 for 2 %).
///
/// The width of the order statistics' interval shrinks with the square root of their number (their ranks are
/// `n/2 +- z sqrt(n) / 2`: H. A. David and H. N. Nagaraja, "Order Statistics" (2003), 7.1), so the pilot's n grows by
/// the square of how much too wide its own interval is. A pilot of 20 foretells the width to about a third; see it as
/// a guide and check again with [`super::StoppingRule`]. Where a median lies in a gap between two modes, the width
/// falls late and suddenly, and the answer is too low or too high.
pub fn samples_for(pilot: &Sample, half_width: f64, confidence: Confidence) -> SizeNeeded {
    let needed = samples_needed(0.5, confidence).unwrap_or(usize::MAX);
    let found = pilot.len();
    let Some(interval) = pilot.median_interval(confidence) else {
        return checked(half_width, found, needed).unwrap_or_else(unknown);
    };
    let reached = if interval.low == interval.high { Some(0.0) } else { interval.relative_half_width(pilot.median()) };
    size(found, half_width, reached, |reached| found as f64 * (reached / half_width).powi(2))
}

/// How many processes, each with as many repetitions as in the pilot, give an interval of the median whose half-width is
/// at most `half_width` of the median.
///
/// The least k for which `t(k-1) s / sqrt(k)` is within it, where s is the standard deviation of the pilot's processes'
/// medians: Student's interval solved for its size, C. Stein, Annals of Mathematical Statistics 16 (1945). More
/// repetitions don't help where processes differ: T. Kalibera and R. Jones, ISMM 2013. It needs three processes; from so
/// few, s is known within a factor of about two only.
pub fn processes_for(pilot: &Clusters, half_width: f64, confidence: Confidence) -> SizeNeeded {
    let found = pilot.processes();
    let Some(center) = center(&pilot.medians()).filter(|_| found >= 3) else {
        return checked(half_width, found, 3).unwrap_or_else(unknown);
    };
    let median = pilot.pooled().median();
    let deviation = center.error * (found as f64).sqrt();
    let half = |k: f64| student_quantile(confidence.upper_tail(), k - 1.0) * deviation / k.sqrt();
    let reached = if deviation == 0.0 { Some(0.0) } else { Some(half(found as f64) / median.abs()) };
    let reached = reached.filter(|reached| reached.is_finite());
    size(found, half_width, reached, |_| {
        let (mut low, mut high) = (2.0, MOST);
        while high - low > 1.0 {
            let middle = ((low + high) / 2.0).floor();
            if half(middle) / median.abs() <= half_width {
                high = middle;
            } else {
                low = middle;
            }
        }
        high
    })
}

fn unknown(reason: SizeUnknown) -> SizeNeeded {
    SizeNeeded::Unknown { reason }
}

fn checked(half_width: f64, found: usize, needed: usize) -> Result<SizeNeeded, SizeUnknown> {
    Err(match half_width > 0.0 && half_width.is_finite() {
        true => SizeUnknown::PilotTooSmall { found, needed },
        false => SizeUnknown::NoWidth,
    })
}

fn size(found: usize, half_width: f64, reached: Option<f64>, needed: impl Fn(f64) -> f64) -> SizeNeeded {
    if !(half_width > 0.0 && half_width.is_finite()) {
        return unknown(SizeUnknown::NoWidth);
    }
    let Some(reached) = reached else { return unknown(SizeUnknown::ZeroMedian) };
    if reached <= half_width {
        return SizeNeeded::Enough { reached };
    }
    let needed = needed(reached).ceil();
    if needed < MOST {
        SizeNeeded::InAll { needed: (needed as usize).max(found + 1), reached }
    } else {
        unknown(SizeUnknown::OutOfReach)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};
    use rand_distr::{Distribution, Normal};

    const C95: Confidence = Confidence::NINETY_FIVE;

    fn normal(n: usize, seed: u64) -> Vec<f64> {
        let normal = Normal::new(100.0, 10.0).unwrap();
        normal.sample_iter(StdRng::seed_from_u64(seed)).take(n).collect()
    }

    /// Of normal values the half-width is 1.96 x 1.2533 x 10 / sqrt(n): for 1 % of 100, n = 603.
    #[test]
    fn the_answer_is_near_what_theory_says() {
        let mut needed: Vec<usize> = (0..101)
            .map(|seed| match samples_for(&Sample::new(normal(40, seed)).unwrap(), 0.01, C95) {
                SizeNeeded::InAll { needed, .. } => needed,
                other => panic!("{other:?}"),
            })
            .collect();
        needed.sort_unstable();
        assert!((450..=850).contains(&needed[50]), "{}", needed[50]);
        assert!(needed[10] > 150 && needed[90] < 1_800, "{} {}", needed[10], needed[90]);
        let enough = Sample::new(normal(needed[50], 7)).unwrap();
        assert!(matches!(samples_for(&enough, 0.013, C95), SizeNeeded::Enough { .. }));
    }

    #[test]
    fn more_processes_are_asked_for_until_the_interval_is_narrow() {
        let pilot = Clusters::new(vec![vec![98.0, 98.0], vec![100.0, 100.0], vec![102.0, 102.0]]).unwrap();
        // s = 2: t(17) 2 / sqrt(18) = 0.9946, t(16) 2 / sqrt(17) = 1.0283; already t(2) 2 / sqrt(3) = 4.968.
        let SizeNeeded::InAll { needed, reached } = processes_for(&pilot, 0.01, C95) else { panic!() };
        assert_eq!((needed, (reached * 1e5).round()), (18, 4_968.0));
        assert!(matches!(processes_for(&pilot, 0.05, C95), SizeNeeded::Enough { .. }));
    }

    #[test]
    fn what_cannot_be_said_says_why() {
        let reason = |answer| match answer {
            SizeNeeded::Unknown { reason } => reason,
            other => panic!("{other:?}"),
        };
        let sample = |values: &[f64]| Sample::new(values.to_vec()).unwrap();
        let few = samples_for(&sample(&[1.0, 2.0]), 0.1, C95);
        assert_eq!(reason(few).to_string(), "a pilot of 6 is needed, this one has 2");
        assert_eq!(reason(samples_for(&sample(&[1.0, 2.0]), f64::NAN, C95)), SizeUnknown::NoWidth);
        let around_zero = sample(&[-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(reason(samples_for(&around_zero, 0.1, C95)), SizeUnknown::ZeroMedian);
        assert_eq!(reason(samples_for(&sample(&normal(10, 1)), 1e-9, C95)), SizeUnknown::OutOfReach);
        let two = Clusters::new(vec![vec![1.0], vec![2.0]]).unwrap();
        assert_eq!(reason(processes_for(&two, 0.1, C95)), SizeUnknown::PilotTooSmall { found: 2, needed: 3 });
        let zero = Clusters::new(vec![vec![-1.0], vec![0.0], vec![1.0]]).unwrap();
        assert_eq!(reason(processes_for(&zero, 0.1, C95)), SizeUnknown::ZeroMedian);
        let negative = Clusters::new(vec![vec![-9.0], vec![-10.0], vec![-11.0]]).unwrap();
        assert!(matches!(processes_for(&negative, 0.1, C95), SizeNeeded::InAll { .. }));
        for constant in [0.0, 5.0] {
            assert_eq!(samples_for(&sample(&[constant; 9]), 0.1, C95), SizeNeeded::Enough { reached: 0.0 });
        }
    }

    proptest! {
        #[test]
        fn a_narrower_interval_never_needs_less(values in prop::collection::vec(1.0..100.0f64, 6..40), a in 1e-3..0.5f64, b in 1e-3..0.5f64) {
            let (clusters, sample) = (Clusters::new(values.chunks(2).map(<[f64]>::to_vec).collect()).unwrap(), Sample::new(values).unwrap());
            let number = |answer| match answer {
                SizeNeeded::Enough { .. } => 0,
                SizeNeeded::InAll { needed, .. } => needed,
                SizeNeeded::Unknown { .. } => usize::MAX,
            };
            let samples = |width| number(samples_for(&sample, width, C95));
            let processes = |width| number(processes_for(&clusters, width, C95));
            prop_assert!(samples(a.min(b)) >= samples(a.max(b)) && processes(a.min(b)) >= processes(a.max(b)));
        }
    }
}
