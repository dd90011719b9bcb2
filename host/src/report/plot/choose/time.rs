//! The plots of `time`.

use super::super::canvas::Shape;
use super::super::draw::{Drawing, Phases, Series, Stack};
use super::super::palette::{BLUE, GREEN, ORANGE, PURPLE, SKY};
use super::super::picture::{Data, Plot};
use super::Group;
use super::compared::{Wanted, heat, ratios, sentence, values};
use super::spread;
use super::view::{View, capped, engine_name, engines, workloads};
use crate::report::{Figure, State, format};

/// The phases of a cold start: measure, name.
const PHASES: [(&str, &str); 6] = [
    ("phase:process-start", "process start"),
    ("phase:engine", "engine"),
    ("phase:compile", "compile"),
    ("phase:load", "load"),
    ("phase:instantiate", "link and instantiate"),
    ("wall", "first call"),
];
/// Workloads whose values are drawn one by one.
const MOST_WORKLOADS: usize = 24;

pub(super) fn groups(view: &View<'_>) -> Vec<Group> {
    vec![against(view), cold(view), each(view)]
}

fn group(heading: &str) -> Group {
    Group { experiment: "time".to_owned(), heading: heading.to_owned(), remarks: Vec::new(), plots: Vec::new() }
}

impl Group {
    /// Adds a plot, if there is one, and what it leaves out.
    pub(super) fn add(&mut self, made: Option<(Plot, Option<String>)>) {
        let Some((plot, left_out)) = made else { return };
        if let Some(left_out) = left_out.filter(|left_out| !self.remarks.contains(left_out)) {
            self.remarks.push(left_out);
        }
        self.plots.push(plot);
    }
}

fn against(view: &View<'_>) -> Group {
    let mut group = group("A warm invocation");
    let figures = view.figures("time", State::Warm, "wall");
    group.add(ratios(
        view,
        &view.ratios("time", State::Warm, "wall"),
        &Wanted {
            name: "time-warm-ratio",
            title: "How many times as long WASM takes, warm",
            what: "wall time, WASM / native",
            as_bars: false,
        },
        ("faster", "slower"),
    ));
    group.add(values(
        view,
        &figures,
        &Wanted {
            name: "time-warm",
            title: "Wall time of a warm invocation",
            what: "wall time, median",
            as_bars: false,
        },
    ));
    let by_engine: Vec<(String, Vec<&Figure>)> = engines(figures.iter().map(|figure| figure.venue()))
        .into_iter()
        .map(|engine| {
            (engine_name(engine), figures.iter().copied().filter(|figure| figure.venue() == engine).collect())
        })
        .collect();
    group.add(heat(
        view,
        &by_engine,
        &Wanted { name: "time-warm-heat", title: "Warm: function by engine", what: "", as_bars: false },
    ));
    group
}

fn cold(view: &View<'_>) -> Group {
    let mut group = group("A cold start: a new process");
    let cached = view.figures("time", State::Cold, "cold-total");
    let compiled = view.figures("time", State::ColdCompiled, "cold-total");
    group.add(ratios(
        view,
        &view.ratios("time", State::Cold, "cold-total"),
        &Wanted {
            name: "time-cold-ratio",
            title: "How many times as long WASM takes, cold (compiled code from the cache)",
            what: "cold start in all, WASM / native",
            as_bars: false,
        },
        ("faster", "slower"),
    ));
    let mut columns: Vec<(String, Vec<&Figure>)> = Vec::new();
    for engine in engines(cached.iter().map(|figure| figure.venue())) {
        let of_engine = cached.iter().copied().filter(|figure| figure.venue() == engine).collect();
        columns.push((engine_name(engine), of_engine));
    }
    columns.push(("WASM, compiled on the spot".to_owned(), compiled.clone()));
    group.add(heat(
        view,
        &columns,
        &Wanted { name: "time-cold-heat", title: "Cold start in all: function by engine", what: "", as_bars: false },
    ));
    group.add(phases(view, State::Cold, "time-cold-phases", "Where a cold start goes (compiled code from the cache)"));
    group.add(phases(
        view,
        State::ColdCompiled,
        "time-cold-compiled-phases",
        "Where a cold start goes when the component is compiled on the spot",
    ));
    group
}

