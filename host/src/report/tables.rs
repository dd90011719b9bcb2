//! A report as tables for a terminal.

use std::fmt::Write as _;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table, TableComponent};

use super::detail::{Distribution, RunDetail};
use super::figure::{Figure, Measure, Ratio, RunReport, State};
use super::format;
use super::sparkline::{Scale, sparkline};

/// The measures that tables show, in their order: experiment, measure, label. `--json` has all. Counters and what follows
/// from them are always shown.
const SHOWN: [(&str, &str, &str); 24] = [
    ("time", "wall", "wall"),
    ("time", "cpu-time", "CPU"),
    ("time", "user", "CPU in user mode"),
    ("time", "system", "CPU in the kernel"),
    ("time", "phase:process-start", "process start"),
    ("time", "phase:engine", "engine"),
    ("time", "phase:compile", "compile"),
    ("time", "phase:load", "load"),
    ("time", "phase:link", "link"),
    ("time", "phase:instantiate", "instantiate"),
    ("time", "cold-total", "total"),
    ("memory", "peak-rss", "peak RSS"),
    ("memory", "uss-after", "USS"),
    ("memory", "linear-memory-peak", "linear memory peak"),
    ("memory", "minor-faults", "minor faults"),
    ("memory", "total-rss", "RSS of all instances"),
    ("memory", "total-pss", "PSS of all instances"),
    ("disk-io", "read", "read"),
    ("disk-io", "read-calls", "read calls"),
    ("disk-io", "written", "written"),
    ("disk-io", "write-calls", "write calls"),
    ("disk-io", "device-read", "read from the device"),
    ("disk-io", "device-written", "written to the device"),
    ("disk-io", "input-resident-before", "input in memory before"),
];

/// The kernel divides a thread's time into user and system by where its timer ticks fell, one every 1 to 10 ms. Below this
/// median, ns, the division is chance and tables leave it out; the sum is exact at any length.
const DIVIDED_FROM_NS: f64 = 50_000_000.0;

/// What each table's title says.
const TITLES: [(&str, State, &str); 9] = [
    ("time", State::Warm, "time: a warm invocation"),
    ("time", State::Cold, "time: a cold start (a new process; compiled code from the cache)"),
    ("time", State::ColdCompiled, "time: a cold start (a new process; the component compiled on the spot)"),
    ("memory", State::Warm, "memory: during and after a warm invocation"),
    ("memory", State::Cold, "memory: during and after the first invocation"),
    ("disk-io", State::Warm, "disk-io: one warm invocation"),
    ("disk-io", State::Cold, "disk-io: the first invocation"),
    ("papi", State::Warm, "papi: counts of one warm invocation"),
    ("papi", State::Cold, "papi: counts of the first invocation"),
];

/// The answers and the tables of a report, with small distributions where there is a `detail` to draw them from. `width` is
/// the terminal's, `None` when there is none.
pub fn render(report: &RunReport, detail: Option<&RunDetail>, width: Option<u16>) -> String {
    let mut text = String::new();
    for answer in &report.answers {
        // A String takes all that is written to it.
        let _ = writeln!(text, "{}: {}\n{}\n", answer.experiment, answer.question, answer.sentence);
    }
    for (experiment, state, title) in TITLES {
        let figures: Vec<&Figure> = report
            .figures
            .iter()
            .filter(|figure| figure.experiment == experiment && figure.state == state && position(figure).is_some())
            .collect();
        let nothing = figures.iter().all(|figure| figure.median.is_none() && figure.absences.is_empty());
        if nothing || (state == State::Cold && matches!(experiment, "disk-io" | "papi")) {
            continue;
        }
        let _ = writeln!(text, "{title}\n{}\n", table(&figures, &report.ratios, detail, width));
    }
    text.push_str(&failures(report));
    text
}

/// Where a figure stands in its table; `None`: only in `--json`.
fn position(figure: &Figure) -> Option<usize> {
    let measure = &figure.measure;
    if measure.file.is_some() {
        return None;
    }
    let largest = figure.max.unwrap_or(0.0);
    let divided_by_chance = largest < DIVIDED_FROM_NS && matches!(measure.name.as_str(), "user" | "system");
    let alone = measure.instances == Some(1);
    if divided_by_chance || alone {
        return None;
    }
    if figure.experiment == "papi" {
        return (measure.source.is_some() || measure.unit == "1").then_some(0);
    }
    SHOWN.iter().position(|(experiment, name, _)| *experiment == figure.experiment && *name == measure.name)
}

fn label(figure: &Figure) -> String {
    if figure.state != State::Warm && figure.experiment == "time" && figure.measure.name == "wall" {
        return "first call".to_owned();
    }
    let shown = SHOWN
        .iter()
        .find(|(experiment, name, _)| *experiment == figure.experiment && *name == figure.measure.name)
        .map_or(figure.measure.name.as_str(), |(_, _, label)| label);
    match figure.measure.source.as_deref() {
        Some(source @ ("software" | "simulated")) => format!("{shown} ({source})"),
        _ => shown.to_owned(),
    }
}

