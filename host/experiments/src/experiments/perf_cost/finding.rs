//! The answer.

use std::collections::{BTreeMap, BTreeSet};

use super::super::figures::{
    CALLS_AS_INDEPENDENT, absent, axis, column, count, digits, in_words, logarithmic, point, text, time, words,
};
use super::super::plan;
use super::economy::Row;
use super::experiment::{Ended, Measured, PerfCost};
use super::settings::{Parameters, Start};
use crate::{Cell, Column, Finding, Mark, Outcome, Plot, Series, Table};

/// The finding of all outcomes.
pub(super) fn finding(experiment: &PerfCost, outcomes: &[Outcome]) -> Finding {
    let mut finding = plan::finding(experiment);
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (unit, measured) in plan::measured::<Measured>(outcomes, &mut finding.notes) {
        match serde_json::from_value::<Parameters>(unit.parameters.clone()) {
            Ok(parameters) => match rows.iter_mut().find(|row| row.is_of(unit)) {
                Some(row) => row.add(measured),
                None => rows.push(Row::new(unit, parameters, measured)),
            },
            Err(error) => finding.notes.push(format!("the plan of {} can't be read: {error}", unit.key())),
        }
    }
    rows.sort_by_key(|row| {
        let unit = row.unit;
        (unit.target.clone(), unit.function.clone(), unit.size.clone(), row.parameters.memory_mib, row.parameters.start)
    });
    finding.answer = answer(&rows);
    finding.tables = vec![costs(&rows)];
    finding.tables.extend(machines(&rows));
    finding.plots = vec![times(&rows), prices(&rows)];
    finding.plots.retain(|plot| !plot.series.is_empty());
    notes(&rows, &mut finding.notes);
    finding
}

fn name(row: &Row<'_>) -> (String, String) {
    (row.unit.target.clone(), format!("{}/{}", row.unit.function, row.unit.size))
}

fn memory(row: &Row<'_>) -> String {
    match (row.parameters.memory_mib, row.measured.memory_bytes) {
        (Some(mib), _) => format!("{mib} MiB"),
        (None, Some(bytes)) => format!("its own {} MiB", bytes >> 20),
        (None, None) => "no limit".to_owned(),
    }
}

fn value(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Estimate { value, .. } | Cell::Number(value) => Some(*value),
        Cell::Text(_) | Cell::Absent { .. } => None,
    }
}

fn money(currency: &str) -> impl Fn(f64) -> String + '_ {
    move |number| format!("{} {currency}", digits(number))
}

/// The state that most calls of a busy function find.
fn usual<'r, 'a>(rows: &[&'r Row<'a>]) -> Vec<&'r Row<'a>> {
    let order = [Start::Sequential, Start::Warm, Start::Burst, Start::Cold];
    let has =
        |start: &&Start| rows.iter().any(|row| row.parameters.start == **start && !row.measured.samples.is_empty());
    let Some(start) = order.iter().find(has) else { return Vec::new() };
    rows.iter().copied().filter(|row| row.parameters.start == *start && !row.measured.samples.is_empty()).collect()
}

