//! Whether values drifted over the time of the measurement.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use super::sample::median_in_place;
use super::{Confidence, Sample, SampleError};

/// Slopes are taken between all pairs of so many points; of more values, between the medians of as many blocks.
const POINTS: usize = 1_000;

/// A trend over values in the order measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    /// How many values.
    pub n: usize,
    /// Kendall's tau, from -1 (always falling) to 1 (always rising): pairs in ascending order less pairs in
    /// descending order, over all pairs.
    pub tau: f64,
    /// The probability of a tau at least as far from 0 without a trend.
    pub p_value: f64,
    /// Whether the p-value is below what the confidence leaves.
    pub is_drift: bool,
    /// The change from the first to the last value, in the unit of the values.
    pub change: f64,
    /// Lower end of that change; none with too few values for an interval.
    pub change_low: Option<f64>,
    /// Upper end of that change; none with too few values for an interval.
    pub change_high: Option<f64>,
    /// The change relative to the median: 0.03 for 3 % more at the end. None where the median is zero.
    pub relative_change: Option<f64>,
}

/// The trend of values in the order measured: the test of H. B. Mann, Econometrica 13 (1945), with the variance for ties
/// of M. G. Kendall, "Rank Correlation Methods" (1975), 4; the slope of H. Theil (1950) with the interval of
/// P. K. Sen, JASA 63 (1968), times the length of the series. Of more than 1,000 values, the slope is that between
/// the medians of 1,000 blocks, and the test is over all.
///
/// It supposes values that don't depend on their neighbours but for the trend. Values of several processes one after
/// the other do: ask it of each process, or of the processes' medians in their order.
///
/// # Errors
/// When there are no values, or one isn't finite or beyond 1e100.
pub fn trend(in_order: &[f64], confidence: Confidence) -> Result<Trend, SampleError> {
    let sample = Sample::new(in_order.to_vec())?;
    let n = in_order.len();
    let (score, variance) = kendall(in_order, &sample);
    let distance = (score.abs() - 1.0).max(0.0);
    let p_value =
        if variance > 0.0 { (2.0 * Normal::standard().cdf(-distance / variance.sqrt())).min(1.0) } else { 1.0 };
    let all = n as f64 * (n as f64 - 1.0) / 2.0;
    let (slope, ends) = theil_sen(in_order, confidence);
    let length = n as f64 - 1.0;
    let change = slope * length;
    Ok(Trend {
        n,
        tau: if n > 1 { score / all } else { 0.0 },
        p_value,
        is_drift: p_value < 1.0 - confidence.get(),
        change,
        change_low: ends.map(|(low, _)| low * length),
        change_high: ends.map(|(_, high)| high * length),
        relative_change: Some(change / sample.median()).filter(|change| change.is_finite()),
    })
}

/// Kendall's score and its variance without a trend.
fn kendall(in_order: &[f64], sample: &Sample) -> (f64, f64) {
    let n = in_order.len() as f64;
    let (mut tied_pairs, mut tied_variance) = (0.0, 0.0);
    for group in sample.sorted().chunk_by(|a, b| a == b) {
        let t = group.len() as f64;
        tied_pairs += t * (t - 1.0) / 2.0;
        tied_variance += t * (t - 1.0) * (2.0 * t + 5.0);
    }
    let descending = descending_pairs(&mut in_order.to_vec(), &mut vec![0.0; in_order.len()]) as f64;
    let score = n * (n - 1.0) / 2.0 - tied_pairs - 2.0 * descending;
    (score, (n * (n - 1.0) * (2.0 * n + 5.0) - tied_variance) / 18.0)
}

/// Sorts, and counts the pairs that were in descending order: W. R. Knight, JASA 61 (1966).
fn descending_pairs(values: &mut [f64], room: &mut [f64]) -> u64 {
    let half = values.len() / 2;
    if half == 0 {
        return 0;
    }
    let (left, right) = values.split_at_mut(half);
    let mut count = descending_pairs(left, &mut room[..half]) + descending_pairs(right, &mut room[half..]);
    let (mut from_left, mut from_right) = (0, 0);
    for place in room.iter_mut() {
        let take_left = from_right == right.len() || (from_left < left.len() && left[from_left] <= right[from_right]);
        if take_left {
            *place = left[from_left];
            from_left += 1;
        } else {
            count += (left.len() - from_left) as u64;
            *place = right[from_right];
            from_right += 1;
        }
    }
    values.copy_from_slice(room);
    count
}

