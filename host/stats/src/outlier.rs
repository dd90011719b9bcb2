//! Outliers: named, never dropped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Sample;

/// The modified Z-score, (value - median) / MAD, from which a value is an outlier: 14.826, ten standard deviations
/// of a normal distribution. As in hyperfine (`src/outlier_detection.rs`); the score is that of B. Iglewicz and
/// D. Hoaglin, "How to Detect and Handle Outliers" (1993), without their factor.
pub const MODIFIED_Z_THRESHOLD: f64 = 14.826;

/// Ten standard deviations of a normal distribution as multiples of the mean absolute deviation: 10 sqrt(pi / 2).
const MEAN_DEVIATION_THRESHOLD: f64 = 12.533_141_373_155;

/// Which values lie far off. They stay in every other figure.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Outliers {
    /// Positions from 0 in the order in which the values were measured.
    pub positions: Vec<usize>,
    /// The first value is one of them: warming up, or a cold cache.
    pub first_is_outlier: bool,
}

/// The outliers of values in the order measured; `sample` holds the same values.
///
/// Where more than half of the values are equal the MAD is zero and says nothing: the mean absolute deviation then
/// takes its place (Iglewicz and Hoaglin), with the threshold at ten standard deviations again.
pub(super) fn outliers(in_order: &[f64], sample: &Sample) -> Outliers {
    let median = sample.median();
    let deviation = sample.median_absolute_deviation();
    let limit = if deviation > 0.0 {
        MODIFIED_Z_THRESHOLD * deviation
    } else {
        let mean_deviation = in_order.iter().map(|value| (value - median).abs()).sum::<f64>() / in_order.len() as f64;
        MEAN_DEVIATION_THRESHOLD * mean_deviation
    };
    let far = |value: f64| (value - median).abs() > limit;
    let positions: Vec<usize> =
        in_order.iter().enumerate().filter(|(_, value)| far(**value)).map(|(index, _)| index).collect();
    Outliers { first_is_outlier: positions.first() == Some(&0), positions }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn found(values: &[f64]) -> Outliers {
        outliers(values, &Sample::new(values.to_vec()).unwrap())
    }

    #[test]
    fn a_far_value_is_named_with_its_position() {
        let mut values: Vec<f64> = (0..20).map(|step| 100.0 + f64::from(step % 5)).collect();
        assert_eq!(found(&values), Outliers::default());
        values[7] = 900.0;
        assert_eq!(found(&values), Outliers { positions: vec![7], first_is_outlier: false });
    }

    #[test]
    fn a_slow_first_value_is_said_to_be_the_first() {
        let values: Vec<f64> = (0..20).map(|step| if step == 0 { 500.0 } else { 10.0 + f64::from(step) }).collect();
        assert!(found(&values).first_is_outlier);
    }

    #[test]
    fn where_half_are_equal_only_a_lonely_far_value_is_named() {
        let mut equal = vec![5.0; 30];
        assert_eq!(found(&equal), Outliers::default());
        equal[29] = 6.0;
        assert_eq!(found(&equal).positions, [29]);
        let two_levels: Vec<f64> = (0..31).map(|step| if step < 18 { 5.0 } else { 9.0 }).collect();
        assert_eq!(found(&two_levels), Outliers::default());
    }
}
