//! The answer of a script.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stats::{Confidence, mean};

use super::format::ScriptFile;
use super::metric;
use super::rows::{End, Measured, Reason, Row};
use super::show::{CallKind, PlotRule, Statistic, TableRule};
use crate::experiments::figures::{
    CALLS_AS_INDEPENDENT, absent, axis, column, count, digits, in_words, logarithmic, median, point, quantile, share,
    text, time, words,
};
use crate::{Axis, Cell, Column, Finding, Mark, Outcome, Plot, Point, Series, Table, Unit};

/// Groups of which the answer speaks; the tables have all.
const SPOKEN_OF: usize = 8;

/// A unit with what it measured.
struct Read<'a> {
    unit: &'a Unit,
    measured: Measured,
}

/// A call with its unit.
type Call<'a> = (&'a Read<'a>, &'a Row);

/// The finding of all outcomes.
pub(super) fn finding(file: &ScriptFile, outcomes: &[Outcome]) -> Finding {
    let mut finding = Finding { experiment: file.name.clone(), question: file.question.clone(), ..Finding::default() };
    let mut read = Vec::new();
    for outcome in outcomes {
        match serde_json::from_value::<Measured>(outcome.measured.clone()) {
            Ok(measured) => read.push(Read { unit: &outcome.unit, measured }),
            Err(error) => finding.notes.push(format!("{} can't be read and is left out: {error}", outcome.unit.key())),
        }
    }
    // In the order of time within a group, whatever the order in which units were carried out.
    read.sort_by_key(|read| (read.unit.round, read.measured.rows.first().map_or(0, |row| row.start_unix_ns)));
    let usual = [TableRule::usual()];
    let rules = if file.tables.is_empty() { &usual[..] } else { &file.tables[..] };
    finding.answer = answer(file, rules, &read);
    finding.tables = rules.iter().map(|rule| table(file, rule, &read)).collect();
    finding.tables.extend(ends(&read));
    finding.plots = file.plots.iter().map(|rule| plot(file, rule, &read)).collect();
    finding.plots.retain(|plot| !plot.series.is_empty());
    notes(&read, &mut finding.notes);
    finding
}

/// What tells one group from another: target, function, and what the rule says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key(Vec<Part>);

/// A number sorts as one.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Number(f64),
    Text(String),
}

impl Eq for Part {}

impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Part) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Part {
    fn cmp(&self, other: &Part) -> std::cmp::Ordering {
        match (self, other) {
            (Part::Number(one), Part::Number(two)) => one.total_cmp(two),
            (Part::Text(one), Part::Text(two)) => one.cmp(two),
            (Part::Number(_), Part::Text(_)) => std::cmp::Ordering::Less,
            (Part::Text(_), Part::Number(_)) => std::cmp::Ordering::Greater,
        }
    }
}

impl Part {
    fn of(value: Option<&Value>) -> Part {
        match value {
            Some(Value::Number(number)) => Part::Number(number.as_f64().unwrap_or_default()),
            Some(Value::String(text)) => Part::Text(text.clone()),
            Some(other) => Part::Text(other.to_string()),
            None => Part::Text("-".to_owned()),
        }
    }

    fn in_words(&self) -> String {
        match self {
            Part::Number(number) => format!("{number}"),
            Part::Text(text) => text.clone(),
        }
    }

    fn cell(&self) -> Cell {
        match self {
            Part::Number(number) => Cell::Number(*number),
            Part::Text(words) => text(words),
        }
    }
}

fn variable<'a>((read, row): Call<'a>, name: &str) -> Option<&'a Value> {
    row.varied.get(name).or_else(|| read.measured.variables.get(name))
}

fn key(call: Call<'_>, group: &[String]) -> Key {
    let (read, row) = call;
    let mut parts =
        vec![Part::Text(read.unit.target.clone()), Part::Text(format!("{}/{}", read.unit.function, read.unit.size))];
    parts.extend(group.iter().map(|name| match name.as_str() {
        "label" => Part::Text(row.label.clone()),
        "deployment" => Part::Text(row.deployment.clone()),
        other => Part::of(variable(call, other)),
    }));
    Key(parts)
}

