//! Means, for what is summed: cost, bytes, energy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::sample::check;
use super::{Confidence, Interval, Method, SampleError};

/// A mean with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mean {
    /// How many values.
    pub n: usize,
    /// Arithmetic mean, in the unit of the values.
    pub mean: f64,
    /// Sample standard deviation (divisor n - 1); none for a single value.
    pub standard_deviation: Option<f64>,
    /// None for a single value.
    pub interval: Option<Interval>,
}

/// The mean with Student's t interval: mean +- t(n-1) s / sqrt(n). "Student", Biometrika 6 (1908).
///
/// It holds for values that are nearly normal, or many; a heavy tail makes it too narrow. Use the median for times.
///
/// # Errors
/// When there are no values, or one isn't finite or beyond 1e100.
pub fn mean(values: &[f64], confidence: Confidence) -> Result<Mean, SampleError> {
    check(values)?;
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n as f64;
    let Some(deviation) = standard_deviation(values, mean) else {
        return Ok(Mean { n, mean, standard_deviation: None, interval: None });
    };
    let half = student_quantile(confidence.upper_tail(), (n - 1) as f64) * deviation / (n as f64).sqrt();
    let interval = Interval {
        low: mean - half,
        high: mean + half,
        confidence: confidence.get(),
        achieved_coverage: None,
        method: Method::Student,
    };
    Ok(Mean { n, mean, standard_deviation: Some(deviation), interval: Some(interval) })
}

/// The sample standard deviation about the given mean (divisor n - 1); none for fewer than two values.
pub(super) fn standard_deviation(values: &[f64], mean: f64) -> Option<f64> {
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

/// The quantile of Student's t distribution; `freedom` > 0 need not be whole. Infinite for arguments outside.
pub(super) fn student_quantile(probability: f64, freedom: f64) -> f64 {
    // Beyond, the two distributions differ by less than the inverse loses in digits.
    if freedom > 1e5 {
        return Normal::standard().inverse_cdf(probability);
    }
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |student| student.inverse_cdf(probability))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_textbook() {
        let found = mean(&[1.0, 2.0, 3.0, 4.0, 5.0], Confidence::NINETY_FIVE).unwrap();
        let interval = found.interval.unwrap();
        // t(4) = 2.776445, s = 1.581139: 3 +- 1.963243.
        assert!((interval.low - 1.036757).abs() < 1e-5 && (interval.high - 4.963243).abs() < 1e-5, "{interval:?}");
    }

    #[test]
    fn quantiles_of_student_are_those_of_the_tables() {
        for (freedom, expected) in [(1.0, 12.706205), (2.0, 4.302653), (9.0, 2.262157), (1e5, 1.95999), (1e7, 1.95996)]
        {
            assert!((student_quantile(0.975, freedom) - expected).abs() < 2e-5, "{freedom}");
        }
    }

    #[test]
    fn one_value_has_a_mean_and_no_interval() {
        let found = mean(&[7.0], Confidence::NINETY_FIVE).unwrap();
        assert_eq!((found.mean, found.interval, found.standard_deviation), (7.0, None, None));
        assert_eq!(mean(&[], Confidence::NINETY_FIVE), Err(SampleError::Empty));
    }
}
