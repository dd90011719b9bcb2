//! The plots of `papi`.

use std::collections::BTreeSet;

use super::super::label::shortened;
use super::Group;
use super::compared::{Wanted, values};
use super::over_time;
use super::view::View;
use crate::report::{Figure, Measure, State};

/// More plots than this are a list; the tables are better at that.
const MOST_PLOTS: usize = 16;

/// What counters count, of those whose name does not say it to everyone.
const NAMES: [(&str, &str); 18] = [
    ("ipc", "instructions per cycle"),
    ("stalls_per_cycle", "share of cycles without a completed instruction"),
    ("cpu_utilisation", "CPU time / wall time"),
    ("task-clock", "CPU time, by the kernel's task clock"),
    ("cpu-clock", "CPU time, by the kernel's CPU clock"),
    ("page-faults", "page faults"),
    ("context-switches", "context switches"),
    ("cpu-migrations", "moves to another CPU"),
    ("TOT_INS", "instructions (TOT_INS)"),
    ("TOT_CYC", "cycles (TOT_CYC)"),
    ("LST_INS", "loads and stores (LST_INS)"),
    ("BR_INS", "branches (BR_INS)"),
    ("BR_MSP", "mispredicted branches (BR_MSP)"),
    ("L1_DCM", "level 1 data cache misses (L1_DCM)"),
    ("L1_ICM", "level 1 instruction cache misses (L1_ICM)"),
    ("L2_TCM", "level 2 cache misses (L2_TCM)"),
    ("L3_TCM", "level 3 cache misses (L3_TCM)"),
    ("STL_ICY", "cycles without an issued instruction (STL_ICY)"),
];

pub(super) fn groups(view: &View<'_>) -> Vec<Group> {
    let mut group = Group {
        experiment: "papi".to_owned(),
        heading: "Counts of a warm invocation".to_owned(),
        remarks: Vec::new(),
        plots: Vec::new(),
    };
    let warm: Vec<&Figure> = view
        .report
        .figures
        .iter()
        .filter(|figure| figure.experiment == "papi" && figure.state == State::Warm && figure.measure.file.is_none())
        .collect();
    let is_of_processor = |figure: &&Figure| {
        figure.median.is_some() && matches!(figure.measure.source.as_deref(), Some("hardware" | "raw" | "simulated"))
    };
    if !warm.is_empty() && !warm.iter().any(is_of_processor) {
        group.remarks.push(without_hardware(view));
    }
    let mut measures: Vec<&Measure> =
        warm.iter().map(|figure| &figure.measure).collect::<BTreeSet<_>>().into_iter().collect();
    measures.sort_by_key(|measure| rank(measure));
    let (mut zero, mut left_out) = (Vec::new(), 0);
    for measure in measures {
        let figures: Vec<&Figure> =
            warm.iter().copied().filter(|figure| figure.measure == *measure && figure.median.is_some()).collect();
        if figures.is_empty() {
            continue;
        }
        let name = name(measure);
        if figures.iter().all(|figure| figure.max == Some(0.0) && figure.min == Some(0.0)) {
            zero.push(name);
            continue;
        }
        if group.plots.len() >= MOST_PLOTS {
            left_out += 1;
            continue;
        }
        let source = measure.source.as_deref().map(|source| format!(", {source}")).unwrap_or_default();
        let title = format!("{}{source}", capital(&name));
        let wanted = Wanted {
            name: &format!("papi-{}", measure.name),
            title: &title,
            what: &format!("{name}, median"),
            as_bars: true,
        };
        group.add(values(view, &figures, &wanted));
    }
    if !zero.is_empty() {
        group.remarks.push(format!("Zero in every invocation, so not drawn: {}.", zero.join(", ")));
    }
    if left_out > 0 {
        group.remarks.push(format!("Shown: {MOST_PLOTS} of {} measures. The tables have all.", MOST_PLOTS + left_out));
    }
    vec![group, over_time::group(view, "papi", "Over an invocation")]
}

/// Derived ones first, then the processor's, then the kernel's.
fn rank(measure: &Measure) -> (u8, usize) {
    let known = NAMES.iter().position(|(name, _)| *name == measure.name).unwrap_or(NAMES.len());
    match measure.source.as_deref() {
        None => (0, known),
        Some("software") => (2, known),
        Some(_) => (1, known),
    }
}

fn name(measure: &Measure) -> String {
    let known = NAMES.iter().find(|(name, _)| *name == measure.name);
    known.map_or_else(|| shortened(&measure.name, 60).replace('_', " "), |(_, name)| (*name).to_owned())
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

fn without_hardware(view: &View<'_>) -> String {
    let reason = view.report.notes.iter().find_map(|note| note.strip_prefix("papi: no hardware counters here"));
    match reason {
        Some(reason) => {
            format!("There were no hardware counters on this machine{}. What follows was counted by the kernel.", {
                // The reason in brackets; what to do about it is among the notes.
                let inner = reason.trim().trim_start_matches('(');
                let first = inner.split(['.', ';']).next().unwrap_or_default().trim().trim_end_matches(')');
                if first.is_empty() { String::new() } else { format!(": {}", shortened(first, 300)) }
            })
        }
        None => "No hardware counter was read in this run. What follows was counted by the kernel.".to_owned(),
    }
}
