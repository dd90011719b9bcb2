//! The answer.

use std::collections::{BTreeMap, BTreeSet};

use stats::{Bootstrap, Sample, ratio_of_medians};

use super::super::figures::{
    absent, axis, bytes, column, count, digits, estimate, in_words, median, point, quantile, text, time, words,
};
use super::super::plan;
use super::super::tally::Tally;
use super::experiment::{ColdStart, Measured};
use super::parts::{PARTS, Parts, Read};
use crate::{Cell, Finding, Mark, Outcome, Plot, Point, Series, Table};

/// All rounds of one function on one target. Each cold call has an instance of its own, so they are independent.
#[derive(Default)]
struct Group {
    image_bytes: u64,
    cold: Vec<Parts>,
    warm: Vec<Parts>,
    turned_warm: u64,
    turned_cold: u64,
    unknown: u64,
    tally: Tally,
}

impl Group {
    fn add(&mut self, measured: Measured) {
        self.image_bytes = measured.image_bytes;
        self.cold.extend(measured.cold);
        self.warm.extend(measured.warm);
        self.turned_warm += measured.turned_warm;
        self.turned_cold += measured.turned_cold;
        self.unknown += measured.unknown;
        self.tally.add(&measured.tally);
    }

    /// How many times as long as a warm call a cold one takes.
    fn ratio(&self) -> Cell {
        ratio(&totals(&self.cold), &totals(&self.warm))
    }
}

fn totals(calls: &[Parts]) -> Vec<f64> {
    calls.iter().map(|call| call.total as f64).collect()
}

fn ratio(above: &[f64], below: &[f64]) -> Cell {
    let (Ok(above), Ok(below)) = (Sample::new(above.to_vec()), Sample::new(below.to_vec())) else {
        return absent("one side was not measured");
    };
    let found = ratio_of_medians(&above, &below, &Bootstrap::default());
    found.as_ref().map_or_else(|| absent("the other median is zero"), estimate)
}

/// The finding of all outcomes.
pub(super) fn finding(experiment: &ColdStart, outcomes: &[Outcome]) -> Finding {
    let mut finding = plan::finding(experiment);
    let mut groups: BTreeMap<(String, String), Group> = BTreeMap::new();
    let mut left_out = BTreeSet::new();
    for (unit, measured) in plan::measured::<Measured>(outcomes, &mut finding.notes) {
        if let Some(why) = &measured.left_out {
            left_out.insert(format!("On {} {} {} was left out: {why}.", unit.target, unit.function, unit.variant));
            continue;
        }
        let name = name(&unit.function, &unit.size, measured.padding_mb);
        groups.entry((unit.target.clone(), name)).or_default().add(measured);
    }
    finding.answer = groups.iter().map(|(key, group)| sentence(key, group)).collect::<Vec<_>>().join(" ");
    finding.answer.push_str(&sizes(&groups));
    finding.tables = vec![overview(&groups), split(&groups)];
    finding.plots = vec![stacked(&groups), distribution(&groups), by_size(&groups)];
    finding.notes.extend(left_out);
    notes(&groups, &mut finding.notes);
    finding
}

fn name(function: &str, size: &str, padding_mb: u64) -> String {
    if padding_mb == 0 { format!("{function}/{size}") } else { format!("{function}/{size} with {padding_mb} MB more") }
}

