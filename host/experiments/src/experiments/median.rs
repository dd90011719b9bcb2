//! Medians of calls that are independent of each other.

use stats::{Confidence, Interval, Sample};

use super::figures::time;
use crate::{Cell, Point};

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

    /// The same, of times, with both ends moved apart by an error that no number of samples makes smaller; no time is less than
    /// nothing.
    pub(crate) fn widened(self, by: f64) -> Median {
        let widened =
            |interval: Interval| Interval { low: (interval.low - by).max(0.0), high: interval.high + by, ..interval };
        let interval = self.interval.map(widened);
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_median_says_its_interval_and_its_n_and_an_error_widens_it() {
        let median = Median::of((1..=9).map(|value| f64::from(value) * 1e6)).unwrap();
        assert_eq!(median.time(), "5.00 ms (2.00 ms to 8.00 ms, n = 9)");
        let widened = median.widened(5e5).interval.unwrap();
        assert_eq!((widened.low, widened.high), (1.5e6, 8.5e6));
        assert_eq!(median.widened(9e6).interval.unwrap().low, 0.0);
        assert_eq!(Median::of([1.0]).unwrap().time(), "1 ns (n = 1)");
        assert_eq!(Median::of([]), None);
    }
}
