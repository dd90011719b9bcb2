//! Where the level of a series of runs changed.
//!
//! Circular binary segmentation: of all stretches of the series, take the one whose mean differs most from that of the
//! rest, ask a permutation test whether chance orders the values so, and go on within the parts. A. B. Olshen, E. S.
//! Venkatraman, R. Lucito and M. Wigler, Biostatistics 5 (2004). Unlike splitting in two, it sees a level that comes
//! back. Like the energy statistic of MongoDB's detection (D. Daly et al., "The Use of Change Point Detection to Identify
//! Software Performance Regressions in a Continuous Integration System", ICPE 2020) it supposes no distribution;
//! unlike that one it looks at the level only, which is what a regression is. Lonely far values are drawn in before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::permutation::winsorised;
use super::{Bootstrap, Clusters, Estimate, Permutations, Sample, SampleError, clustered_ratio_of_medians};

/// A level holds for at least so many runs: fewer are an outlier.
const SHORTEST: usize = 3;
/// In longer series only their two ends are tried as ends of a stretch, which takes linear time.
const ALL_STRETCHES: usize = 1_000;

/// A change of level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangePoint {
    /// The position from 0 of the first value of the new level.
    pub index: usize,
    /// How likely chance alone orders the values of the part in which it was found so.
    pub p_value: f64,
    /// Median of the values since the change before, in the unit of the values.
    pub before: f64,
    /// Median of the values until the next change.
    pub after: f64,
    /// After over before, each run one independent value. Its interval is that of two levels known in advance; that the
    /// place was chosen where they differ most makes it a little too narrow. None where `before` is zero.
    pub change: Option<Estimate>,
}

/// The changes of level in a series of runs, in their order: one value for each run, such as its median, oldest first.
///
/// In a series without a change, the probability of finding one is at most what the confidence leaves. With changes,
/// each part between them is asked again with the same probability. A level of fewer than three runs isn't found, nor
/// can a series of fewer than about eight be told from chance at 95 %.
///
/// # Errors
/// When there are no values, or one isn't finite or beyond 1e100.
pub fn change_points(series: &[f64], permutations: &Permutations) -> Result<Vec<ChangePoint>, SampleError> {
    Sample::new(series.to_vec())?;
    let mut found = Vec::new();
    segment(series, 0, permutations, &mut found)?;
    found.sort_unstable_by_key(|(index, _)| *index);
    let bounds: Vec<usize> =
        [0].into_iter().chain(found.iter().map(|(index, _)| *index)).chain([series.len()]).collect();
    let level = |from: usize, to: usize| Clusters::new(series[from..to].iter().map(|value| vec![*value]).collect());
    let bootstrap = Bootstrap { confidence: permutations.confidence, ..Bootstrap::default() };
    let points = found.iter().zip(bounds.windows(3)).map(|((index, p_value), bounds)| {
        let (before, after) = (level(bounds[0], bounds[1])?, level(bounds[1], bounds[2])?);
        Ok(ChangePoint {
            index: *index,
            p_value: *p_value,
            before: before.pooled().median(),
            after: after.pooled().median(),
            change: clustered_ratio_of_medians(&after, &before, &bootstrap),
        })
    });
    points.collect()
}

/// Adds the changes within a part of the series that begins at `offset`, with their p-values.
fn segment(
    part: &[f64],
    offset: usize,
    permutations: &Permutations,
    found: &mut Vec<(usize, f64)>,
) -> Result<(), SampleError> {
    if part.len() < 2 * SHORTEST {
        return Ok(());
    }
    let sample = Sample::new(part.to_vec())?;
    if sample.min() == sample.max() {
        return Ok(());
    }
    // About the median and in units of the spread: sums keep their digits, and nothing overflows.
    let drawn_in = winsorised(part, &sample);
    let scale = drawn_in.iter().map(|value| (value - sample.median()).abs()).fold(0.0, f64::max);
    let values: Vec<f64> = drawn_in.iter().map(|value| (value - sample.median()) / scale).collect();
    let p_value = permutations.p_value(&values, |order| most_different(order).2);
    if !permutations.is_small(p_value) {
        return Ok(());
    }
    let (from, to, _) = most_different(&values);
    let mut cuts: Vec<usize> = [from, to].into_iter().filter(|cut| *cut > 0 && *cut < part.len()).collect();
    if cuts.len() == 2 {
        // A stretch inside has two ends, of which one may be there by chance.
        let sides = [(&values[..to], from), (&values[from..], to - from)];
        let p_values = sides.map(|(side, cut)| permutations.p_value(side, |order| difference(order, cut)));
        let sharper = usize::from(p_values[1] < p_values[0]);
        let kept = |end: usize| end == sharper || permutations.is_small(p_values[end]);
        cuts = (0..2).filter(|end| kept(*end)).map(|end| cuts[end]).collect();
    }
    found.extend(cuts.iter().map(|cut| (offset + cut, p_value)));
    let bounds: Vec<usize> = [0].into_iter().chain(cuts).chain([part.len()]).collect();
    for bounds in bounds.windows(2) {
        segment(&part[bounds[0]..bounds[1]], offset + bounds[0], permutations, found)?;
    }
    Ok(())
}

