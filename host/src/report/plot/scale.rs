//! Axes: their range, their ticks, and where a value lies on them.

/// What an axis should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// From zero: lengths are compared.
    FromZero,
    /// As narrow as the values are.
    Narrow,
    /// Logarithmic where all values are positive and far apart, else from zero.
    Wide,
    /// Logarithmic where all values are positive, with 1 in it: ratios.
    Ratio,
}

/// One axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// Of which the ticks are multiples; empty where the ticks say it themselves.
    pub(super) unit: &'static str,
    /// Values and their labels, in rising order, all within the range.
    pub(super) ticks: Vec<(f64, String)>,
    is_logarithmic: bool,
    low: f64,
    high: f64,
}

/// From this ratio of the greatest to the smallest value on, a linear axis would hide the small ones.
const FAR_APART: f64 = 12.0;

/// Below this, factors between values overflow: such a value is as good as zero.
const SMALLEST: f64 = 1e-150;

/// Whether a value can be placed: finite, and not so large that differences overflow.
pub(super) fn is_drawable(value: f64) -> bool {
    value.is_finite() && value.abs() < 1e150
}

impl Axis {
    /// An axis for these values, of which undrawable ones are passed over, with about so many ticks.
    pub(super) fn fit(values: impl IntoIterator<Item = f64>, unit: &str, wish: Wish, about: usize) -> Axis {
        let mut range: Option<(f64, f64)> = None;
        for value in values.into_iter().filter(|value| is_drawable(*value)) {
            range = Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
        }
        let (low, high) = range.unwrap_or((0.0, 1.0));
        let is_logarithmic = match wish {
            Wish::FromZero | Wish::Narrow => false,
            Wish::Wide => low > SMALLEST && high / low > FAR_APART,
            Wish::Ratio => low > SMALLEST,
        };
        match (is_logarithmic, wish) {
            (true, Wish::Ratio) => Axis::logarithmic(low.min(1.0), high.max(1.0), unit, about),
            (true, _) => Axis::logarithmic(low, high, unit, about),
            (false, Wish::Narrow) => Axis::linear(low, high, unit, about, false),
            (false, _) => Axis::linear(low.min(0.0), high.max(0.0), unit, about, true),
        }
    }

    fn linear(low: f64, high: f64, unit: &str, about: usize, keeps_zero: bool) -> Axis {
        let (mut low, mut high) = (low, high);
        if high <= low {
            let room = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            (low, high) = if keeps_zero { (low, low + room) } else { (low - room, high + room) };
        } else if !keeps_zero {
            let room = (high - low) * 0.04;
            (low, high) = (low - room, high + room);
        } else {
            let room = (high - low) * 0.04;
            (low, high) = (if low < 0.0 { low - room } else { low }, if high > 0.0 { high + room } else { high });
        }
        let (name, size) = scale(low.abs().max(high.abs()), unit);
        let step = nice((high - low) / size / about.max(1) as f64);
        let first = (low / size / step).ceil() as i64;
        let last = (high / size / step).floor() as i64;
        let decimals = decimals(step);
        let suffix = suffix(unit);
        let ticks = (first..=last.min(first.saturating_add(40)))
            .map(|index| {
                let shown = index as f64 * step;
                (shown * size, format!("{shown:.decimals$}{suffix}"))
            })
            .collect();
        Axis { unit: name, ticks, is_logarithmic: false, low, high }
    }

    fn logarithmic(low: f64, high: f64, unit: &str, about: usize) -> Axis {
        let room = (high / low).powf(0.04).max(1.02);
        let (low, high) = (low / room, high * room);
        let decades = (high / low).log10();
        let mut axis = Axis { unit: "", ticks: Vec::new(), is_logarithmic: true, low, high };
        if decades < 0.5 {
            // So narrow that it is nearly linear, and so are its ticks.
            axis.ticks = Axis::linear(low, high, unit, about, false).ticks;
            axis.ticks.retain(|(value, _)| low <= *value && *value <= high);
            axis.unit = scale(high, unit).0;
            return axis;
        }
        let multiples: &[f64] = if decades <= 1.3 {
            &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0]
        } else if decades * 3.0 <= about as f64 + 1.0 {
            &[1.0, 2.0, 5.0]
        } else if decades * 2.0 <= about as f64 + 1.0 {
            &[1.0, 3.0]
        } else {
            &[1.0]
        };
        let stride = (decades / about.max(1) as f64).ceil().max(1.0) as i32;
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        for decade in (first..=last).filter(|decade| decade.rem_euclid(stride) == 0) {
            for multiple in multiples {
                let value = multiple * 10f64.powi(decade);
                if low <= value && value <= high {
                    axis.ticks.push((value, short(value, unit)));
                }
            }
        }
        axis
    }

    /// Where a value lies between two pixels; the nearer end for one outside of the range.
    pub(super) fn at(&self, value: f64, from: f64, to: f64) -> f64 {
        let share = if self.is_logarithmic {
            if value <= 0.0 { 0.0 } else { (value / self.low).ln() / (self.high / self.low).ln() }
        } else {
            (value - self.low) / (self.high - self.low)
        };
        from + (to - from) * if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// Where bars begin: zero, or the left end of an axis that has none.
    pub(super) fn base(&self) -> f64 {
        if self.is_logarithmic { self.low } else { 0.0_f64.clamp(self.low, self.high) }
    }

    /// Whether steps are factors.
    pub(super) fn is_logarithmic(&self) -> bool {
        self.is_logarithmic
    }

    /// The axis' title: what it shows, with the unit of its ticks.
    pub(super) fn title(&self, what: &str) -> String {
        let kind = if self.is_logarithmic { ", logarithmic" } else { "" };
        match self.unit {
            "" => format!("{what}{kind}"),
            unit => format!("{what} ({unit}{kind})"),
        }
    }
}

