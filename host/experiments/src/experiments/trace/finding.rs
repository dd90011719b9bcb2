//! The answer of `trace`.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use stats::{Confidence, Sample};

use super::TraceReplay;
use super::experiment::{Measured, MeasuredFunction, Replayed};
use super::plan::PlanSummary;
use crate::experiments::figures::{CALLS_AS_INDEPENDENT, axis, column, count, logarithmic, text, time, words};
use crate::experiments::median::{Median, median_cell};
use crate::experiments::plan::measured;
use crate::{Cell, Experiment, Finding, Mark, Outcome, Plot, Point, Series, Table};

/// Points of a curve: more than a screen shows.
const CURVE: usize = 200;
/// Stretches that arrivals are counted in.
const STRETCHES: usize = 60;
/// A greater share of calls that were dropped, or made more than a millisecond late, is the generator's fault.
const GENERATORS_SHARE: f64 = 0.1;
const LATE_NS: u64 = 1_000_000;

pub(super) fn finding(experiment: &TraceReplay, outcomes: &[Outcome]) -> Finding {
    let mut notes = Vec::new();
    let mut sides = BTreeMap::<&str, Measured>::new();
    for (unit, measured) in measured::<Measured>(outcomes, &mut notes) {
        match sides.entry(&unit.target) {
            Entry::Vacant(entry) => drop(entry.insert(measured)),
            // A part of one that was cut.
            Entry::Occupied(mut entry) => entry.get_mut().add(measured),
        }
    }
    for outcome in outcomes.iter().filter(|outcome| outcome.cut.is_some()) {
        if let Some(measured) = sides.get_mut(outcome.unit.target.as_str()) {
            // Nothing was due from then on: its calls alone say how far it came.
            measured.length_s = 0.0;
        }
    }
    let mut table = table();
    let (mut said, mut arrivals, mut added, mut cold) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (target, measured) in &sides {
        let figures = Figures::of(measured);
        table.rows.push(figures.row(target));
        said.push(figures.sentence(target));
        notes.extend(figures.generator(target));
        if arrivals.is_empty() {
            arrivals.push(per_stretch("due", measured, |call| call.due_ns));
        }
        let answered = |call: &Replayed| call.due_ns.saturating_add(call.response_ns);
        arrivals.push(per_stretch(&format!("{target}, ended"), measured, answered));
        added.extend(figures.added_sample.as_ref().map(|sample| Series {
            name: (*target).to_owned(),
            mark: Mark::Step,
            points: curve(sample),
            labels: Vec::new(),
        }));
        cold.push(cold_shares(target, &measured.functions));
    }
    let plan = sides.values().next().map(|measured| measured.plan.clone());
    let mut tables = vec![table];
    if let Some(plan) = plan {
        said.insert(0, format!("{} calls of {}", plan.planned, plan.source));
        notes.extend(plan.notes.iter().cloned());
        if plan.cut > 0 {
            notes.push(format!("{} of {} durations were cut", plan.cut, plan.planned));
        }
        tables.push(plan_table(&plan));
    }
    notes.push(CALLS_AS_INDEPENDENT.to_owned());
    if sides.len() > 1 {
        notes.push(
            "Targets replayed the trace one after another: what changed on the way there meanwhile is in the comparison.".to_owned(),
        );
    }
    notes.push(
        "Response time counts from when a call was due, and what is added is that less the duration that the trace has for it. Calls \
         are made when they are due, whether or not those before were answered. Each function of the trace is a deployment of its \
         own. Of calls of which only the minute is known, the number in the minute is exact and the times are those of a Poisson \
         process with that number (independent and uniform), from the run's seed."
            .to_owned(),
    );
    Finding {
        experiment: experiment.name().to_owned(),
        question: experiment.question().to_owned(),
        answer: if sides.is_empty() { "Nothing was measured.".to_owned() } else { format!("{}.", said.join("; ")) },
        tables,
        plots: vec![
            Plot {
                title: "Calls that were due, and that ended".to_owned(),
                x: axis("time", "s"),
                y: axis("calls", "1/s"),
                series: arrivals,
            },
            Plot {
                title: "Share of calls to which at most so much was added".to_owned(),
                x: logarithmic("response time less the trace's duration", "ns"),
                y: axis("share", "1"),
                series: added,
            },
            Plot {
                title: "Cold share by how often a function is called".to_owned(),
                x: logarithmic("calls of the function", "1"),
                y: axis("cold", "%"),
                series: cold,
            },
        ],
        notes,
    }
}

