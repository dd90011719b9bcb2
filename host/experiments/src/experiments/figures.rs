//! Numbers of a finding: as cells of a table, and in words.

use stats::{Bootstrap, Clusters, Confidence, Sample, clustered_median, clustered_ratio_of_medians};

use crate::{Axis, Cell, Column, Point};

/// A column of numbers in this unit.
pub(crate) fn column(name: &str, unit: &str) -> Column {
    Column { name: name.to_owned(), unit: Some(unit.to_owned()) }
}

/// A column of words.
pub(crate) fn words(name: &str) -> Column {
    Column { name: name.to_owned(), unit: None }
}

/// A linear axis.
pub(crate) fn axis(label: &str, unit: &str) -> Axis {
    Axis { label: label.to_owned(), unit: unit.to_owned(), logarithmic: false }
}

/// A logarithmic axis.
pub(crate) fn logarithmic(label: &str, unit: &str) -> Axis {
    Axis { logarithmic: true, ..axis(label, unit) }
}

/// Words in a cell.
pub(crate) fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

/// Nothing in a cell, and why.
pub(crate) fn absent(why: &str) -> Cell {
    Cell::Absent { absent: why.to_owned() }
}

/// A count.
pub(crate) fn count(number: u64) -> Cell {
    Cell::Number(number as f64)
}

/// The median of values that are independent of each other, with its interval.
pub(crate) fn median(values: &[f64]) -> Cell {
    quantile(values, 0.5)
}

/// A quantile of values that are independent of each other, with its interval where there are enough of them.
pub(crate) fn quantile(values: &[f64], probability: f64) -> Cell {
    let Ok(sample) = Sample::new(values.to_vec()) else { return absent("nothing was measured") };
    let interval = sample.quantile_interval(probability, Confidence::NINETY_FIVE);
    // A percentile without an interval is one that so few values can't carry; the median and the greatest value always are.
    let is_of_few = interval.is_none() && probability != 0.5 && probability < 1.0;
    if is_of_few {
        return absent("too few values for this percentile");
    }
    Cell::Estimate {
        value: sample.quantile(probability),
        low: interval.map(|interval| interval.low),
        high: interval.map(|interval| interval.high),
        n: sample.len() as u64,
    }
}

/// Groups from which on their median has an interval: two don't tell how much groups differ.
const GROUPS: usize = 3;

/// The median of values in groups that share what differs from one to the next: rounds, instances. It has an interval where
/// there are three or more.
pub(crate) fn median_of_groups(groups: &[Vec<f64>]) -> Cell {
    let Ok(clusters) = Clusters::new(groups.to_vec()) else { return absent("nothing was measured") };
    let found = clustered_median(&clusters, &Bootstrap::default());
    // What can't be negative isn't for want of groups.
    let least = if clusters.pooled().min() >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
    let interval = found.interval.filter(|_| clusters.processes() >= GROUPS);
    Cell::Estimate {
        value: found.value,
        low: interval.map(|interval| interval.low.max(least)),
        high: interval.map(|interval| interval.high),
        n: found.samples as u64,
    }
}

/// The ratio of the medians of two sides whose values are in groups; with an interval where both have three groups or more.
pub(crate) fn ratio_of_groups(above: &[Vec<f64>], below: &[Vec<f64>]) -> Cell {
    let (Ok(above), Ok(below)) = (Clusters::new(above.to_vec()), Clusters::new(below.to_vec())) else {
        return absent("one side was not measured");
    };
    let is_told = above.processes() >= GROUPS && below.processes() >= GROUPS;
    match clustered_ratio_of_medians(&above, &below, &Bootstrap::default()) {
        None => absent("the other median is zero"),
        Some(found) => estimate(&stats::Estimate { interval: found.interval.filter(|_| is_told), ..found }),
    }
}

/// What a reader must know of intervals that don't look at groups.
pub(crate) const CALLS_AS_INDEPENDENT: &str = "Intervals here take calls as independent of each other. Calls of one round, burst or \
     instance share what differs from one to the next, so the true intervals may be wider.";

/// An estimate as a cell.
pub(crate) fn estimate(estimate: &stats::Estimate) -> Cell {
    Cell::Estimate {
        value: estimate.value,
        low: estimate.interval.map(|interval| interval.low),
        high: estimate.interval.map(|interval| interval.high),
        n: estimate.samples as u64,
    }
}

