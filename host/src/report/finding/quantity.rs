//! Numbers of findings as people read them.

use experiments::Cell;

use crate::report::format;

/// A value in the base unit of its kind, with that unit's name: times in ns.
pub(in crate::report) fn in_base_unit(value: f64, unit: &str) -> (f64, &str) {
    match unit {
        "s" => (value * 1e9, "ns"),
        "ms" => (value * 1e6, "ns"),
        "us" => (value * 1e3, "ns"),
        other => (value, other),
    }
}

/// A value in its unit: `1.23 ms`, `4.56 MiB`, `12.3%`, `0.0004 USD`.
pub(in crate::report) fn shown(value: f64, unit: &str) -> String {
    let (value, unit) = in_base_unit(value, unit);
    match unit {
        "ns" | "bytes" | "1" | "" => format::value(value, unit),
        "%" => format!("{}%", significant(value)),
        unit => format!("{} {unit}", significant(value)),
    }
}

/// Three significant digits without an exponent for what people read without one.
fn significant(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || (value.fract() == 0.0 && magnitude < 1e6) {
        return format!("{value:.0}");
    }
    if !(1e-6..1e9).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    let decimals = (2 - magnitude.log10().floor() as i32).max(0) as usize;
    format!("{value:.decimals$}")
}

/// A table's cell: a value with its interval and n, a number, words, or a dash.
pub(in crate::report) fn cell(cell: &Cell, unit: Option<&str>) -> String {
    let unit = unit.unwrap_or("1");
    match cell {
        Cell::Estimate { value, low, high, n } => {
            let interval = match (low, high) {
                (Some(low), Some(high)) => format!(" [{}, {}]", shown(*low, unit), shown(*high, unit)),
                (Some(low), None) => format!(" [{}, ∞)", shown(*low, unit)),
                (None, Some(high)) => format!(" (-∞, {}]", shown(*high, unit)),
                (None, None) => String::new(),
            };
            format!("{}{interval}, n = {n}", shown(*value, unit))
        }
        Cell::Number(value) => shown(*value, unit),
        Cell::Text(text) => text.clone(),
        Cell::Absent { .. } => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_in_the_unit_that_fits() {
        let cases = [
            (0.00123, "s", "1.23 ms"),
            (7.0, "s", "7.00 s"),
            (1_500.0, "us", "1.50 ms"),
            (12.345, "%", "12.3%"),
            (0.000_000_2, "USD", "2.00e-7 USD"),
            (0.001_234, "USD", "0.00123 USD"),
            (250.0, "1/s", "250 1/s"),
            (3.0, "1", "3"),
        ];
        for (value, unit, expected) in cases {
            assert_eq!(shown(value, unit), expected);
        }
    }

    #[test]
    fn a_cell_says_its_interval_and_how_many_values_it_rests_on() {
        let estimate = Cell::Estimate { value: 2.0, low: Some(1.0), high: Some(3.0), n: 9 };
        assert_eq!(cell(&estimate, Some("s")), "2.00 s [1.00 s, 3.00 s], n = 9");
        assert_eq!(cell(&Cell::Absent { absent: "why".to_owned() }, None), "–");
    }
}