fn table() -> Table {
    Table {
        title: "The trace replayed".to_owned(),
        columns: vec![
            words("target"),
            column("due", "1"),
            column("answered", "1"),
            words("failed"),
            column("dropped", "1"),
            column("cold", "%"),
            column("instances", "1"),
            column("response, median", "ns"),
            column("response, 95th percentile", "ns"),
            column("response, 99th percentile", "ns"),
            column("added, median", "ns"),
            column("added, 99th percentile", "ns"),
            column("slowdown, median", "1"),
            column("made late, 99th percentile", "ns"),
        ],
        rows: Vec::new(),
    }
}

/// What is made of one target's calls.
struct Figures {
    planned: u64,
    made: usize,
    answered: usize,
    dropped: u64,
    late: usize,
    failures: BTreeMap<String, usize>,
    /// Cold calls, of how many that tell.
    cold: (usize, usize),
    instances: usize,
    response: Option<Sample>,
    added: Option<Median>,
    added_sample: Option<Sample>,
    slowdown: Option<Median>,
    lateness: Option<Sample>,
}

impl Figures {
    fn of(measured: &Measured) -> Figures {
        let all: Vec<&Replayed> = measured.functions.iter().flat_map(|function| &function.calls).collect();
        let good: Vec<&Replayed> = all.iter().copied().filter(|call| call.failure.is_none()).collect();
        let mut failures = BTreeMap::new();
        for kind in all.iter().filter_map(|call| call.failure.clone()) {
            *failures.entry(kind).or_default() += 1;
        }
        let told: Vec<bool> = good.iter().filter_map(|call| call.is_cold).collect();
        let added: Vec<f64> =
            good.iter().map(|call| (i128::from(call.response_ns) - i128::from(call.wanted_ns)) as f64).collect();
        // Of a duration of nothing there is no multiple.
        let slowdowns =
            good.iter().filter(|call| call.wanted_ns > 0).map(|call| call.response_ns as f64 / call.wanted_ns as f64);
        Figures {
            planned: measured.functions.iter().map(|function| function.planned).sum(),
            made: all.len(),
            answered: good.len(),
            dropped: measured.functions.iter().map(|function| function.dropped).sum(),
            late: all.iter().filter(|call| call.late_ns > LATE_NS).count(),
            failures,
            cold: (told.iter().filter(|cold| **cold).count(), told.len()),
            instances: all.iter().filter_map(|call| call.instance.as_ref()).collect::<BTreeSet<_>>().len(),
            response: Sample::new(good.iter().map(|call| call.response_ns as f64).collect()).ok(),
            added: Median::of(added.iter().copied()),
            added_sample: Sample::new(added).ok(),
            slowdown: Median::of(slowdowns),
            lateness: Sample::new(all.iter().map(|call| call.late_ns as f64).collect()).ok(),
        }
    }

    fn row(&self, target: &str) -> Vec<Cell> {
        let none = "no call was answered";
        let failed: Vec<String> = self.failures.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
        let median = self.response.as_ref().and_then(|sample| Median::of(sample.sorted().iter().copied()));
        vec![
            text(target),
            Cell::Number(self.planned as f64),
            count(self.answered as u64),
            text(if failed.is_empty() { "none".to_owned() } else { failed.join(", ") }),
            Cell::Number(self.dropped as f64),
            match self.cold {
                (_, 0) => Cell::Absent { absent: "no answer tells".to_owned() },
                (cold, told) => Cell::Number(100.0 * cold as f64 / told as f64),
            },
            count(self.instances as u64),
            median_cell(median.as_ref(), none),
            percentile(self.response.as_ref(), 0.95),
            percentile(self.response.as_ref(), 0.99),
            median_cell(self.added.as_ref(), none),
            percentile(self.added_sample.as_ref(), 0.99),
            median_cell(self.slowdown.as_ref(), "no duration is more than nothing"),
            percentile(self.lateness.as_ref(), 0.99),
        ]
    }

    fn sentence(&self, target: &str) -> String {
        let Some(added) = self.added else {
            return format!("{target} answered none of {} calls", self.planned);
        };
        let mut said = format!(
            "{target} answered {} of {} calls and added {} to the trace's durations",
            self.answered,
            self.planned,
            added.time()
        );
        let p99 = self.added_sample.as_ref().and_then(|sample| sample.percentile(0.99, Confidence::NINETY_FIVE));
        if let Some(p99) = p99 {
            said.push_str(&format!(", {} at the 99th percentile", time(p99.value)));
        }
        if self.cold.1 > 0 {
            said.push_str(&format!("; {} of {} were cold", self.cold.0, self.cold.1));
        }
        said.push_str(&format!(", {} instances served", self.instances));
        said
    }