/// The change from one value to the next, and its interval.
fn theil_sen(in_order: &[f64], confidence: Confidence) -> (f64, Option<(f64, f64)>) {
    let n = in_order.len();
    let blocks = n.min(POINTS);
    let points: Vec<f64> = (0..blocks)
        .map(|block| median_in_place(&mut in_order[block * n / blocks..(block + 1) * n / blocks].to_vec()))
        .collect();
    let step = n as f64 / blocks as f64;
    let mut slopes: Vec<f64> = (1..points.len())
        .flat_map(|later| (0..later).map(move |earlier| (earlier, later)))
        .map(|(earlier, later)| (points[later] - points[earlier]) / ((later - earlier) as f64 * step))
        .collect();
    if slopes.is_empty() {
        return (0.0, None);
    }
    slopes.sort_unstable_by(f64::total_cmp);
    let all = slopes.len() as f64;
    let median = if slopes.len() % 2 == 1 {
        slopes[slopes.len() / 2]
    } else {
        let low = slopes[slopes.len() / 2 - 1];
        low + (slopes[slopes.len() / 2] - low) / 2.0
    };
    // The points are finite, as medians of finite values are.
    let variance = Sample::new(points.clone()).map_or(0.0, |sample| kendall(&points, &sample).1);
    let reach = Normal::standard().inverse_cdf(confidence.upper_tail()) * variance.sqrt();
    let (low, high) = (((all - reach) / 2.0).floor(), ((all + reach) / 2.0).ceil());
    let ends = (low >= 0.0 && high < all).then(|| (slopes[low as usize], slopes[high as usize]));
    (median, ends)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const C95: Confidence = Confidence::NINETY_FIVE;

    #[test]
    fn a_rising_series_drifts_by_its_rise() {
        let noisy: Vec<f64> = (0..200).map(|step| 100.0 + 0.05 * f64::from(step) + f64::from(step * 37 % 11)).collect();
        let found = trend(&noisy, C95).unwrap();
        assert!(found.is_drift && found.tau > 0.3, "{found:?}");
        // 199 steps of 0.05.
        assert!(
            (found.change - 9.95).abs() < 1.0 && (found.relative_change.unwrap() - 0.09).abs() < 0.015,
            "{found:?}"
        );
        assert!(found.change_low.unwrap() < 9.95 && 9.95 < found.change_high.unwrap(), "{found:?}");
        let falling: Vec<f64> = noisy.iter().map(|value| -value).collect();
        assert!(trend(&falling, C95).unwrap().change < -8.9);
    }

    #[test]
    fn what_repeats_itself_does_not_drift() {
        let found = trend(&(0..500).map(|step| f64::from(step * 37 % 11)).collect::<Vec<_>>(), C95).unwrap();
        assert!(!found.is_drift && found.change.abs() < 0.5, "{found:?}");
    }

    #[test]
    fn few_and_equal_values_have_no_trend() {
        for values in [vec![5.0], vec![5.0, 6.0], vec![0.0; 40], vec![1.0, 2.0, 3.0]] {
            let found = trend(&values, C95).unwrap();
            assert!(!found.is_drift && found.p_value > 0.05 && found.change.is_finite(), "{found:?}");
        }
        assert_eq!(trend(&[0.0; 9], C95).unwrap().relative_change, None);
        assert_eq!(trend(&[], C95), Err(SampleError::Empty));
    }

    #[test]
    fn a_long_series_is_done_in_blocks() {
        let long: Vec<f64> =
            (0..100_003).map(|step| 1e3 + f64::from(step) * 1e-3 + f64::from(step * 31 % 101)).collect();
        let found = trend(&long, C95).unwrap();
        assert!(found.is_drift && (found.change - 100.0).abs() < 2.0, "{found:?}");
    }

    proptest! {
        #[test]
        fn the_score_counts_pairs(values in prop::collection::vec(0u8..20, 1..60)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let mut score = 0.0;
            for later in 0..values.len() {
                for earlier in 0..later {
                    score += f64::from(i8::from(values[later] > values[earlier]) - i8::from(values[later] < values[earlier]));
                }
            }
            prop_assert_eq!(kendall(&values, &Sample::new(values.clone()).unwrap()).0, score);
        }

        #[test]
        fn a_shift_changes_nothing_and_reversal_turns_it_round(values in prop::collection::vec(0i16..1000, 2..60), shift in -1000i16..1000) {
            let plain: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
            let shifted: Vec<f64> = plain.iter().map(|value| value + f64::from(shift)).collect();
            let reversed: Vec<f64> = plain.iter().rev().copied().collect();
            let [plain, shifted, reversed] = [plain, shifted, reversed].map(|values| trend(&values, C95).unwrap());
            prop_assert!(plain.p_value == shifted.p_value && (plain.change - shifted.change).abs() < 1e-6);
            prop_assert!(plain.p_value == reversed.p_value && (plain.change + reversed.change).abs() < 1e-6);
        }
    }
}
