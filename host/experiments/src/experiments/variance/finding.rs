//! The answer: the level over time, its drift, its changes.

use std::collections::BTreeMap;

use stats::{ChangePoint, Confidence, Permutations, Sample, Trend, change_points, trend};

use super::super::figures::{absent, axis, column, count, digits, estimate, median, point, text, time, words};
use super::super::plan;
use super::super::tally::Tally;
use super::experiment::{Measured, Variance};
use crate::{Cell, Finding, Mark, Outcome, Plot, Series, Table};

/// The intervals of one function on one target, in their order.
#[derive(Default)]
struct Group {
    intervals: Vec<(u32, Measured)>,
    tally: Tally,
}

/// What statistics say of a series.
struct Read {
    /// Unix time and median of each interval that has one, ns.
    medians: Vec<(u64, f64)>,
    trend: Option<Trend>,
    changes: Vec<ChangePoint>,
}

impl Group {
    fn read(&self) -> Read {
        let medians: Vec<(u64, f64)> = self
            .intervals
            .iter()
            .filter_map(|(_, measured)| Some((measured.start_unix_ns, Sample::new(warm(measured)).ok()?.median())))
            .collect();
        let values: Vec<f64> = medians.iter().map(|(_, median)| *median).collect();
        Read {
            trend: trend(&values, Confidence::NINETY_FIVE).ok().filter(|_| values.len() > 2),
            changes: change_points(&values, &Permutations::default()).unwrap_or_default(),
            medians,
        }
    }
}

impl Read {
    /// How long after the first interval this one was, s.
    fn after_s(&self, index: usize) -> f64 {
        let (Some(first), Some(this)) = (self.medians.first(), self.medians.get(index)) else { return 0.0 };
        this.0.saturating_sub(first.0) as f64 / 1e9
    }

    fn values(&self) -> Vec<f64> {
        self.medians.iter().map(|(_, median)| *median).collect()
    }
}

fn warm(measured: &Measured) -> Vec<f64> {
    measured.warm_ns.iter().map(|ns| *ns as f64).collect()
}

/// The finding of all outcomes.
pub(super) fn finding(experiment: &Variance, outcomes: &[Outcome]) -> Finding {
    let mut finding = plan::finding(experiment);
    let mut groups: BTreeMap<(String, String), Group> = BTreeMap::new();
    for (unit, measured) in plan::measured::<Measured>(outcomes, &mut finding.notes) {
        let group = groups.entry((unit.target.clone(), format!("{}/{}", unit.function, unit.size))).or_default();
        group.tally.add(&measured.tally);
        group.intervals.push((unit.round, measured));
    }
    let mut read = BTreeMap::new();
    for (key, group) in &mut groups {
        group.intervals.sort_by_key(|(round, _)| *round);
        read.insert(key.clone(), group.read());
    }
    finding.answer = read.iter().map(|(key, read)| sentence(key, read)).collect::<Vec<_>>().join(" ");
    finding.tables = vec![overview(&groups, &read)];
    finding.tables.extend(changes(&read));
    finding.plots = vec![
        over_time("Warm calls over time (medians of the intervals)", &groups, |measured| median(&warm(measured))),
        over_time("Cold calls over time", &groups, |measured| {
            measured.cold_ns.map_or_else(|| absent("it was not cold"), |ns| Cell::Number(ns as f64))
        }),
    ];
    finding.plots.retain(|plot| !plot.series.is_empty());
    for ((target, function), group) in &groups {
        if group.tally.failed() > 0 {
            finding.notes.push(format!("{function} on {target}: {}.", group.tally.in_words()));
        }
    }
    if read.values().any(|read| read.medians.len() < 8) {
        finding.notes.push("A change of level can't be told from chance in fewer than 8 intervals.".to_owned());
    }
    finding
}

fn sentence((target, function): &(String, String), read: &Read) -> String {
    let values = read.values();
    let Ok(sample) = Sample::new(values.clone()) else {
        return format!("On {target} no interval of {function} could be measured.");
    };
    let span = 100.0 * (sample.max() - sample.min()) / sample.median();
    let mut sentence = format!(
        "On {target} the median of {function} lay between {} and {} over {} intervals in {} ({}% apart)",
        time(sample.min()),
        time(sample.max()),
        sample.len(),
        time(read.after_s(values.len().saturating_sub(1)) * 1e9),
        digits(span)
    );
    match read.trend {
        Some(Trend { is_drift: true, relative_change: Some(change), p_value, .. }) => {
            let way = if change > 0.0 { "up" } else { "down" };
            sentence.push_str(&format!(
                "; it drifted {way} by {}% from the first to the last (p = {p_value:.4})",
                digits(100.0 * change.abs())
            ));
        }
        Some(Trend { p_value, .. }) => sentence.push_str(&format!("; no drift was found (p = {})", digits(p_value))),
        None => sentence.push_str("; too few for a drift"),
    }
    match read.changes.as_slice() {
        [] => sentence.push_str(", nor a change of level."),
        [one] => sentence.push_str(&format!(
            "; the level changed once, {} after the first, from {} to {}.",
            time(read.after_s(one.index) * 1e9),
            time(one.before),
            time(one.after)
        )),
        several => sentence.push_str(&format!("; the level changed {} times.", several.len())),
    }
    sentence
}