/// The stretch `from..to` whose mean differs most from that of the rest, and by how much: the difference over its
/// standard error, without the standard deviation, which no order changes.
fn most_different(values: &[f64]) -> (usize, usize, f64) {
    let n = values.len();
    let mut sums = Vec::with_capacity(n + 1);
    sums.push(0.0);
    let mut sum = 0.0;
    sums.extend(values.iter().map(|value| {
        sum += value;
        sum
    }));
    let mean = sum / n as f64;
    let mut best = (0, n, f64::NEG_INFINITY);
    let mut consider = |from: usize, to: usize| {
        let length = to - from;
        if length < SHORTEST || n - length < SHORTEST {
            return;
        }
        let length = length as f64;
        let excess = sums[to] - sums[from] - length * mean;
        // The square of what is said above, over n.
        let difference = excess * excess / (length * (n as f64 - length));
        if difference > best.2 {
            best = (from, to, difference);
        }
    };
    // The parts beside the stretch are levels as well, unless they are empty.
    for to in SHORTEST..=n - SHORTEST {
        consider(0, to);
    }
    if n <= ALL_STRETCHES {
        for from in SHORTEST..=n - 2 * SHORTEST {
            for to in from + SHORTEST..=n - SHORTEST {
                consider(from, to);
            }
        }
    }
    best
}

/// How far apart the means before and after a place are.
fn difference(values: &[f64], place: usize) -> f64 {
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    (mean(&values[..place]) - mean(&values[place..])).abs()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NONE: [usize; 0] = [];

    fn noise(step: usize) -> f64 {
        ((step * 7_919 + step * step * 31) % 101) as f64 / 50.0
    }

    fn series(levels: &[(usize, f64)]) -> Vec<f64> {
        let values = levels.iter().flat_map(|(runs, level)| vec![*level; *runs]);
        values.enumerate().map(|(step, level)| level + noise(step)).collect()
    }

    fn found(series: &[f64]) -> Vec<ChangePoint> {
        change_points(series, &Permutations::default()).unwrap()
    }

    fn indices(series: &[f64]) -> Vec<usize> {
        found(series).iter().map(|point| point.index).collect()
    }

    #[test]
    fn a_regression_is_found_with_its_size() {
        let points = found(&series(&[(20, 100.0), (15, 105.0)]));
        assert_eq!(points.len(), 1);
        let (point, change) = (points[0], points[0].change.unwrap());
        assert_eq!(point.index, 20);
        assert!(point.p_value <= 0.01 && (change.value - 1.05).abs() < 0.01, "{point:?}");
        assert!(change.interval.unwrap().low > 1.03 && point.before < 102.0 && point.after > 105.0, "{point:?}");
    }

    #[test]
    fn a_level_that_comes_back_and_a_fresh_one_are_found() {
        assert_eq!(indices(&series(&[(20, 100.0), (6, 110.0), (20, 100.0)])), [20, 26]);
        assert_eq!(indices(&series(&[(30, 100.0), (3, 110.0)])), [30]);
        assert_eq!(indices(&series(&[(15, 100.0), (15, 110.0), (15, 104.0)])), [15, 30]);
    }

    #[test]
    fn steady_short_and_equal_series_have_none() {
        assert_eq!(indices(&series(&[(60, 100.0)])), NONE);
        let mut outlier = series(&[(40, 100.0)]);
        outlier[17] = 1e6;
        assert_eq!(indices(&outlier), NONE);
        assert_eq!(indices(&[0.0; 30]), NONE);
        assert_eq!(indices(&[1.0, 2.0, 9.0]), NONE);
        assert_eq!(change_points(&[], &Permutations::default()), Err(SampleError::Empty));
        assert_eq!(
            change_points(&[1.0, f64::NAN], &Permutations::default()).unwrap_err().to_string(),
            "sample 1 is NaN, not a finite number"
        );
    }

    #[test]
    fn zero_before_has_no_ratio() {
        let zeros: Vec<f64> = (0..20).map(|step| if step < 10 { 0.0 } else { 4.0 }).collect();
        let points = found(&zeros);
        assert_eq!((points.len(), points[0].index, points[0].change, points[0].after), (1, 10, None, 4.0));
    }

    #[test]
    fn a_long_series_is_searched_from_its_ends() {
        assert_eq!(indices(&series(&[(1_500, 100.0), (1_500, 103.0)])), [1_500]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn shift_and_scale_change_nothing(values in prop::collection::vec(0i16..1000, 1..40), shift in 0i16..1000) {
            let plain: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
            let moved: Vec<f64> = plain.iter().map(|value| 2.0 * value + f64::from(shift)).collect();
            prop_assert_eq!(indices(&plain), indices(&moved));
        }
    }
}