/// The phases of each workload and engine. None where none was measured.
fn phases(view: &View<'_>, state: State, name: &str, title: &str) -> Option<(Plot, Option<String>)> {
    let colours = [BLUE, SKY, PURPLE, GREEN, ORANGE, super::super::palette::VERMILION];
    let measured: Vec<Vec<&Figure>> = PHASES.iter().map(|(measure, _)| view.figures("time", state, measure)).collect();
    let linked = view.figures("time", state, "phase:link");
    let totals = view.figures("time", state, "cold-total");
    // Without a phase there is nothing to stack; the first call alone is no cold start.
    if measured[..PHASES.len() - 1].iter().all(Vec::is_empty) {
        return None;
    }
    let all: Vec<&Figure> = measured.iter().flatten().copied().collect();
    let names = engines(all.iter().map(|figure| figure.venue()));
    let (shown, left_out) = capped(workloads(&all), 16, "functions");
    let used: Vec<usize> = (0..PHASES.len()).filter(|place| !measured[*place].is_empty()).collect();
    let series = used
        .iter()
        .map(|place| Series { name: PHASES[*place].1.to_owned(), colour: colours[*place], shape: Shape::Square })
        .collect();
    let mut data = Data { header: vec!["function".to_owned(), "engine".to_owned()], rows: Vec::new() };
    data.header.extend(used.iter().map(|place| PHASES[*place].1.to_owned()));
    data.header.push("in all".to_owned());
    let mut stacks = Vec::new();
    let mut said = Vec::new();
    for workload in shown {
        for engine in &names {
            let of = |figures: &[&Figure]| {
                let found = figures.iter().find(|figure| {
                    figure.venue() == *engine && (figure.function.as_str(), figure.size.as_str()) == workload
                });
                found.and_then(|figure| figure.median.map(|median| median.value))
            };
            let group = view.name(workload);
            let mut parts = Vec::new();
            let mut row = vec![group.clone(), engine_name(engine)];
            for (series, place) in used.iter().enumerate() {
                let value = match (of(&measured[*place]), PHASES[*place].0) {
                    (Some(value), "phase:instantiate") => Some(value + of(&linked).unwrap_or(0.0)),
                    (value, _) => value,
                };
                row.push(value.map_or(String::new(), |value| format::value(value, "ns")));
                if let Some(value) = value {
                    parts.push((series, value, format!("{}: {}", PHASES[*place].1, format::value(value, "ns"))));
                }
            }
            if parts.is_empty() {
                continue;
            }
            let total = of(&totals).map_or(String::new(), |total| format::value(total, "ns"));
            row.push(total.clone());
            data.rows.push(row);
            let each: Vec<&str> = parts.iter().map(|part| part.2.as_str()).collect();
            said.push(format!("{group}, {}: {total}, of which {}", engine_name(engine), each.join(", ")));
            stacks.push(Stack { group, name: engine_name(engine), parts, shown: total });
        }
    }
    let drawing = Phases { stacks, series, what: "wall time, medians of the phases".to_owned(), unit: "ns".to_owned() };
    let plot = Plot {
        name: name.to_owned(),
        title: title.to_owned(),
        description: sentence(
            "The median of each phase; the median of the whole is written beside it, and need not be their sum",
            &said,
        ),
        data,
        drawing: Drawing::Phases(drawing),
    };
    Some((plot, left_out))
}

fn each(view: &View<'_>) -> Group {
    let mut group = group("Each function: every warm value");
    let figures = view.figures("time", State::Warm, "wall");
    let (shown, left_out) = capped(workloads(&figures), MOST_WORKLOADS, "functions");
    group.remarks.extend(left_out);
    for workload in shown {
        group.plots.extend(spread::plots(view, &figures, State::Warm, "wall", workload));
    }
    group
}
