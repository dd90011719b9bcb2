//! Whether the first values differ from the rest: warming up, said and never dropped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::permutation::winsorised;
use super::sample::median_in_place;
use super::{Permutations, Sample, SampleError};

/// Longer series are taken in as many means of neighbours.
const POINTS: usize = 1_000;

/// A first part that differs from the rest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WarmUp {
    /// How many values from the first on differ. They stay in every other figure.
    pub values: usize,
    /// The median of these relative to that of the rest: 0.2 when they are greater by 20 %. None where the rest's
    /// median is zero.
    pub relative_difference: Option<f64>,
    /// How likely chance alone orders the values so.
    pub p_value: f64,
    /// Whether the values settle before the middle of the series. If not, there are too few to tell where they do.
    pub settles: bool,
}

/// Looks for a first part that differs from the rest, in values in the order measured.
///
/// Its end is where the marginal standard error of what follows, `sum (x - mean)^2 / m^2` over m values, is least; at
/// most half of the values belong to it: MSER, K. P. White, Simulation 69 (1997). As that has a least value in any
/// series, a permutation test asks how often chance reduces the error as much. Lonely far values are drawn in before.
///
/// None where there is no such part, or too few values to tell (below 20 at 95 %: a first value that differs is then
/// no wonder; but see [`super::Outliers::first_is_outlier`]).
///
/// # Errors
/// When there are no values, or one isn't finite or beyond 1e100.
pub fn warm_up(in_order: &[f64], permutations: &Permutations) -> Result<Option<WarmUp>, SampleError> {
    let sample = Sample::new(in_order.to_vec())?;
    let n = in_order.len();
    let drawn_in = winsorised(in_order, &sample);
    let length = n.div_ceil(POINTS);
    // About the median, so that sums of squares keep their digits.
    let points: Vec<f64> = drawn_in
        .chunks_exact(length)
        .map(|block| block.iter().map(|value| value - sample.median()).sum::<f64>() / length as f64)
        .collect();
    if sample.min() == sample.max() || 1.0 / n as f64 > 1.0 - permutations.confidence.get() + f64::EPSILON {
        return Ok(None);
    }
    let p_value = permutations.p_value(&points, |order| least_error(order).1);
    let (first, _) = least_error(&points);
    if first == 0 || !permutations.is_small(p_value) {
        return Ok(None);
    }
    let values = first * length;
    let (mut before, mut after) = (in_order[..values].to_vec(), in_order[values..].to_vec());
    let relative = median_in_place(&mut before) / median_in_place(&mut after) - 1.0;
    Ok(Some(WarmUp {
        values,
        relative_difference: Some(relative).filter(|relative| relative.is_finite()),
        p_value,
        settles: first < points.len() / 2,
    }))
}

/// Where the rest has the least error, and by which factor it is less than that of all. Of points that are all equal
/// from there on, the factor is infinite.
fn least_error(points: &[f64]) -> (usize, f64) {
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
    let (mut best, mut least, mut whole) = (0, f64::INFINITY, 0.0);
    for (index, value) in points.iter().enumerate().rev() {
        // B. P. Welford, Technometrics 4 (1962).
        count += 1.0;
        let before = value - sum / f64::max(count - 1.0, 1.0);
        sum += value;
        squares += if count > 1.0 { before * (value - sum / count) } else { 0.0 };
        whole = squares / (count * count);
        if index <= points.len() / 2 && whole <= least {
            (best, least) = (index, whole);
        }
    }
    (best, whole / least)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(step: usize) -> f64 {
        ((step * 7_919) % 101) as f64 / 25.0
    }

    fn found(values: &[f64]) -> Option<WarmUp> {
        warm_up(values, &Permutations::default()).unwrap()
    }

    #[test]
    fn a_slow_start_is_found_with_its_length_and_size() {
        let values: Vec<f64> = (0..100).map(|step| if step < 12 { 130.0 } else { 100.0 } + noise(step)).collect();
        let warm_up = found(&values).unwrap();
        assert_eq!((warm_up.values, warm_up.settles), (12, true));
        assert!((warm_up.relative_difference.unwrap() - 0.3).abs() < 0.03 && warm_up.p_value <= 0.01, "{warm_up:?}");
        let fast: Vec<f64> = values.iter().map(|value| 300.0 - value).collect();
        assert!(found(&fast).unwrap().relative_difference.unwrap() < -0.1);
    }

    #[test]
    fn what_does_not_settle_says_so() {
        let values: Vec<f64> = (0..60).map(|step| 200.0 - 2.0 * step as f64 + noise(step)).collect();
        assert!(!found(&values).unwrap().settles);
    }

    #[test]
    fn steady_few_and_equal_values_have_none() {
        assert_eq!(found(&(7..207).map(noise).collect::<Vec<_>>()), None);
        assert_eq!(found(&[9.0, 1.0, 1.1, 1.2, 1.3]), None);
        assert_eq!(found(&[0.0; 50]), None);
        assert_eq!(warm_up(&[], &Permutations::default()), Err(SampleError::Empty));
    }

    #[test]
    fn values_that_are_equal_after_the_start_are_settled() {
        let values: Vec<f64> = (0..40).map(|step| if step < 5 { 2.0 } else { 1.0 }).collect();
        let warm_up = found(&values).unwrap();
        assert_eq!((warm_up.values, warm_up.relative_difference), (5, Some(1.0)));
    }

    #[test]
    fn a_long_series_is_done_in_blocks() {
        let values: Vec<f64> = (0..20_000).map(|step| if step < 1_000 { 5.0 } else { 0.0 } + noise(step)).collect();
        assert_eq!(found(&values).unwrap().values, 1_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn shift_and_scale_change_nothing(values in prop::collection::vec(0i16..1000, 1..60), shift in 0i16..1000) {
            let plain: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
            let moved: Vec<f64> = plain.iter().map(|value| 2.0 * value + f64::from(shift)).collect();
            let place = |values: &[f64]| found(values).map(|warm_up| (warm_up.values, warm_up.p_value));
            prop_assert_eq!(place(&plain), place(&moved));
        }
    }
}