    /// When it was rather the generator.
    fn generator(&self, target: &str) -> Option<String> {
        let dropped = self.dropped as f64 > GENERATORS_SHARE * self.planned as f64;
        let late = self.late as f64 > GENERATORS_SHARE * self.made as f64;
        (dropped || late).then(|| {
            format!(
                "{target}: {} of {} calls were dropped, as as many were under way as may be, and {} were made more than 1 ms late: the \
                 load was not the trace's",
                self.dropped, self.planned, self.late
            )
        })
    }
}

fn percentile(sample: Option<&Sample>, probability: f64) -> Cell {
    let found =
        sample.and_then(|sample| Some((sample.percentile(probability, Confidence::NINETY_FIVE)?, sample.len())));
    match found {
        Some((percentile, n)) => Cell::Estimate {
            value: percentile.value,
            low: Some(percentile.interval.low),
            high: Some(percentile.interval.high),
            n: n as u64,
        },
        None => Cell::Absent { absent: "too few samples".to_owned() },
    }
}

fn plan_table(plan: &PlanSummary) -> Table {
    let row = |what: &str, cell: Cell| vec![text(what), cell];
    Table {
        title: "What of the trace is replayed".to_owned(),
        columns: vec![words("what"), words("value")],
        rows: vec![
            row("source", text(&plan.source)),
            row("functions called in the window", count(plan.all_functions as u64)),
            row("calls of those that were picked, in the trace", Cell::Number(plan.calls_in_trace as f64)),
            row("calls made for each of them", Cell::Number(plan.factor)),
            row(
                "calls: Kolmogorov-Smirnov distance of those picked from all",
                Cell::Number(plan.calls_distance.kolmogorov_smirnov),
            ),
            row("calls: Wasserstein distance, powers of ten", finite(plan.calls_distance.wasserstein_decades)),
            row(
                "mean durations: Kolmogorov-Smirnov distance",
                Cell::Number(plan.durations_distance.kolmogorov_smirnov),
            ),
            row(
                "mean durations: Wasserstein distance, powers of ten",
                finite(plan.durations_distance.wasserstein_decades),
            ),
        ],
    }
}

fn finite(value: f64) -> Cell {
    if value.is_finite() {
        Cell::Number(value)
    } else {
        Cell::Absent { absent: "there is nothing to compare".to_owned() }
    }
}

/// Calls per second, counted at a time of theirs.
fn per_stretch(name: &str, measured: &Measured, at_ns: impl Fn(&Replayed) -> u64) -> Series {
    let calls = || measured.functions.iter().flat_map(|function| &function.calls);
    let last_s = calls().map(|call| at_ns(call) as f64 / 1e9).fold(measured.length_s, f64::max);
    let stretch_s = (last_s / STRETCHES as f64).max(1e-3);
    let mut counts = vec![0_u32; STRETCHES + 1];
    for call in calls() {
        let stretch = ((at_ns(call) as f64 / 1e9 / stretch_s) as usize).min(STRETCHES);
        counts[stretch] += 1;
    }
    let points = counts
        .iter()
        .enumerate()
        .map(|(index, count)| Point::at(index as f64 * stretch_s, f64::from(*count) / stretch_s));
    Series { name: name.to_owned(), mark: Mark::Step, points: points.collect(), labels: Vec::new() }
}

fn cold_shares(target: &str, functions: &[MeasuredFunction]) -> Series {
    let mut series = Series { name: target.to_owned(), mark: Mark::Dot, points: Vec::new(), labels: Vec::new() };
    for function in functions {
        let told: Vec<bool> = function.calls.iter().filter_map(|call| call.is_cold).collect();
        if !told.is_empty() {
            let cold = told.iter().filter(|cold| **cold).count() as f64 / told.len() as f64;
            series.points.push(Point::at(function.calls.len() as f64, 100.0 * cold));
            series.labels.push(function.name.clone());
        }
    }
    series
}

/// The empirical distribution, thinned out.
fn curve(sample: &Sample) -> Vec<Point> {
    let sorted = sample.sorted();
    let step = sorted.len().div_ceil(CURVE).max(1);
    let last = sorted.len() - 1;
    let picked = (0..sorted.len()).filter(|index| index % step == 0 || *index == last);
    picked.map(|index| Point::at(sorted[index], (index + 1) as f64 / sorted.len() as f64)).collect()
}
