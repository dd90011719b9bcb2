//! When enough has been measured.

use super::{Confidence, Sample};

/// Stop when half the width of the median's interval, relative to the median, is within a bound.
///
/// Looking after every repetition makes it likelier to stop at a moment when the interval is narrow by chance, so
/// that the final interval covers less than it says: the simulation in this module demands 88 % where 95 % is asked.
/// The least number of samples keeps it from being worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoppingRule {
    bound: f64,
    least: usize,
    confidence: Confidence,
}

impl StoppingRule {
    /// The rule for a relative half-width of at most `bound` (0.05 for 5 %), asked no earlier than at `least`
    /// samples. None unless the bound is a positive finite number.
    pub fn new(bound: f64, least: usize, confidence: Confidence) -> Option<Self> {
        (bound > 0.0 && bound.is_finite()).then_some(Self { bound, least, confidence })
    }

    /// The bound, as a share of the median.
    pub fn bound(&self) -> f64 {
        self.bound
    }

    /// The relative half-width that the sample has reached; none where it can't have one yet.
    pub fn reached(&self, sample: &Sample) -> Option<f64> {
        let interval = sample.median_interval(self.confidence)?;
        if interval.low == interval.high {
            return Some(0.0);
        }
        interval.relative_half_width(sample.median())
    }

    /// Whether to stop.
    pub fn is_satisfied(&self, sample: &Sample) -> bool {
        sample.len() >= self.least && self.reached(sample).is_some_and(|width| width <= self.bound)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn rule() -> StoppingRule {
        StoppingRule::new(0.05, 10, Confidence::NINETY_FIVE).unwrap()
    }

    #[test]
    fn too_few_samples_never_satisfy_however_equal_they_are() {
        assert!(!rule().is_satisfied(&Sample::new(vec![1.0; 9]).unwrap()));
        assert!(rule().is_satisfied(&Sample::new(vec![1.0; 10]).unwrap()));
        assert!(rule().is_satisfied(&Sample::new(vec![0.0; 10]).unwrap()));
        let without_least = StoppingRule::new(0.05, 0, Confidence::NINETY_FIVE).unwrap();
        assert!(!without_least.is_satisfied(&Sample::new(vec![1.0; 5]).unwrap()));
    }

    #[test]
    fn the_width_decides() {
        let spread = |step: f64| Sample::new((0..20).map(|index| 100.0 + step * f64::from(index)).collect()).unwrap();
        // Ranks 6 and 15 of 20: a half-width of 4.5 steps.
        assert!(rule().is_satisfied(&spread(1.0)));
        assert!(!rule().is_satisfied(&spread(2.0)));
        assert_eq!(StoppingRule::new(0.0, 5, Confidence::NINETY_FIVE), None);
    }
}