/// The calls that a rule looks at, in groups. A call that failed is neither cold nor warm, and counts as failed in any.
fn groups<'a>(
    read: &'a [Read<'a>],
    group: &[String],
    labels: &[String],
    calls: CallKind,
) -> BTreeMap<Key, Vec<Call<'a>>> {
    let mut groups: BTreeMap<Key, Vec<Call<'a>>> = BTreeMap::new();
    for read in read {
        for row in &read.measured.rows {
            let is_labelled = labels.is_empty() || labels.contains(&row.label);
            let is_of_kind = match (calls, row.cold) {
                (CallKind::All, _) => true,
                (CallKind::Cold, cold) => cold == Some(true) || row.failure.is_some(),
                (CallKind::Warm, cold) => cold == Some(false) || row.failure.is_some(),
            };
            if is_labelled && is_of_kind {
                groups.entry(key((read, row), group)).or_default().push((read, row));
            }
        }
    }
    groups
}

fn values(calls: &[Call<'_>], metric: &str) -> Vec<f64> {
    let succeeded = calls.iter().filter(|(_, row)| row.failure.is_none());
    succeeded.filter_map(|(_, row)| row.values.get(metric).copied()).collect()
}

fn statistic(statistic: Statistic, calls: &[Call<'_>], metric: &str) -> Cell {
    let values = values(calls, metric);
    let extreme = |of: fn(f64, f64) -> f64| {
        values.iter().copied().reduce(of).map_or_else(|| absent("nothing was measured"), Cell::Number)
    };
    match statistic {
        Statistic::N => count(values.len() as u64),
        Statistic::Median => median(&values),
        Statistic::Mean => match mean(&values, Confidence::NINETY_FIVE) {
            Ok(mean) => Cell::Estimate {
                value: mean.mean,
                low: mean.interval.map(|interval| interval.low),
                high: mean.interval.map(|interval| interval.high),
                n: mean.n as u64,
            },
            Err(_) => absent("nothing was measured"),
        },
        Statistic::Min => extreme(f64::min),
        Statistic::Max => extreme(f64::max),
        Statistic::P90 => quantile(&values, 0.9),
        Statistic::P95 => quantile(&values, 0.95),
        Statistic::P99 => quantile(&values, 0.99),
        Statistic::Failed => count(calls.iter().filter(|(_, row)| row.failure.is_some()).count() as u64),
        Statistic::ColdShare => {
            let known: Vec<bool> = calls.iter().filter_map(|(_, row)| row.cold).collect();
            share(known.iter().filter(|cold| **cold).count() as u64, known.len() as u64)
        }
        Statistic::Instances => {
            // Instances of different units are never the same.
            let all: BTreeSet<(&str, &String)> = calls
                .iter()
                .filter_map(|(read, row)| Some((read.unit.variant.as_str(), row.instance.as_ref()?)))
                .collect();
            count(all.len() as u64)
        }
    }
}

fn unit_of(statistic: Statistic, file: &ScriptFile, metric: &str) -> String {
    match statistic {
        Statistic::N | Statistic::Failed | Statistic::Instances => "1".to_owned(),
        Statistic::ColdShare => "%".to_owned(),
        _ => metric::unit(file, metric),
    }
}

fn table(file: &ScriptFile, rule: &TableRule, read: &[Read<'_>]) -> Table {
    let mut columns = vec![words("target"), words("function")];
    columns.extend(rule.group.iter().map(|name| words(name)));
    columns.extend(rule.show.iter().map(|shown| Column {
        name: match shown {
            Statistic::N | Statistic::Failed | Statistic::ColdShare | Statistic::Instances => shown.name().to_owned(),
            other => format!("{}, {}", rule.metric, other.name()),
        },
        unit: Some(unit_of(*shown, file, &rule.metric)),
    }));
    let groups = groups(read, &rule.group, &rule.labels, rule.calls);
    let rows = groups.iter().map(|(key, calls)| {
        let shown = rule.show.iter().map(|shown| statistic(*shown, calls, &rule.metric));
        key.0.iter().map(Part::cell).chain(shown).collect()
    });
    Table { title: rule.title.clone(), rows: rows.collect(), columns }
}

/// A number of a metric in a sentence.
fn number(unit: &str) -> impl Fn(f64) -> String + '_ {
    move |value| match unit {
        "ns" => time(value),
        "1" => digits(value),
        other => format!("{} {other}", digits(value)),
    }
}

fn answer(file: &ScriptFile, rules: &[TableRule], read: &[Read<'_>]) -> String {
    let mut sentences = Vec::new();
    if let Some(rule) = rules.first() {
        let groups = groups(read, &rule.group, &rule.labels, rule.calls);
        let unit = metric::unit(file, &rule.metric);
        for (key, calls) in groups.iter().take(SPOKEN_OF) {
            let [Part::Text(target), Part::Text(function), others @ ..] = key.0.as_slice() else { continue };
            let group = rule.group.iter().zip(others).map(|(name, part)| match name.as_str() {
                "label" => format!("`{}`", part.in_words()),
                other => format!("{other} {}", part.in_words()),
            });
            let group: Vec<String> = group.collect();
            let of = if group.is_empty() { String::new() } else { format!(" of {}", group.join(", ")) };
            let median = in_words(&statistic(Statistic::Median, calls, &rule.metric), number(&unit));
            sentences.push(format!("On {target} the median {}{of} of {function} was {median}.", rule.metric));
        }
        if groups.len() > SPOKEN_OF {
            sentences.push(format!("{} more are in the table.", groups.len() - SPOKEN_OF));
        }
    }
    sentences.extend(read.iter().flat_map(|read| read.measured.ends.iter().map(|end| ended(read.unit, end))));
    if sentences.is_empty() {
        sentences.push("No call was made.".to_owned());
    }
    sentences.join(" ")
}

fn ended(unit: &Unit, end: &End) -> String {
    let place = format!("On {}, {}/{}", unit.target, unit.function, unit.size);
    let variant = if unit.variant.is_empty() { String::new() } else { format!(" ({})", unit.variant) };
    match (end.reason, &end.varied) {
        (Reason::Condition, Some((name, last, Some(before)))) => {
            format!("{place}{variant}: {} with {name} {last}, and not yet with {before}.", end.until)
        }
        (Reason::Condition, Some((name, last, None))) => {
            format!("{place}{variant}: {} with {name} {last} already.", end.until)
        }
        (Reason::Condition, None) => format!("{place}{variant}: {} after {} repetitions.", end.until, end.times),
        (Reason::Times | Reason::Cut, Some((name, last, _))) => {
            format!("{place}{variant}: in {} repetitions, until {name} {last}, never: {}.", end.times, end.until)
        }
        (Reason::Times | Reason::Cut, None) => {
            format!("{place}{variant}: in {} repetitions never: {}.", end.times, end.until)
        }
    }
}

fn ends(read: &[Read<'_>]) -> Option<Table> {
    let mut rows = Vec::new();
    for read in read {
        for end in &read.measured.ends {
            let (name, last, before) = match &end.varied {
                Some((name, last, before)) => {
                    (text(name), Cell::Number(*last), before.map_or_else(|| absent("it was the first"), Cell::Number))
                }
                None => (absent("nothing changes"), absent("nothing changes"), absent("nothing changes")),
            };
            rows.push(vec![
                text(&read.unit.target),
                text(format!("{}/{}", read.unit.function, read.unit.size)),
                text(&read.unit.variant),
                text(&end.until),
                text(match end.reason {
                    Reason::Condition => "yes",
                    Reason::Times => "no",
                    Reason::Cut => "not until the end of what a unit may take",
                }),
                count(u64::from(end.times)),
                name,
                before,
                last,
            ]);
        }
    }
    (!rows.is_empty()).then(|| Table {
        title: "What was waited for".to_owned(),
        columns: vec![
            words("target"),
            words("function"),
            words("variables"),
            words("until"),
            words("came"),
            column("repetitions", "1"),
            words("what changes"),
            column("before the last", "1"),
            column("last", "1"),
        ],
        rows,
    })
}

fn plot(file: &ScriptFile, rule: &PlotRule, read: &[Read<'_>]) -> Plot {
    let groups = groups(read, &rule.group, &rule.labels, rule.calls);
    let first = groups.values().flatten().map(|(_, row)| row.start_unix_ns).min().unwrap_or(0);
    let unit = metric::unit(file, &rule.metric);
    let mut series = Vec::new();
    for (key, calls) in &groups {
        let points = points(rule, calls, first);
        if points.is_empty() {
            continue;
        }
        let mark = match rule.x.as_str() {
            "time" | "repetition" => Mark::Dot,
            "percentile" => Mark::Step,
            _ => Mark::Line,
        };
        let name = key.0.iter().map(Part::in_words).collect::<Vec<_>>().join(", ");
        series.push(Series { name, mark, points, labels: Vec::new() });
    }
    let (x, y) = match rule.x.as_str() {
        "time" => (axis("since the first call", "s"), axis(&rule.metric, &unit)),
        "repetition" => (axis("repetition", "1"), axis(&rule.metric, &unit)),
        "percentile" => (axis(&rule.metric, &unit), axis("calls within it", "%")),
        other => {
            let name = format!("{}, {}", rule.metric, rule.statistic.name());
            (axis(other, "1"), axis(&name, &unit_of(rule.statistic, file, &rule.metric)))
        }
    };
    let x = if rule.logarithmic { logarithmic(&x.label, &x.unit) } else { Axis { ..x } };
    Plot { title: rule.title.clone(), x, y, series }
}

fn points(rule: &PlotRule, calls: &[Call<'_>], first_unix_ns: u64) -> Vec<Point> {
    let measured = |row: &Row| row.values.get(&rule.metric).copied().filter(|_| row.failure.is_none());
    match rule.x.as_str() {
        "time" => {
            let at = |row: &Row| row.start_unix_ns.saturating_sub(first_unix_ns) as f64 / 1e9;
            let mut points: Vec<Point> =
                calls.iter().filter_map(|(_, row)| Some(Point::at(at(row), measured(row)?))).collect();
            points.sort_by(|one, other| one.x.total_cmp(&other.x));
            points
        }
        "repetition" => {
            calls.iter().filter_map(|(_, row)| Some(Point::at(f64::from(row.repetition), measured(row)?))).collect()
        }
        "percentile" => {
            let mut values = values(calls, &rule.metric);
            values.sort_by(f64::total_cmp);
            let all = values.len() as f64;
            values.iter().zip(1..).map(|(value, number)| Point::at(*value, 100.0 * f64::from(number) / all)).collect()
        }
        name => {
            let mut at: BTreeMap<Part, Vec<Call<'_>>> = BTreeMap::new();
            for call in calls {
                at.entry(Part::of(variable(*call, name))).or_default().push(*call);
            }
            let points = at.iter().enumerate().filter_map(|(index, (part, calls))| {
                let x = match part {
                    Part::Number(number) => *number,
                    // Words have no place of their own.
                    Part::Text(_) => index as f64,
                };
                point(x, &statistic(rule.statistic, calls, &rule.metric))
            });
            points.collect()
        }
    }
}

fn notes(read: &[Read<'_>], notes: &mut Vec<String>) {
    let mut failures: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut calls = 0u64;
    notes.push(CALLS_AS_INDEPENDENT.to_owned());
    for read in read {
        if let Some(cut) = &read.measured.cut {
            notes.push(format!("{} ended before its last step: {cut}.", read.unit.key()));
        }
        if read.measured.dropped > 0 {
            notes.push(format!(
                "{}: {} calls of a schedule were not made, as too many were under way.",
                read.unit.key(),
                read.measured.dropped
            ));
        }
        calls += read.measured.rows.len() as u64;
        for failure in read.measured.rows.iter().filter_map(|row| row.failure.as_deref()) {
            *failures.entry((&read.unit.target, failure)).or_default() += 1;
        }
    }
    if !failures.is_empty() {
        let kinds: Vec<String> =
            failures.iter().map(|((target, kind), number)| format!("{number} {kind} on {target}")).collect();
        notes.push(format!("{} of {calls} calls failed: {}.", failures.values().sum::<u64>(), kinds.join(", ")));
    }
}
