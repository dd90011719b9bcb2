//! Which figures the tables of a report show, and in which order.

use std::collections::BTreeMap;

use super::figure::{Figure, Measure, Ratio, RunReport, State};

/// The measures that tables show, in their order: experiment, measure, label. `--json` has all. Counters and what follows
/// from them are always shown.
const SHOWN: [(&str, &str, &str); 28] = [
    ("time", "wall", "wall"),
    ("time", "cpu-time", "CPU"),
    ("time", "user", "CPU in user mode"),
    ("time", "system", "CPU in the kernel"),
    ("time", "queue", "waiting for an instance"),
    ("time", "in-instance", "in the instance"),
    ("time", "phase:process-start", "process start"),
    ("time", "phase:start-instance", "start of the instance"),
    ("time", "phase:engine", "engine"),
    ("time", "phase:compile", "compile"),
    ("time", "phase:load", "load"),
    ("time", "phase:link", "link"),
    ("time", "phase:instantiate", "instantiate"),
    ("time", "cold-total", "total"),
    ("memory", "peak-rss", "peak RSS"),
    ("memory", "uss-after", "USS"),
    ("memory", "linear-memory-peak", "linear memory peak"),
    ("memory", "group-peak", "peak of the control group"),
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

/// One table: an experiment in one state.
#[derive(Debug)]
pub(super) struct ShownTable<'a> {
    pub(super) experiment: &'static str,
    pub(super) title: &'static str,
    pub(super) rows: Vec<ShownRow<'a>>,
}

/// A measure of a workload where there are values of it.
#[derive(Debug)]
pub(super) struct ShownRow<'a> {
    /// The function with its size.
    pub(super) workload: String,
    pub(super) label: String,
    pub(super) native: Option<&'a Figure>,
    pub(super) wasm: Option<&'a Figure>,
    /// WASM against native code.
    pub(super) ratio: Option<&'a Ratio>,
    /// The platforms' values, each with its ratio to native code in a worker.
    pub(super) others: Vec<(&'a Figure, Option<&'a Ratio>)>,
}

impl<'a> ShownRow<'a> {
    /// The values of every venue, each with its ratio to native code in a worker.
    pub(super) fn venues(&self) -> Vec<(&'a Figure, Option<&'a Ratio>)> {
        let native = self.native.map(|figure| (figure, None));
        let wasm = self.wasm.map(|figure| (figure, self.ratio));
        native.into_iter().chain(wasm).chain(self.others.iter().copied()).collect()
    }
}

impl ShownTable<'_> {
    /// Whether some figure has enough values for a 95th percentile.
    pub(super) fn has_p95(&self) -> bool {
        let figures = self.rows.iter().flat_map(ShownRow::venues);
        figures.into_iter().any(|(figure, _)| figure.p95.is_some())
    }

    /// Whether there are values of platforms: then each venue has a row of its own.
    pub(super) fn has_platforms(&self) -> bool {
        self.rows.iter().any(|row| !row.others.is_empty())
    }
}

/// The tables of a report.
pub(super) fn tables(report: &RunReport) -> Vec<ShownTable<'_>> {
    let mut tables = Vec::new();
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
        tables.push(ShownTable { experiment, title, rows: rows(&figures, &report.ratios) });
    }
    tables
}

/// What tells two rows of one table apart.
type Place<'a> = (&'a str, &'a str, usize, &'a Measure);

fn rows<'a>(figures: &[&'a Figure], ratios: &'a [Ratio]) -> Vec<ShownRow<'a>> {
    // By place: a run may have very many figures.
    let mut by_place: BTreeMap<Place<'a>, Vec<&'a Figure>> = BTreeMap::new();
    let mut all_zero: BTreeMap<(&str, &str), bool> = BTreeMap::new();
    for figure in figures {
        let place = (&*figure.function, &*figure.size, position(figure).unwrap_or(usize::MAX), &figure.measure);
        by_place.entry(place).or_default().push(figure);
        *all_zero.entry((&figure.function, &figure.size)).or_insert(true) &= is_zero(figure);
    }
    type RatioPlace<'p> = (&'p str, &'p str, &'p str, State, &'p Measure, &'p str);
    let ratios: BTreeMap<RatioPlace<'_>, &Ratio> = ratios
        .iter()
        .map(|ratio| {
            let Ratio { experiment, function, size, state, measure, numerator, .. } = ratio;
            ((&**experiment, &**function, &**size, *state, measure, &**numerator), ratio)
        })
        .collect();
    let mut rows = Vec::new();
    for ((function, size, _, measure), figures) in by_place {
        // A function that neither reads nor writes says so in one row.
        let only_zeros = figures.iter().all(|figure| is_zero(figure));
        if only_zeros && !(all_zero.get(&(function, size)) == Some(&true) && measure.name == "read") {
            continue;
        }
        let of = |engine: &str| figures.iter().copied().find(|figure| figure.venue() == engine);
        let (native, wasm) = (of("native"), of("wasm"));
        let Some(any) = figures.first().copied() else { continue };
        let ratio = |venue: &str| ratios.get(&(&*any.experiment, function, size, any.state, measure, venue)).copied();
        let others = figures.iter().filter(|figure| !["native", "wasm"].contains(&figure.venue()));
        rows.push(ShownRow {
            workload: format!("{function}/{size}"),
            label: label(any),
            native,
            wasm,
            ratio: ratio("wasm"),
            others: others.map(|figure| (*figure, ratio(figure.venue()))).collect(),
        });
    }
    rows
}

fn is_zero(figure: &Figure) -> bool {
    figure.max == Some(0.0) && figure.min == Some(0.0)
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