fn table(figures: &[&Figure], ratios: &[Ratio], detail: Option<&RunDetail>, width: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_style(TableComponent::HeaderLines, '─');
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    let with_p95 = figures.iter().any(|figure| figure.p95.is_some());
    let mut header = vec!["function/size", "measure", "native", "wasm"];
    if with_p95 {
        header.push("p95 native, wasm");
    }
    header.extend(["wasm / native", "n"]);
    if detail.is_some() {
        header.extend(["native", "wasm"]);
    }
    table.set_header(&header);
    for column in 2..header.len() {
        let distribution = detail.is_some() && column + 2 >= header.len();
        if let Some(column) = table.column_mut(column).filter(|_| !distribution) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut rows: Vec<(&str, &str, usize, &Measure)> = Vec::new();
    for figure in figures {
        let row =
            (figure.function.as_str(), figure.size.as_str(), position(figure).unwrap_or(usize::MAX), &figure.measure);
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    // Figures come sorted by function and size; within these the table has its own order.
    rows.sort_by_key(|(function, size, position, _)| {
        (figures.iter().position(|figure| figure.function == *function && figure.size == *size), *position)
    });
    rows.retain(|(function, size, _, measure)| {
        // A function that neither reads nor writes says so in one row.
        let same = |figure: &&&Figure| figure.function == *function && figure.size == *size;
        let of_measure = |figure: &&&Figure| figure.measure == **measure;
        let zero = |figure: &&Figure| figure.max == Some(0.0) && figure.min == Some(0.0);
        let all_zero = figures.iter().filter(same).all(zero);
        !figures.iter().filter(same).filter(of_measure).all(zero) || (all_zero && measure.name == "read")
    });
    let mut previous = None;
    for (function, size, _, measure) in rows {
        let of = |engine: &str| {
            figures.iter().copied().find(|figure| {
                figure.engine == engine
                    && figure.function == function
                    && figure.size == size
                    && figure.measure == *measure
            })
        };
        let (native, wasm) = (of("native"), of("wasm"));
        let Some(any) = native.or(wasm) else { continue };
        let name = format!("{function}/{size}");
        let first = if previous.as_ref() == Some(&name) { String::new() } else { name.clone() };
        previous = Some(name);
        let ratio = ratios
            .iter()
            .find(|ratio| {
                ratio.experiment == any.experiment
                    && ratio.function == function
                    && ratio.size == size
                    && ratio.state == any.state
                    && ratio.measure == *measure
            })
            .map(|ratio| format::ratio(&ratio.ratio));
        let mut cells = vec![first, label(any), median(native), median(wasm)];
        if with_p95 {
            cells.push(p95(native, wasm));
        }
        cells.push(ratio.unwrap_or_default());
        cells.push(counts(native, wasm));
        if let Some(detail) = detail {
            cells.extend(distributions(detail, native, wasm));
        }
        table.add_row(cells);
    }
    table
}

/// Both engines' values on one scale.
fn distributions(detail: &RunDetail, native: Option<&Figure>, wasm: Option<&Figure>) -> [String; 2] {
    let find = |figure: Option<&Figure>| {
        let figure = figure?;
        detail.distributions.iter().find(|found| {
            found.measure == figure.measure
                && found.function == figure.function
                && found.size == figure.size
                && found.engine == figure.engine
                && found.state == figure.state
                && found.experiment == figure.experiment
        })
    };
    let found = [find(native), find(wasm)];
    let all: Vec<&Distribution> = found.into_iter().flatten().collect();
    let Some(scale) = Scale::of(&all) else { return [String::new(), String::new()] };
    found.map(|one| one.map(|one| sparkline(one, scale)).unwrap_or_default())
}

fn median(figure: Option<&Figure>) -> String {
    let Some(figure) = figure else { return String::new() };
    match &figure.median {
        Some(median) => {
            let mark = if figure.multiplexed > 0 { "~" } else { "" };
            format!("{mark}{}", format::estimate(median, &figure.measure.unit))
        }
        None => "-".to_owned(),
    }
}

fn p95(native: Option<&Figure>, wasm: Option<&Figure>) -> String {
    let one = |figure: Option<&Figure>| {
        let figure = figure?;
        Some(figure.p95.map_or("-".to_owned(), |p95| format::value(p95.value, &figure.measure.unit)))
    };
    [one(native), one(wasm)].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn counts(native: Option<&Figure>, wasm: Option<&Figure>) -> String {
    let n = |figure: Option<&Figure>| Some(figure?.median.map_or(0, |median| median.samples));
    match (n(native), n(wasm)) {
        (Some(native), Some(wasm)) if native == wasm => native.to_string(),
        (native, wasm) => [native, wasm].into_iter().flatten().map(|n| n.to_string()).collect::<Vec<_>>().join(", "),
    }
}

fn failures(report: &RunReport) -> String {
    let mut text = String::new();
    for failure in &report.failures {
        let _ = writeln!(
            text,
            "failed: {} of {} {}/{} on {}: {}: {}",
            failure.n,
            failure.experiment,
            failure.function,
            failure.size,
            failure.engine,
            failure.kind,
            failure.message
        );
    }
    text
}
