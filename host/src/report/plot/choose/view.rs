//! A run, as the choice of its plots looks at it.

use std::collections::BTreeSet;

use plotters::style::RGBColor;

use super::super::canvas::Shape;
use super::super::draw::Series;
use super::super::label::shortened;
use super::super::palette::{BLUE, GREEN, PURPLE, SKY, VERMILION};
use crate::report::{Figure, Ratio, RunDetail, RunReport, State};

/// A run with its details.
pub(super) struct View<'a> {
    pub(super) report: &'a RunReport,
    pub(super) detail: &'a RunDetail,
    has_sizes: bool,
}

/// A function with its size.
pub(super) type Workload<'a> = (&'a str, &'a str);

impl<'a> View<'a> {
    pub(super) fn new(report: &'a RunReport, detail: &'a RunDetail) -> Self {
        let mut sizes = report.figures.iter().map(|figure| &figure.size);
        let first = sizes.next();
        View { report, detail, has_sizes: sizes.any(|size| Some(size) != first) }
    }

    /// The experiments, those that people ask for first in front.
    pub(super) fn experiments(&self) -> Vec<&'a str> {
        const FIRST: [&str; 4] = ["time", "memory", "disk-io", "papi"];
        let names: BTreeSet<&str> = self.report.figures.iter().map(|figure| figure.experiment.as_str()).collect();
        let known = FIRST.into_iter().filter(|name| names.contains(name));
        known.chain(names.iter().copied().filter(|name| !FIRST.contains(name))).collect()
    }

    /// A workload's name: without the size where all have the same.
    pub(super) fn name(&self, (function, size): Workload<'_>) -> String {
        if self.has_sizes { format!("{function}/{size}") } else { function.to_owned() }
    }

    /// The figures of one measure that have a value, not those per file.
    pub(super) fn figures(&self, experiment: &str, state: State, measure: &str) -> Vec<&'a Figure> {
        let wanted = |figure: &&Figure| {
            figure.experiment == experiment
                && figure.state == state
                && figure.measure.name == measure
                && figure.measure.file.is_none()
                && figure.median.is_some()
        };
        self.report.figures.iter().filter(wanted).collect()
    }

    /// WASM against native code in one measure.
    pub(super) fn ratios(&self, experiment: &str, state: State, measure: &str) -> Vec<&'a Ratio> {
        let wanted = |ratio: &&Ratio| {
            ratio.experiment == experiment
                && ratio.state == state
                && ratio.measure.name == measure
                && ratio.numerator == "wasm"
        };
        self.report.ratios.iter().filter(wanted).collect()
    }
}

/// The workloads of some figures, each once, in their order.
pub(super) fn workloads<'a>(figures: &[&'a Figure]) -> Vec<Workload<'a>> {
    let mut seen = BTreeSet::new();
    let each = figures.iter().map(|figure| (figure.function.as_str(), figure.size.as_str()));
    each.filter(|workload| seen.insert(*workload)).collect()
}

/// The engines of some figures, each once: native, WASM, then others.
pub(super) fn engines<'a>(figures: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let names: BTreeSet<&str> = figures.into_iter().collect();
    let others = names.iter().copied().filter(|name| !["native", "wasm"].contains(name));
    ["native", "wasm"].into_iter().filter(|name| names.contains(name)).chain(others).collect()
}

/// An engine's name for people.
pub(super) fn engine_name(engine: &str) -> String {
    if engine == "wasm" { "WASM".to_owned() } else { shortened(engine, 30) }
}

/// How an engine is drawn, everywhere alike.
pub(super) fn engine_series(engine: &str, place: usize) -> Series {
    const OTHERS: [(RGBColor, Shape); 3] = [(GREEN, Shape::Triangle), (PURPLE, Shape::Diamond), (SKY, Shape::Circle)];
    let (colour, shape) = match engine {
        "native" => (BLUE, Shape::Circle),
        "wasm" => (VERMILION, Shape::Square),
        "process" => (GREEN, Shape::Triangle),
        "container" => (PURPLE, Shape::Diamond),
        _ => OTHERS[place % OTHERS.len()],
    };
    Series { name: engine_name(engine), colour, shape }
}

/// The first so many, and a sentence where that leaves some out.
pub(super) fn capped<T>(mut items: Vec<T>, most: usize, what: &str) -> (Vec<T>, Option<String>) {
    let all = items.len();
    if all <= most {
        return (items, None);
    }
    items.truncate(most);
    let left_out = all - most;
    (items, Some(format!("Shown: {most} of {all} {what}. The tables have the other {left_out} too.")))
}