/// The unit that fits a value: its name and how many base units it holds.
fn scale(largest: f64, unit: &str) -> (&'static str, f64) {
    let scales: &[(&str, f64)] = match unit {
        "ns" => &[("s", 1e9), ("ms", 1e6), ("us", 1e3), ("ns", 1.0)],
        "bytes" => &[("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0), ("KiB", 1_024.0), ("B", 1.0)],
        "ratio" | "share" => &[("", 1.0)],
        _ => &[("thousand millions", 1e9), ("millions", 1e6), ("thousands", 1e3), ("", 1.0)],
    };
    // A third more than one: an axis to 1.2 ms reads better in us.
    let fits = |scale: &&(&'static str, f64)| largest >= 1.3 * scale.1;
    scales.iter().find(fits).or(scales.last()).copied().unwrap_or(("", 1.0))
}

/// What follows each tick of a linear axis.
fn suffix(unit: &str) -> &'static str {
    if unit == "ratio" { "x" } else { "" }
}

/// A round value with its own unit, for logarithmic ticks.
fn short(value: f64, unit: &str) -> String {
    if matches!(unit, "ratio" | "share") {
        return format!("{}{}", trimmed(value), suffix(unit));
    }
    let (name, size) = match unit {
        "ns" | "bytes" => scale(value * 1.3, unit),
        _ if value >= 1e9 => ("G", 1e9),
        _ if value >= 1e6 => ("M", 1e6),
        _ if value >= 1e3 => ("k", 1e3),
        _ => ("", 1.0),
    };
    let shown = trimmed(value / size);
    if name.is_empty() { shown } else { format!("{shown} {name}") }
}

/// Three significant digits without trailing zeros.
fn trimmed(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e6).contains(&value.abs()) {
        return format!("{value:.0e}");
    }
    let decimals = (2 - value.abs().log10().floor() as i32).max(0) as usize;
    let shown = format!("{value:.decimals$}");
    if shown.contains('.') { shown.trim_end_matches('0').trim_end_matches('.').to_owned() } else { shown }
}

/// The next of 1, 2, 2.5, 5 times a power of ten.
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.max(f64::MIN_POSITIVE).log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|nice| *nice >= step * 0.999).unwrap_or(step)
}

/// How many decimals tell steps apart.
fn decimals(step: f64) -> usize {
    (0..9)
        .find(|decimals| {
            ((step * 10f64.powi(*decimals)).fract()).min(1.0 - (step * 10f64.powi(*decimals)).fract()) < 1e-6
        })
        .unwrap_or(9) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_in_the_unit_that_fits() {
        let axis = Axis::fit([8_640_000.0, 4_100_000.0], "ns", Wish::FromZero, 5);
        assert_eq!((axis.unit, labels(&axis)), ("ms", vec!["0", "2", "4", "6", "8"]));
        let axis = Axis::fit([15_376_384.0], "bytes", Wish::FromZero, 4);
        assert_eq!((axis.unit, labels(&axis)), ("MiB", vec!["0", "5", "10", "15"]));
        let axis = Axis::fit([26_459.0, 8_640_537.0], "ns", Wish::Wide, 5);
        assert_eq!(labels(&axis), ["30 us", "100 us", "300 us", "1 ms", "3 ms", "10 ms"]);
    }

    #[test]
    fn a_ratio_axis_has_one_in_it() {
        let axis = Axis::fit([1.2, 1.6], "ratio", Wish::Ratio, 5);
        assert_eq!(labels(&axis), ["1.0x", "1.2x", "1.4x", "1.6x"]);
        let axis = Axis::fit([0.5, 9.0], "ratio", Wish::Ratio, 5);
        assert!(axis.is_logarithmic() && labels(&axis).contains(&"1x"), "{axis:?}");
    }

    #[test]
    fn a_zero_makes_an_axis_linear() {
        assert!(!Axis::fit([0.0, 1e9], "1", Wish::Wide, 5).is_logarithmic());
        assert!(!Axis::fit([-1.0, 1e9], "1", Wish::Ratio, 5).is_logarithmic());
    }

    #[test]
    fn nothing_and_one_value_have_an_axis() {
        for wish in [Wish::FromZero, Wish::Narrow, Wish::Wide, Wish::Ratio] {
            for values in [vec![], vec![0.0], vec![7.0, 7.0], vec![-3.0], vec![f64::NAN, f64::INFINITY], vec![1e-320]] {
                let axis = Axis::fit(values.clone(), "1", wish, 5);
                let at = axis.at(values.first().copied().unwrap_or(0.0), 10.0, 110.0);
                assert!((10.0..=110.0).contains(&at), "{wish:?} {values:?} {at} {axis:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_value_lies_on_its_axis_in_order(
            values in prop::collection::vec(prop_oneof![-1e12..1e12f64, 0.0..10.0f64, Just(0.0)], 1..20),
            wish in prop::sample::select(vec![Wish::FromZero, Wish::Narrow, Wish::Wide, Wish::Ratio]),
            unit in prop::sample::select(vec!["ns", "bytes", "1", "ratio", "share"]),
        ) {
            let axis = Axis::fit(values.iter().copied(), unit, wish, 5);
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let places: Vec<f64> = sorted.iter().map(|value| axis.at(*value, 0.0, 100.0)).collect();
            prop_assert!(places.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!(axis.ticks.len() <= 14, "{:?}", axis);
            prop_assert!(axis.ticks.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let mut labels: Vec<&String> = axis.ticks.iter().map(|(_, label)| label).collect();
            labels.dedup();
            prop_assert_eq!(labels.len(), axis.ticks.len(), "labels differ: {:?}", axis);
        }
    }
}