/// A share of `of`, in per cent, with its 95% interval: E. B. Wilson, JASA 22 (1927).
pub(crate) fn share(successes: u64, of: u64) -> Cell {
    if of == 0 {
        return absent("nothing was measured");
    }
    const Z: f64 = 1.959_964;
    let (n, p) = (of as f64, successes as f64 / of as f64);
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    Cell::Estimate {
        value: 100.0 * p,
        low: Some(100.0 * (middle - half).max(0.0)),
        high: Some(100.0 * (middle + half).min(1.0)),
        n: of,
    }
}

/// A point of a plot at `x` with the cell's number and interval; none for a cell without a number.
pub(crate) fn point(x: f64, cell: &Cell) -> Option<Point> {
    match cell {
        Cell::Estimate { value, low, high, .. } => Some(Point { x, y: *value, low: *low, high: *high }),
        Cell::Number(number) => Some(Point::at(x, *number)),
        Cell::Text(_) | Cell::Absent { .. } => None,
    }
}

/// A cell in a sentence, its numbers written by `number`: `12 ms (95% interval 11 ms to 13 ms, n = 20)`.
pub(crate) fn in_words(cell: &Cell, number: impl Fn(f64) -> String) -> String {
    match cell {
        Cell::Estimate { value, low: Some(low), high: Some(high), n } => {
            format!("{} (95% interval {} to {}, n = {n})", number(*value), number(*low), number(*high))
        }
        // Six independent values have an interval.
        Cell::Estimate { value, n: n @ 6.., .. } => {
            format!("{} (n = {n}, in too few rounds for an interval)", number(*value))
        }
        Cell::Estimate { value, n, .. } => format!("{} (n = {n}, too few for an interval)", number(*value)),
        Cell::Number(value) => number(*value),
        Cell::Text(text) => text.clone(),
        Cell::Absent { absent } => absent.clone(),
    }
}

/// A time for a sentence, from ns.
pub(crate) fn time(ns: f64) -> String {
    match ns.abs() {
        size if size < 1e3 => format!("{ns:.0} ns"),
        size if size < 1e6 => format!("{} us", three_digits(ns / 1e3)),
        size if size < 1e9 => format!("{} ms", three_digits(ns / 1e6)),
        _ => format!("{} s", three_digits(ns / 1e9)),
    }
}

/// A time for a sentence, from s.
pub(crate) fn seconds(seconds: f64) -> String {
    time(seconds * 1e9)
}

/// A number with three digits that count; a whole one without a fraction.
pub(crate) fn digits(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e6 { format!("{number:.0}") } else { three_digits(number) }
}

fn three_digits(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        size if size >= 1.0 => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}

/// A size for a sentence.
pub(crate) fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", digits(bytes as f64 / 1e3)),
        1_000_000..1_000_000_000 => format!("{} MB", digits(bytes as f64 / 1e6)),
        _ => format!("{} GB", digits(bytes as f64 / 1e9)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_wilsons_interval() {
        // 8 of 10: 49.0 to 94.3 per cent.
        let Cell::Estimate { value, low: Some(low), high: Some(high), n } = share(8, 10) else { panic!("no estimate") };
        assert_eq!((value, n), (80.0, 10));
        assert!((low - 49.0).abs() < 0.1 && (high - 94.3).abs() < 0.1, "{low} {high}");
        assert_eq!(share(0, 0), absent("nothing was measured"));
    }

    #[test]
    fn two_groups_have_no_interval_and_no_time_is_negative() {
        let low = |groups: &[Vec<f64>]| match median_of_groups(groups) {
            Cell::Estimate { low, .. } => low,
            other => panic!("{other:?}"),
        };
        assert_eq!(low(&[vec![1.0, 2.0], vec![9.0, 10.0]]), None);
        assert_eq!(low(&[vec![1.0, 2.0], vec![9.0, 10.0], vec![90.0, 99.0]]), Some(0.0));
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            (time(12_340_000.0), time(999.0), seconds(7.0)),
            ("12.3 ms".into(), "999 ns".into(), "7.00 s".into())
        );
        assert_eq!(bytes(2_345_678), "2.35 MB");
        let ten: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!(in_words(&median(&ten), digits), "5.50 (95% interval 2 to 9, n = 10)");
        assert_eq!(in_words(&median(&ten[..3]), digits), "2 (n = 3, too few for an interval)");
        assert_eq!(in_words(&median(&[]), digits), "nothing was measured");
    }
}
