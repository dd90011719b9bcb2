//! Numbers as answers, tables and plots show them.

use stats::{Confidence, Interval, Sample};

use crate::{Axis, Cell, Column, Point};

/// A median with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Median {
    pub(crate) value: f64,
    pub(crate) interval: Option<Interval>,
    pub(crate) n: usize,
}

impl Median {
    /// Of numbers; `None` when there are none, or they are no sample.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Median> {
        let sample = Sample::new(values.into_iter().collect()).ok()?;
        let interval = sample.median_interval(Confidence::NINETY_FIVE);
        Some(Median { value: sample.median(), interval, n: sample.len() })
    }

    /// The same with both ends moved apart by an error that no number of samples makes smaller.
    pub(crate) fn widened(self, by: f64) -> Median {
        let interval =
            self.interval.map(|interval| Interval { low: interval.low - by, high: interval.high + by, ..interval });
        Median { interval, ..self }
    }

    pub(crate) fn cell(&self) -> Cell {
        Cell::Estimate {
            value: self.value,
            low: self.interval.map(|interval| interval.low),
            high: self.interval.map(|interval| interval.high),
            n: self.n as u64,
        }
    }

    pub(crate) fn point(&self, x: f64) -> Point {
        let interval = self.interval;
        Point { x, y: self.value, low: interval.map(|ends| ends.low), high: interval.map(|ends| ends.high) }
    }

    /// Of times in ns: `1.2 ms (1.1 ms to 1.3 ms, n = 30)`.
    pub(crate) fn time(&self) -> String {
        let value = time(self.value);
        match self.interval {
            Some(interval) => format!("{value} ({} to {}, n = {})", time(interval.low), time(interval.high), self.n),
            None => format!("{value} (n = {})", self.n),
        }
    }
}

/// The cell of a median, or of why there is none.
pub(crate) fn median_cell(median: Option<&Median>, absent: &str) -> Cell {
    median.map_or_else(|| Cell::Absent { absent: absent.to_owned() }, Median::cell)
}

/// A time in ns, in the unit that keeps three digits readable.
pub(crate) fn time(ns: f64) -> String {
    let (scaled, unit) = match ns.abs() {
        size if size >= 1e9 => (ns / 1e9, "s"),
        size if size >= 1e6 => (ns / 1e6, "ms"),
        size if size >= 1e3 => (ns / 1e3, "us"),
        _ => (ns, "ns"),
    };
    let digits = if scaled.abs() >= 100.0 {
        0
    } else if scaled.abs() >= 10.0 {
        1
    } else {
        2
    };
    format!("{scaled:.digits$} {unit}")
}

/// A number of bytes: `64 KiB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0 => "empty".to_owned(),
        bytes if bytes >= 1 << 20 && bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
        bytes if bytes >= 1 << 10 && bytes % (1 << 10) == 0 => format!("{} KiB", bytes >> 10),
        bytes if bytes >= 1 << 20 => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
        bytes if bytes >= 1 << 10 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        bytes => format!("{bytes} B"),
    }
}

pub(crate) fn column(name: &str, unit: &str) -> Column {
    Column { name: name.to_owned(), unit: (!unit.is_empty()).then(|| unit.to_owned()) }
}

pub(crate) fn axis(label: &str, unit: &str, logarithmic: bool) -> Axis {
    Axis { label: label.to_owned(), unit: unit.to_owned(), logarithmic }
}

pub(crate) fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

pub(crate) fn count(count: usize) -> Cell {
    Cell::Number(count as f64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_readable() {
        for (ns, said) in
            [(0.0, "0.00 ns"), (999.0, "999 ns"), (1_234.0, "1.23 us"), (-12_340_000.0, "-12.3 ms"), (2e9, "2.00 s")]
        {
            assert_eq!(time(ns), said);
        }
        for (bytes, said) in [(0, "empty"), (5, "5 B"), (1 << 14, "16 KiB"), (1 << 20, "1 MiB"), (1_572_865, "1.5 MiB")]
        {
            assert_eq!(size(bytes), said);
        }
    }

    #[test]
    fn a_median_says_its_interval_and_its_n_and_an_error_widens_it() {
        let median = Median::of((1..=9).map(|value| f64::from(value) * 1e6)).unwrap();
        assert_eq!(median.time(), "5.00 ms (2.00 ms to 8.00 ms, n = 9)");
        let widened = median.widened(5e5).interval.unwrap();
        assert_eq!((widened.low, widened.high), (1.5e6, 8.5e6));
        assert_eq!(Median::of([1.0]).unwrap().time(), "1.00 ns (n = 1)");
        assert_eq!(Median::of([]), None);
    }
}