fn answer(rows: &[Row<'_>]) -> String {
    let mut groups: BTreeMap<(String, String), Vec<&Row<'_>>> = BTreeMap::new();
    for row in rows {
        groups.entry(name(row)).or_default().push(row);
    }
    groups.iter().map(|((target, function), rows)| sentence(target, function, rows)).collect::<Vec<_>>().join(" ")
}

fn sentence(target: &str, function: &str, rows: &[&Row<'_>]) -> String {
    let usual = usual(rows);
    let by = |key: &dyn Fn(&Row<'_>) -> Option<f64>| {
        let with = usual.iter().filter_map(|row| Some((*row, key(row)?)));
        with.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(row, _)| row)
    };
    let Some(fastest) = by(&|row| value(&row.client_median())) else {
        return format!("On {target} no call of {function} could be measured.");
    };
    let start = fastest.parameters.start.name();
    let quick = format!("fastest with {}: {}", memory(fastest), in_words(&fastest.client_median(), time));
    let Some(price) = fastest.price() else {
        let thrifty = by(&|row| value(&row.gigabyte_seconds()));
        let used = thrifty.map_or_else(String::new, |row| {
            format!(
                ", and takes least with {}: {} GB-s",
                memory(row),
                in_words(&row.gigabyte_seconds(), |gbs| format!("{gbs:.6}"))
            )
        });
        return format!("On {target} a {start} call of {function} is {quick}{used}; it has no price.");
    };
    let Some(cheapest) = by(&|row| value(&row.per_million())) else {
        return format!("On {target} a {start} call of {function} is {quick}; nothing says what memory it has.");
    };
    let mut sentence = format!(
        "On {target} a {start} call of {function} is cheapest with {}: {} for a million calls; it is {quick}",
        memory(cheapest),
        in_words(&cheapest.per_million(), money(&price.currency))
    );
    let break_even = cheapest.parameters.machines.iter().filter_map(|machine| {
        let even = cheapest.break_even(machine);
        let calls = value(&even)?;
        let most = cheapest.capacity(machine).as_ref().and_then(value);
        Some((machine, even, calls, most.is_some_and(|most| most >= calls)))
    });
    // The machine that pays first of those that could serve so many.
    match break_even.filter(|(.., serves)| *serves).min_by(|a, b| a.2.total_cmp(&b.2)) {
        Some((machine, even, ..)) => sentence.push_str(&format!(
            "; above {} calls a month a {} is cheaper, were it busy to its limit",
            in_words(&even, grouped),
            machine.name
        )),
        None => sentence.push_str("; no machine compared is cheaper at any load that it can serve"),
    }
    sentence + "."
}

/// A great number that can be read.
fn grouped(number: f64) -> String {
    match number {
        number if number >= 1e9 => format!("{} billion", digits(number / 1e9)),
        number if number >= 1e6 => format!("{} million", digits(number / 1e6)),
        number => format!("{number:.0}"),
    }
}

fn costs(rows: &[Row<'_>]) -> Table {
    let row = |row: &Row<'_>| {
        let (target, function) = name(row);
        let price = row.price().map_or_else(|| absent("it has no price"), |price| text(&price.currency));
        vec![
            text(target),
            text(function),
            text(memory(row)),
            text(row.parameters.start.name()),
            row.client_median(),
            row.apart(),
            row.billed_median(),
            row.source().map_or_else(|| absent("nothing was measured"), |source| text(source.in_words())),
            row.gigabyte_seconds(),
            row.per_million(),
            price,
            text(match row.measured.ended {
                Ended::Interval => "yes",
                Ended::Calls => "no: as many calls as may be were made",
                Ended::Time => "no: the time was over",
            }),
            count(row.measured.samples.iter().filter(|sample| sample.is_cold).count() as u64),
            count(row.measured.other),
            count(row.measured.tally.failed()),
            count(row.measured.tally.calls),
        ]
    };
    Table {
        title: "What a call takes and costs".to_owned(),
        columns: vec![
            words("target"),
            words("function"),
            words("memory"),
            words("state"),
            column("time for the caller, median", "ns"),
            column("medians of the rounds apart", "%"),
            column("billed time, median", "ns"),
            words("billed time is"),
            column("memory x time, mean", "GB-s"),
            Column { name: "a million calls".to_owned(), unit: Some(currency(rows)) },
            words("currency"),
            words("interval reached"),
            column("cold", "1"),
            column("in another state", "1"),
            column("failed", "1"),
            column("calls", "1"),
        ],
        rows: rows.iter().map(row).collect(),
    }
}

/// The one currency of all prices; `1` where there are several, or none.
fn currency(rows: &[Row<'_>]) -> String {
    let all: BTreeSet<&str> = rows.iter().filter_map(|row| Some(row.price()?.currency.as_str())).collect();
    match all.first() {
        Some(one) if all.len() == 1 => (*one).to_owned(),
        _ => "1".to_owned(),
    }
}

/// Calls against machines, for the state that most calls find.
fn machines(rows: &[Row<'_>]) -> Option<Table> {
    let mut groups: BTreeMap<(String, String), Vec<&Row<'_>>> = BTreeMap::new();
    for row in rows {
        groups.entry(name(row)).or_default().push(row);
    }
    let mut cells = Vec::new();
    for ((target, function), rows) in &groups {
        for row in usual(rows) {
            for machine in &row.parameters.machines {
                let capacity = row.capacity(machine);
                let break_even = row.break_even(machine);
                let verdict = match (value(&break_even), capacity.as_ref().and_then(value)) {
                    (_, None) => "no instance fits".to_owned(),
                    (None, _) => "there is no price to compare with".to_owned(),
                    (Some(calls), Some(most)) if calls > most => "calls stay cheaper".to_owned(),
                    (Some(calls), Some(_)) => format!("the machine is cheaper above {} calls a month", grouped(calls)),
                };
                cells.push(vec![
                    text(target),
                    text(function),
                    text(memory(row)),
                    text(format!("{} {}", machine.provider, machine.name)),
                    Cell::Number(machine.per_month()),
                    text(&machine.currency),
                    break_even,
                    capacity.unwrap_or_else(|| absent("no instance fits")),
                    row.million_when_busy(machine).unwrap_or_else(|| absent("no instance fits")),
                    text(verdict),
                ]);
            }
        }
    }
    (!cells.is_empty()).then(|| Table {
        title: "Calls against a rented machine".to_owned(),
        columns: vec![
            words("target"),
            words("function"),
            words("memory"),
            words("machine"),
            column("its price a month", "1"),
            words("currency"),
            column("break-even, calls a month", "1"),
            column("it serves at most, calls a month", "1"),
            column("a million calls, were it always busy", "1"),
            words("so"),
        ],
        rows: cells,
    })
}

/// One line for each target, function and state, over the memory.
fn over_memory(rows: &[Row<'_>], y: impl Fn(&Row<'_>) -> Cell) -> Vec<Series> {
    let mut series: BTreeMap<String, Series> = BTreeMap::new();
    for row in rows {
        let Some(bytes) = row.measured.memory_bytes else { continue };
        let Some(point) = point(bytes as f64, &y(row)) else { continue };
        let (target, function) = name(row);
        let name = format!("{target} {function}, {}", row.parameters.start.name());
        let line = series.entry(name.clone()).or_insert_with(|| Series {
            name,
            mark: Mark::Line,
            points: Vec::new(),
            labels: Vec::new(),
        });
        line.points.push(point);
    }
    series.into_values().collect()
}

fn times(rows: &[Row<'_>]) -> Plot {
    Plot {
        title: "Time of a call by memory (medians for the caller)".to_owned(),
        x: logarithmic("memory", "bytes"),
        y: axis("time", "ns"),
        series: over_memory(rows, |row| row.client_median()),
    }
}

fn prices(rows: &[Row<'_>]) -> Plot {
    let priced = rows.iter().any(|row| row.price().is_some());
    Plot {
        title: if priced { "Price of a million calls by memory" } else { "Memory x time of a call by memory" }
            .to_owned(),
        x: logarithmic("memory", "bytes"),
        y: if priced { axis("a million calls", &currency(rows)) } else { axis("memory x time", "GB-s") },
        series: over_memory(rows, |row| if priced { row.per_million() } else { row.gigabyte_seconds() }),
    }
}

fn notes(rows: &[Row<'_>], notes: &mut Vec<String>) {
    let mut said = BTreeSet::new();
    for row in rows {
        match &row.parameters.price {
            Ok(price) => {
                said.insert(format!("Prices of {}: {}; without a free tier.", row.unit.target, price.origin()))
            }
            Err(reason) => said.insert(format!(
                "{} has no price of a call, so its time and its GB-s stand alone: {reason}.",
                row.unit.target
            )),
        };
        said.extend(row.parameters.machines.iter().map(|machine| format!("Machine: {}.", machine.origin())));
        if row.parameters.memory_mib.is_none() {
            said.insert(format!("{} can't limit memory, so there is one size of it.", row.unit.target));
        }
        if row.measured.tally.failed() > 0 {
            said.insert(format!("{}: {}.", row.unit.key(), row.measured.tally.in_words()));
        }
        if row.measured.cpus.is_none() && !row.parameters.machines.is_empty() {
            said.insert(
                "Where an instance was given no share of processors, it is supposed to take one on a machine."
                    .to_owned(),
            );
        }
    }
    notes.extend(said);
    if !rows.is_empty() {
        notes.push(CALLS_AS_INDEPENDENT.to_owned());
    }
}
