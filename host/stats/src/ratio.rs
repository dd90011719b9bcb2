//! The ratio of two medians of independent samples.

use super::resamples::{Resamples, ratio_ends};
use super::{Bootstrap, Estimate, Interval, Method, Sample, samples_needed};

/// The median of `numerator` over that of `denominator`, both of independent samples (one process each, or one
/// sample per process), with the percentile interval of a bootstrap of both sides: B. Efron and R. Tibshirani, "An
/// Introduction to the Bootstrap" (1993), 13.3. It is computed, not drawn: only the confidence of `bootstrap` counts.
///
/// None when the denominator's median is zero. The estimate has no interval when a side has fewer samples than a
/// median's interval needs, or when a resample's median isn't positive. For samples out of several processes use
/// [`super::clustered_ratio_of_medians`]: repetitions within a process are not independent.
pub fn ratio_of_medians(numerator: &Sample, denominator: &Sample, bootstrap: &Bootstrap) -> Option<Estimate> {
    let value = finite(numerator.median() / denominator.median())?;
    let samples = numerator.len() + denominator.len();
    let interval = interval(numerator, denominator, bootstrap).map(|found| found.including(value));
    Some(Estimate { value, interval, samples, processes: None })
}

fn interval(above: &Sample, below: &Sample, bootstrap: &Bootstrap) -> Option<Interval> {
    let confidence = bootstrap.confidence;
    if above.len().min(below.len()) < samples_needed(0.5, confidence)? {
        return None;
    }
    let (above, below) = (Resamples::of_median(above)?, Resamples::of_median(below)?);
    let tail = (1.0 - confidence.get()) / 2.0;
    let (low, high) =
        (above.is_positive() && below.is_positive()).then(|| ratio_ends(&above, &below, tail)).flatten()?;
    Some(Interval { low, high, confidence: confidence.get(), achieved_coverage: None, method: Method::Bootstrap })
}

pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::new(values.to_vec()).unwrap()
    }

    #[test]
    fn no_ratio_to_zero_and_no_interval_from_five() {
        let five = sample(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(ratio_of_medians(&five, &sample(&[0.0; 9]), &Bootstrap::default()), None);
        let short = ratio_of_medians(&five, &five, &Bootstrap::default()).unwrap();
        assert_eq!((short.value, short.interval, short.samples), (1.0, None, 10));
    }

    #[test]
    fn a_difference_is_seen() {
        let base: Vec<f64> = (0..40).map(|step| 100.0 + f64::from(step % 7)).collect();
        let slower: Vec<f64> = base.iter().map(|value| value * 1.5).collect();
        let found = ratio_of_medians(&sample(&slower), &sample(&base), &Bootstrap::default()).unwrap();
        let interval = found.interval.unwrap();
        assert_eq!(found.value, 1.5);
        assert!(interval.low > 1.4 && interval.high < 1.6, "{interval:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_common_factor_changes_nothing(values in prop::collection::vec(1.0..1e6f64, 6..40), power in -8i32..8) {
            let bootstrap = Bootstrap { resamples: 200, ..Bootstrap::default() };
            let other: Vec<f64> = values.iter().rev().map(|value| value + 1.0).collect();
            // A power of two scales without rounding.
            let scaled = |values: &[f64]| sample(&values.iter().map(|value| value * 2f64.powi(power)).collect::<Vec<_>>());
            let plain = ratio_of_medians(&sample(&values), &sample(&other), &bootstrap);
            prop_assert_eq!(plain, ratio_of_medians(&scaled(&values), &scaled(&other), &bootstrap));
            prop_assert!(plain.unwrap().interval.unwrap().contains(plain.unwrap().value));
        }
    }
}
