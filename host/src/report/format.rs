//! Numbers as people read them.

use crate::stats::{Estimate, Interval};

/// A unit to print in: its name, and how many base units it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    name: &'static str,
    size: f64,
}

const NANOSECONDS: [Scale; 4] = [
    Scale { name: "s", size: 1e9 },
    Scale { name: "ms", size: 1e6 },
    Scale { name: "us", size: 1e3 },
    Scale { name: "ns", size: 1.0 },
];
const BYTES: [Scale; 4] = [
    Scale { name: "GiB", size: 1_073_741_824.0 },
    Scale { name: "MiB", size: 1_048_576.0 },
    Scale { name: "KiB", size: 1_024.0 },
    Scale { name: "B", size: 1.0 },
];
const COUNTS: [Scale; 4] = [
    Scale { name: "G", size: 1e9 },
    Scale { name: "M", size: 1e6 },
    Scale { name: "k", size: 1e3 },
    Scale { name: "", size: 1.0 },
];

fn scale(value: f64, unit: &str) -> Scale {
    let scales: &[Scale] = match unit {
        "ns" => &NANOSECONDS,
        "bytes" => &BYTES,
        _ => &COUNTS,
    };
    // The smallest one where nothing is larger: zero, and fractions.
    scales.iter().copied().find(|scale| value.abs() >= scale.size).unwrap_or(scales[scales.len() - 1])
}

/// Three significant digits at least; whole counts whole.
fn digits(value: f64, whole: bool) -> String {
    let magnitude = value.abs();
    if magnitude >= 100.0 || (whole && value.fract() == 0.0) {
        format!("{value:.0}")
    } else if magnitude >= 10.0 {
        format!("{value:.1}")
    } else if magnitude >= 1.0 || magnitude == 0.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

/// A value in its unit: `1.23 ms`, `4.56 MiB`, `7.89 M`.
pub fn value(value: f64, unit: &str) -> String {
    let scale = scale(value, unit);
    let number = digits(value / scale.size, scale.size == 1.0);
    if scale.name.is_empty() { number } else { format!("{number} {}", scale.name) }
}

/// A value with its interval, both in one unit: `1.23 ms [1.20, 1.27]`. Without an interval the value alone.
pub(super) fn estimate(estimate: &Estimate, unit: &str) -> String {
    let shown = value(estimate.value, unit);
    match estimate.interval {
        Some(Interval { low, high, .. }) => {
            let scale = scale(estimate.value, unit);
            let whole = scale.size == 1.0;
            format!("{shown} [{}, {}]", digits(low / scale.size, whole), digits(high / scale.size, whole))
        }
        None => shown,
    }
}

/// A ratio with its interval: `1.52x [1.49, 1.55]`.
pub fn ratio(estimate: &Estimate) -> String {
    match estimate.interval {
        Some(Interval { low, high, .. }) => format!("{:.2}x [{low:.2}, {high:.2}]", estimate.value),
        None => format!("{:.2}x", estimate.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Method;

    #[test]
    fn values_are_printed_in_the_unit_that_fits() {
        let shown = [
            (1_234_567.0, "ns", "1.23 ms"),
            (999.0, "ns", "999 ns"),
            (0.0, "ns", "0 ns"),
            (12_345_678_901.0, "ns", "12.3 s"),
            (1_536.0, "bytes", "1.50 KiB"),
            (0.0, "bytes", "0 B"),
            (2_500_000.0, "1", "2.50 M"),
            (7.0, "1", "7"),
            (0.456, "1", "0.456"),
        ];
        for (number, unit, expected) in shown {
            assert_eq!(value(number, unit), expected);
        }
    }

    #[test]
    fn an_interval_is_in_the_unit_of_its_value() {
        let interval = Interval {
            low: 900_000.0,
            high: 1_100_000.0,
            confidence: 0.95,
            achieved_coverage: None,
            method: Method::OrderStatistics,
        };
        let with = Estimate { value: 1_000_000.0, interval: Some(interval), samples: 9, processes: None };
        assert_eq!(estimate(&with, "ns"), "1.00 ms [0.900, 1.10]");
        assert_eq!(estimate(&Estimate { interval: None, ..with }, "ns"), "1.00 ms");
    }
}