fn sentence((target, function): &(String, String), group: &Group) -> String {
    if group.cold.is_empty() {
        return format!(
            "On {target} there is no cold call of {function} to measure: {} turned out warm, {} don't say which they were, {}.",
            group.turned_warm,
            group.unknown,
            group.tally.in_words()
        );
    }
    let cold = in_words(&median(&totals(&group.cold)), time);
    let mut sentence = format!("On {target} a cold call of {function} took {cold}");
    if !group.warm.is_empty() {
        let times = in_words(&group.ratio(), digits);
        sentence.push_str(&format!(
            ", a warm one {}: {times} times as long",
            in_words(&median(&totals(&group.warm)), time)
        ));
    }
    let largest = PARTS
        .iter()
        .filter_map(|(name, read)| Some((*name, middle(&group.cold, *read)?)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((part, ns)) = largest {
        sentence.push_str(&format!("; most of it was {part}, {}", time(ns)));
    }
    sentence + "."
}

/// The smallest image beside the largest, on each target.
fn sizes(groups: &BTreeMap<(String, String), Group>) -> String {
    let mut targets: BTreeMap<&str, Vec<(&str, &Group)>> = BTreeMap::new();
    for ((target, function), group) in groups.iter().filter(|(_, group)| !group.cold.is_empty()) {
        targets.entry(target).or_default().push((function, group));
    }
    let mut sentences = String::new();
    for (target, mut functions) in targets {
        functions.sort_by_key(|(_, group)| group.image_bytes);
        let (Some((small, less)), Some((large, more))) = (functions.first(), functions.last()) else { continue };
        if more.image_bytes > less.image_bytes {
            let times = in_words(&ratio(&totals(&more.cold), &totals(&less.cold)), digits);
            sentences.push_str(&format!(
                " On {target} the cold call of {large} ({}) took {times} times as long as that of {small} ({}).",
                bytes(more.image_bytes),
                bytes(less.image_bytes)
            ));
        }
    }
    sentences
}

fn middle(calls: &[Parts], read: Read) -> Option<f64> {
    let values: Vec<f64> = calls.iter().filter_map(|call| read(call).map(|ns| ns as f64)).collect();
    Sample::new(values).ok().map(|sample| sample.median())
}

fn part(calls: &[Parts], read: Read) -> Cell {
    let values: Vec<f64> = calls.iter().filter_map(|call| read(call).map(|ns| ns as f64)).collect();
    if values.is_empty() { absent("nothing says") } else { median(&values) }
}

fn overview(groups: &BTreeMap<(String, String), Group>) -> Table {
    let row = |((target, function), group): (&(String, String), &Group)| {
        vec![
            text(target),
            text(function),
            count(group.image_bytes),
            median(&totals(&group.cold)),
            quantile(&totals(&group.cold), 0.95),
            median(&totals(&group.warm)),
            group.ratio(),
            count(group.turned_warm),
            count(group.turned_cold),
            count(group.unknown),
            count(group.tally.failed()),
            count(group.tally.calls),
        ]
    };
    Table {
        title: "Cold and warm calls".to_owned(),
        columns: vec![
            words("target"),
            words("function"),
            column("image", "bytes"),
            column("cold, median", "ns"),
            column("cold, p95", "ns"),
            column("warm, median", "ns"),
            column("cold / warm", "1"),
            column("meant cold, was warm", "1"),
            column("meant warm, was cold", "1"),
            column("nothing says which", "1"),
            column("failed", "1"),
            column("calls", "1"),
        ],
        rows: groups.iter().map(row).collect(),
    }
}

fn split(groups: &BTreeMap<(String, String), Group>) -> Table {
    let mut rows = Vec::new();
    for ((target, function), group) in groups {
        for (kind, calls) in [("cold", &group.cold), ("warm", &group.warm)] {
            let mut row = vec![text(target), text(function), text(kind)];
            row.extend(PARTS.iter().map(|(_, read)| part(calls, *read)));
            row.push(part(calls, |parts| parts.billed));
            rows.push(row);
        }
    }
    let mut columns = vec![words("target"), words("function"), words("calls")];
    columns.extend(PARTS.iter().map(|(name, _)| column(name, "ns")));
    columns.push(column("billed", "ns"));
    Table { title: "Where the time goes: the median of each part".to_owned(), columns, rows }
}

/// One row of bars for each function and target, the parts one after another.
fn stacked(groups: &BTreeMap<(String, String), Group>) -> Plot {
    let mut series: Vec<Series> = PARTS
        .iter()
        .map(|(name, _)| Series { name: (*name).to_owned(), mark: Mark::Span, points: Vec::new(), labels: Vec::new() })
        .collect();
    for (row, ((target, function), group)) in groups.iter().filter(|(_, group)| !group.cold.is_empty()).enumerate() {
        let mut begin = 0.0;
        for (series, (_, read)) in series.iter_mut().zip(PARTS) {
            let Some(length) = middle(&group.cold, read) else { continue };
            let end = begin + length;
            series.points.push(Point { x: begin, y: row as f64, low: Some(begin), high: Some(end) });
            series.labels.push(format!("{target} {function}"));
            begin = end;
        }
    }
    series.retain(|series| !series.points.is_empty());
    Plot {
        title: "Where a cold call's time goes (medians of the parts, one after another)".to_owned(),
        x: axis("time", "ns"),
        y: axis("target and function", "1"),
        series,
    }
}

fn distribution(groups: &BTreeMap<(String, String), Group>) -> Plot {
    let mut series = Vec::new();
    for ((target, function), group) in groups {
        let Ok(sample) = Sample::new(totals(&group.cold)) else { continue };
        let share = |number: usize| 100.0 * (number + 1) as f64 / sample.len() as f64;
        let points = sample.sorted().iter().enumerate().map(|(number, ns)| Point::at(*ns, share(number)));
        let name = format!("{target} {function}");
        series.push(Series { name, mark: Mark::Step, points: points.collect(), labels: Vec::new() });
    }
    Plot {
        title: "Cold calls that took no longer".to_owned(),
        x: axis("time of a cold call", "ns"),
        y: axis("share", "%"),
        series,
    }
}

fn by_size(groups: &BTreeMap<(String, String), Group>) -> Plot {
    let mut series: BTreeMap<&str, Series> = BTreeMap::new();
    for ((target, function), group) in groups {
        let Some(point) = point(group.image_bytes as f64, &median(&totals(&group.cold))) else { continue };
        let one = series.entry(target).or_insert_with(|| Series {
            name: target.clone(),
            mark: Mark::Dot,
            points: Vec::new(),
            labels: Vec::new(),
        });
        one.points.push(point);
        one.labels.push(function.clone());
    }
    Plot {
        title: "Cold calls by the image's size".to_owned(),
        x: axis("image", "bytes"),
        y: axis("median of cold calls", "ns"),
        series: series.into_values().collect(),
    }
}

fn notes(groups: &BTreeMap<(String, String), Group>, notes: &mut Vec<String>) {
    for ((target, function), group) in groups {
        if group.turned_warm + group.unknown > 0 {
            notes.push(format!(
                "On {target} {} calls of {function} that were meant to be cold turned out warm and {} calls don't say which \
                 they were; they are counted and not used.",
                group.turned_warm, group.unknown
            ));
        }
        if group.tally.failed() > 0 {
            notes.push(format!("On {target}, {function}: {}. Their times are not used.", group.tally.in_words()));
        }
        let ready = group.cold.iter().filter(|call| call.was_ready).count();
        if ready > 0 {
            notes.push(format!(
                "On {target} {ready} instances of {function} that served a first call were older than the call: the platform \
                 had started them before anybody asked."
            ));
        }
    }
    notes.push(
        "A cold call is the first of an instance, as the instance says itself. Parts that a platform does not tell are in \
         the rest; the medians of parts don't add up to the median of the whole."
            .to_owned(),
    );
}
