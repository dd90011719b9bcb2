//! Distributions small enough for a cell of a table.

use super::detail::Distribution;

/// Bars of a sparkline.
const BARS: usize = 12;
/// A bar's heights, from nothing to all of the tallest.
const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Said at the end where the last bar also holds values beyond the scale.
const BEYOND: char = '›';
/// Values above this many times the 95th percentile would squeeze all others into one bar.
const FAR: f64 = 2.0;

/// The scale that the distributions of one row share, so that they can be compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// From the smallest value to the greatest, or to twice the greatest 95th percentile where that is less.
    pub(super) fn of(distributions: &[&Distribution]) -> Option<Scale> {
        let low = distributions.iter().filter_map(|found| found.sorted.first()).copied().reduce(f64::min)?;
        let high = distributions.iter().filter_map(|found| found.sorted.last()).copied().reduce(f64::max)?;
        let usual =
            distributions.iter().filter_map(|found| found.sorted.get(found.sorted.len().saturating_sub(1) * 95 / 100));
        let far = low + usual.copied().reduce(f64::max).map_or(0.0, |usual| (usual - low) * FAR);
        Some(Scale { low, high: if far > low { high.min(far) } else { high } })
    }
}

/// A histogram of the distribution on the scale: `▁▂█▅▂▁▁     ›`.
pub(super) fn sparkline(distribution: &Distribution, scale: Scale) -> String {
    let width = (scale.high - scale.low) / BARS as f64;
    let mut counts = [0_usize; BARS];
    let mut beyond = false;
    for value in &distribution.sorted {
        beyond |= *value > scale.high;
        let bar = if width > 0.0 { ((value - scale.low) / width) as usize } else { 0 };
        counts[bar.min(BARS - 1)] += 1;
    }
    let tallest = counts.iter().copied().max().unwrap_or(0).max(1);
    let bar = |count: usize| match count {
        0 => LEVELS[0],
        // A bar that holds anything is seen.
        count => LEVELS[((count * 8).div_ceil(tallest)).clamp(1, 8)],
    };
    let bars: String = counts.into_iter().map(bar).collect();
    let text = bars.trim_end().to_owned();
    if beyond { format!("{text}{BEYOND}") } else { text }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::report::figure::{Measure, State};

    fn distribution(sorted: Vec<f64>) -> Distribution {
        Distribution {
            experiment: "time".into(),
            function: "function1".into(),
            size: "test".into(),
            engine: "wasm".into(),
            platform: "in-process".into(),
            state: State::Warm,
            measure: Measure { name: "wall".into(), unit: "ns".into(), source: None, instances: None, file: None },
            n: sorted.len(),
            in_order: Vec::new(),
            sorted,
        }
    }

    #[test]
    fn the_shape_is_seen() {
        let two_humps = distribution([vec![1.0; 8], vec![7.0; 4]].concat());
        let scale = Scale::of(&[&two_humps]).unwrap();
        assert_eq!(sparkline(&two_humps, scale), "█          ▄");
    }

    #[test]
    fn a_far_outlier_is_said_and_does_not_squeeze_the_rest() {
        let mut values: Vec<f64> = (0..99).map(|step| 100.0 + f64::from(step)).collect();
        values.push(1e6);
        let found = distribution(values);
        let text = sparkline(&found, Scale::of(&[&found]).unwrap());
        assert!(text.ends_with(BEYOND) && text.chars().filter(|bar| *bar == '█').count() >= 4, "{text}");
    }

    #[test]
    fn equal_values_and_one_value_are_one_bar() {
        for values in [vec![5.0], vec![0.0; 30]] {
            let found = distribution(values);
            assert_eq!(sparkline(&found, Scale::of(&[&found]).unwrap()), "█");
        }
        assert_eq!(Scale::of(&[]), None);
    }
}
