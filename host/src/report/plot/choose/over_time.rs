//! Readings over time.

use super::super::canvas::Shape;
use super::super::draw::{Drawing, Line, Lines, Series, Span};
use super::super::jitter::thinned;
use super::super::label::{shortened, slug};
use super::super::palette::{GREEN, INK, ORANGE, PURPLE, SKY};
use super::super::picture::{Data, Plot};
use super::Group;
use super::compared::sentence;
use super::view::{View, engine_name, engines};
use crate::report::{TimeSeries, format};

/// How lines are told apart. None has an engine's colour: here each plot is one engine's.
const LOOKS: [(plotters::style::RGBColor, Shape); 5] = [
    (INK, Shape::Circle),
    (GREEN, Shape::Square),
    (PURPLE, Shape::Triangle),
    (ORANGE, Shape::Diamond),
    (SKY, Shape::Circle),
];
const MOST_LINES: usize = LOOKS.len();
const MOST_PLOTS: usize = 48;
const MOST_ROWS: usize = 100;

/// The time series of an experiment, one plot for each workload, engine and unit.
pub(super) fn group(view: &View<'_>, experiment: &str, heading: &str) -> Group {
    let mut group = Group {
        experiment: experiment.to_owned(),
        heading: heading.to_owned(),
        remarks: Vec::new(),
        plots: Vec::new(),
    };
    let mut series: Vec<&TimeSeries> = view
        .detail
        .series
        .iter()
        .filter(|series| series.experiment == experiment && !series.points.is_empty())
        .collect();
    let rank = |series: &TimeSeries| match series.venue() {
        "native" => 0,
        "wasm" => 1,
        _ => 2,
    };
    series.sort_by(|a, b| {
        let key =
            |series: &TimeSeries| (series.function.clone(), series.size.clone(), series.unit.clone(), rank(series));
        key(a).cmp(&key(b))
    });
    let mut left_out = 0;
    for workload in series.chunk_by(|a, b| (&a.function, &a.size, &a.unit) == (&b.function, &b.size, &b.unit)) {
        let up_to = workload
            .iter()
            .flat_map(|one| &one.points)
            .map(|point| point.value)
            .filter(|v| v.is_finite())
            .fold(0.0, f64::max);
        for engine in engines(workload.iter().map(|one| one.venue())) {
            let of_engine: Vec<&TimeSeries> = workload.iter().copied().filter(|one| one.venue() == engine).collect();
            for lines in of_engine.chunks(MOST_LINES) {
                if group.plots.len() < MOST_PLOTS {
                    group.plots.push(plot(view, experiment, lines, up_to));
                } else {
                    left_out += 1;
                }
            }
        }
    }
    if left_out > 0 {
        group.remarks.push(format!(
            "Shown: the first {MOST_PLOTS} of {} plots over time. The readings of all are in the results database.",
            MOST_PLOTS + left_out
        ));
    }
    if let Some((_, all)) =
        series.iter().map(|one| one.process).max_by_key(|process| process.1).filter(|(_, all)| *all > 1)
    {
        group.remarks.push(format!(
            "Each plot shows one process of up to {all}; shaded: from the beginning to the end of an invocation, the first of which is the cold one."
        ));
    } else if !group.plots.is_empty() {
        group.remarks.push(
            "Shaded: from the beginning to the end of an invocation, the first of which is the cold one.".to_owned(),
        );
    }
    group
}

/// What a series is called.
fn name(series: &str) -> String {
    match series {
        "rss" => "RSS".to_owned(),
        "pss" => "PSS".to_owned(),
        "uss" => "USS".to_owned(),
        "linear-memory" => "linear memory".to_owned(),
        other => shortened(other, 40),
    }
}

/// There is at least one series, and all are of one workload, engine and unit.
fn plot(view: &View<'_>, experiment: &str, series: &[&TimeSeries], up_to: f64) -> Plot {
    let first = series[0];
    let (unit, engine) = (first.unit.clone(), engine_name(first.venue()));
    let workload = view.name((&first.function, &first.size));
    let mut data = Data { header: ["series", "since", "value"].map(str::to_owned).to_vec(), rows: Vec::new() };
    let mut lines = Vec::new();
    let mut said = Vec::new();
    for (one, (colour, shape)) in series.iter().zip(LOOKS) {
        let name = name(&one.name);
        let points: Vec<(f64, f64)> = one.points.iter().map(|point| (point.elapsed_ns as f64, point.value)).collect();
        for (elapsed, value) in thinned(&points, MOST_ROWS / series.len()) {
            data.rows.push(vec![name.clone(), format::value(elapsed, "ns"), format::value(value, &unit)]);
        }
        let finite = points.iter().map(|point| point.1).filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = (format::value(low.min(high), &unit), format::value(high, &unit));
        said.push(format!("{name}: from {low} to {high}, {} readings", one.n));
        lines.push(Line { series: Series { name, colour, shape }, points });
    }
    let spans = first
        .repetitions
        .iter()
        .map(|repetition| Span {
            index: repetition.index,
            begin_ns: repetition.begin_ns as f64,
            end_ns: repetition.end_ns.map(|end| end as f64),
        })
        .collect();
    let what = match (experiment, unit.as_str()) {
        ("memory", _) => "memory",
        (_, "bytes") => "bytes",
        _ => "count",
    };
    let drawing = Lines { lines, spans, what: what.to_owned(), unit, up_to };
    Plot {
        name: slug(&format!("{experiment}-over-time-{workload}-{engine}")),
        title: format!("{workload}, {engine}: over time"),
        description: sentence("One process, from its first reading on", &said),
        data,
        drawing: Drawing::Lines(drawing),
    }
}