type Key = (String, String);

fn overview(groups: &BTreeMap<Key, Group>, read: &BTreeMap<Key, Read>) -> Table {
    let mut rows = Vec::new();
    for (key, read) in read {
        let values = read.values();
        let Some(group) = groups.get(key) else { continue };
        let cold: Vec<f64> =
            group.intervals.iter().filter_map(|(_, measured)| Some(measured.cold_ns? as f64)).collect();
        let (drift, p_value) = match &read.trend {
            Some(trend) => (
                trend.relative_change.map_or_else(
                    || absent("the median is zero"),
                    |change| {
                        // The ends of the change are in the values' unit, and the change is not zero where they matter.
                        let scale = if trend.change == 0.0 { None } else { Some(100.0 * change / trend.change) };
                        Cell::Estimate {
                            value: 100.0 * change,
                            low: trend.change_low.zip(scale).map(|(low, scale)| low * scale),
                            high: trend.change_high.zip(scale).map(|(high, scale)| high * scale),
                            n: trend.n as u64,
                        }
                    },
                ),
                Cell::Number(trend.p_value),
            ),
            None => (absent("too few intervals"), absent("too few intervals")),
        };
        rows.push(vec![
            text(&key.0),
            text(&key.1),
            count(values.len() as u64),
            median(&values),
            values.iter().copied().reduce(f64::min).map_or_else(|| absent("nothing was measured"), Cell::Number),
            values.iter().copied().reduce(f64::max).map_or_else(|| absent("nothing was measured"), Cell::Number),
            median(&cold),
            drift,
            p_value,
            count(read.changes.len() as u64),
            count(group.tally.failed()),
            count(group.tally.calls),
        ]);
    }
    Table {
        title: "The intervals".to_owned(),
        columns: vec![
            words("target"),
            words("function"),
            column("intervals", "1"),
            column("median of their medians", "ns"),
            column("least median", "ns"),
            column("greatest median", "ns"),
            column("cold, median", "ns"),
            column("drift from first to last", "%"),
            column("p of the drift", "1"),
            column("changes of level", "1"),
            column("failed", "1"),
            column("calls", "1"),
        ],
        rows,
    }
}

fn changes(read: &BTreeMap<Key, Read>) -> Option<Table> {
    let mut rows = Vec::new();
    for ((target, function), read) in read {
        for change in &read.changes {
            rows.push(vec![
                text(target),
                text(function),
                Cell::Number(read.after_s(change.index)),
                Cell::Number(change.before),
                Cell::Number(change.after),
                change.change.as_ref().map_or_else(|| absent("the level before is zero"), estimate),
                Cell::Number(change.p_value),
            ]);
        }
    }
    (!rows.is_empty()).then(|| Table {
        title: "Changes of level".to_owned(),
        columns: vec![
            words("target"),
            words("function"),
            column("after the first interval", "s"),
            column("before", "ns"),
            column("after", "ns"),
            column("after / before", "1"),
            column("p", "1"),
        ],
        rows,
    })
}

/// One line for each target and function, from the first interval of all.
fn over_time(title: &str, groups: &BTreeMap<Key, Group>, y: impl Fn(&Measured) -> Cell) -> Plot {
    let all = groups.values().flat_map(|group| &group.intervals);
    let first = all.map(|(_, measured)| measured.start_unix_ns).min().unwrap_or(0);
    let mut series = Vec::new();
    for ((target, function), group) in groups {
        let points = group
            .intervals
            .iter()
            .filter_map(|(_, measured)| point(measured.start_unix_ns.saturating_sub(first) as f64 / 1e9, &y(measured)));
        let points: Vec<_> = points.collect();
        if !points.is_empty() {
            series.push(Series { name: format!("{target} {function}"), mark: Mark::Line, points, labels: Vec::new() });
        }
    }
    Plot { title: title.to_owned(), x: axis("since the first interval", "s"), y: axis("time", "ns"), series }
}
