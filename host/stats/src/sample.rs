//! A set of numbers that statistics may be made of.

use thiserror::Error;

/// Greater values are no measurements, and their squares and ratios would be no numbers.
const GREATEST: f64 = 1e100;

/// Why numbers are no sample.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum SampleError {
    /// There is nothing to describe.
    #[error("no samples")]
    Empty,
    /// NaN or infinite.
    #[error("sample {index} is {value}, not a finite number")]
    NotFinite {
        /// Position from 0 in the order given.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// Beyond 1e100 up or down, which nothing measures.
    #[error("sample {index} is {value:e}, beyond 1e100")]
    TooGreat {
        /// Position from 0 in the order given.
        index: usize,
        /// The value found.
        value: f64,
    },
}

/// Whether statistics may be made of the values.
pub(super) fn check(values: &[f64]) -> Result<(), SampleError> {
    if values.is_empty() {
        return Err(SampleError::Empty);
    }
    // Not a number isn't within either.
    match values.iter().enumerate().find(|(_, value)| !(-GREATEST..=GREATEST).contains(*value)) {
        Some((index, &value)) if value.is_finite() => Err(SampleError::TooGreat { index, value }),
        Some((index, &value)) => Err(SampleError::NotFinite { index, value }),
        None => Ok(()),
    }
}

/// At least one finite number, none beyond 1e100, kept sorted.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    sorted: Vec<f64>,
}

impl Sample {
    /// Checks and sorts.
    ///
    /// # Errors
    /// When there are no values, or one isn't finite or beyond 1e100.
    pub fn new(mut values: Vec<f64>) -> Result<Self, SampleError> {
        check(&values)?;
        values.sort_unstable_by(f64::total_cmp);
        Ok(Self { sorted: values })
    }

    /// The values in ascending order.
    pub fn sorted(&self) -> &[f64] {
        &self.sorted
    }

    /// How many values there are, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "never empty by construction")]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Smallest value.
    pub fn min(&self) -> f64 {
        self.sorted[0]
    }

    /// Greatest value.
    pub fn max(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }

    /// The middle value, or the mean of the two in the middle.
    pub fn median(&self) -> f64 {
        median_of_sorted(&self.sorted)
    }

    /// The quantile at `probability`, which is clamped to 0..=1: linear between order statistics, definition 7 of
    /// R. J. Hyndman and Y. Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996);
    /// the default of R and NumPy.
    pub fn quantile(&self, probability: f64) -> f64 {
        let position = probability.clamp(0.0, 1.0) * (self.sorted.len() - 1) as f64;
        let below = self.sorted[position.floor() as usize];
        let above = self.sorted[position.ceil() as usize];
        below + (above - below) * position.fract()
    }

    /// The median absolute deviation from the median, unscaled (multiply by 1.4826 to estimate a normal
    /// distribution's standard deviation). F. R. Hampel, JASA 69 (1974).
    pub fn median_absolute_deviation(&self) -> f64 {
        let median = self.median();
        let mut deviations: Vec<f64> = self.sorted.iter().map(|value| (value - median).abs()).collect();
        median_in_place(&mut deviations)
    }
}

/// The median of values in ascending order, of which there is at least one.
fn median_of_sorted(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { midpoint(sorted[middle - 1], sorted[middle]) }
}

/// The median of at least one value, in linear time; reorders them.
pub(super) fn median_in_place(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    let odd = values.len() % 2 == 1;
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if odd { upper } else { midpoint(below.iter().copied().fold(f64::NEG_INFINITY, f64::max), upper) }
}

fn midpoint(low: f64, high: f64) -> f64 {
    low + (high - low) / 2.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn median_and_quantiles_agree_with_r() {
        let sample = Sample::new(vec![9.0, 1.0, 3.0, 7.0]).unwrap();
        assert_eq!(sample.median(), 5.0);
        assert_eq!(sample.quantile(0.25), 2.5);
        assert_eq!(sample.quantile(0.95), 8.7);
        assert_eq!(sample.median_absolute_deviation(), 3.0);
    }

    #[test]
    fn what_is_no_number_is_refused_with_its_position() {
        assert_eq!(Sample::new(vec![]), Err(SampleError::Empty));
        let error = Sample::new(vec![1.0, f64::INFINITY]).unwrap_err();
        assert_eq!(error, SampleError::NotFinite { index: 1, value: f64::INFINITY });
    }

    proptest! {
        #[test]
        fn quantiles_rise_and_stay_within_the_values(values in prop::collection::vec(-1e9..1e9f64, 1..80), a in 0.0..=1.0f64, b in 0.0..=1.0f64) {
            let sample = Sample::new(values).unwrap();
            let (low, high) = (sample.quantile(a.min(b)), sample.quantile(a.max(b)));
            prop_assert!(sample.min() <= low && low <= high && high <= sample.max());
            prop_assert_eq!(sample.quantile(0.0), sample.min());
            prop_assert_eq!(sample.quantile(1.0), sample.max());
        }

        #[test]
        fn both_ways_to_a_median_agree(values in prop::collection::vec(-1e9..1e9f64, 1..80)) {
            let sample = Sample::new(values.clone()).unwrap();
            let mut values = values;
            prop_assert_eq!(sample.median(), median_in_place(&mut values));
            prop_assert!((sample.median() - sample.quantile(0.5)).abs() <= 1e-6);
        }

        #[test]
        fn the_deviation_is_blind_to_a_shift_and_scales(values in prop::collection::vec(-1e3..1e3f64, 1..80), shift in -1e3..1e3f64) {
            let plain = Sample::new(values.clone()).unwrap().median_absolute_deviation();
            let moved = Sample::new(values.iter().map(|value| 2.0 * value + shift).collect()).unwrap();
            prop_assert!((moved.median_absolute_deviation() - 2.0 * plain).abs() < 1e-6);
        }
    }
}
