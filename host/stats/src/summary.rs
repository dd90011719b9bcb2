//! One sample described.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Confidence, Interval, Outliers, Sample, SampleError, outlier::outliers};

/// A percentile with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Percentile {
    /// In the unit of the samples.
    pub value: f64,
    /// Always there: a percentile that the samples can't carry isn't given.
    pub interval: Interval,
}

/// A sample described without supposing a distribution. All values are in the unit of the samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// How many values.
    pub n: usize,
    /// Smallest value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
    /// The median.
    pub median: f64,
    /// Its interval; none below six values (at 95 %).
    pub median_interval: Option<Interval>,
    /// The 95th percentile; none below 59 values (at 95 %).
    pub p95: Option<Percentile>,
    /// The 99th percentile; none below 299 values (at 95 %).
    pub p99: Option<Percentile>,
    /// Median absolute deviation from the median, unscaled.
    pub mad: f64,
    /// Which values lie far off; all figures above count them.
    pub outliers: Outliers,
}

/// Describes values in the order in which they were measured.
///
/// # Errors
/// When there are no values, or one isn't finite or beyond 1e100.
pub fn summarise(in_order: &[f64], confidence: Confidence) -> Result<Summary, SampleError> {
    let sample = Sample::new(in_order.to_vec())?;
    Ok(Summary {
        n: sample.len(),
        min: sample.min(),
        max: sample.max(),
        median: sample.median(),
        median_interval: sample.median_interval(confidence),
        p95: sample.percentile(0.95, confidence),
        p99: sample.percentile(0.99, confidence),
        mad: sample.median_absolute_deviation(),
        outliers: outliers(in_order, &sample),
    })
}

impl Sample {
    /// The quantile at `probability` with its interval; none when there are too few samples to carry it:
    /// [`super::samples_needed`] says how many would.
    pub fn percentile(&self, probability: f64, confidence: Confidence) -> Option<Percentile> {
        let interval = self.quantile_interval(probability, confidence)?;
        // The interpolated value may fall a fraction of a rank outside of the ranks: never show that.
        let value = self.quantile(probability).clamp(interval.low, interval.high);
        Some(Percentile { value, interval })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_summary_grows_with_its_samples() {
        let of = |n: u32| summarise(&(1..=n).map(f64::from).collect::<Vec<_>>(), Confidence::NINETY_FIVE).unwrap();
        let given = |n| (of(n).median_interval.is_some(), of(n).p95.is_some(), of(n).p99.is_some());
        assert_eq!(given(1), (false, false, false));
        assert_eq!(given(6), (true, false, false));
        assert_eq!(given(59), (true, true, false));
        assert_eq!(given(299), (true, true, true));
        let summary = of(59);
        assert_eq!((summary.min, summary.median, summary.max, summary.mad), (1.0, 30.0, 59.0, 15.0));
    }

    #[test]
    fn a_summary_survives_json() {
        let summary = summarise(&[3.0, 1.0, 2.0, 5.0, 4.0, 6.0], Confidence::NINETY_FIVE).unwrap();
        let text = serde_json::to_string(&summary).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
    }
}
