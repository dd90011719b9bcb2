//! The answer of `overhead`.

use std::collections::BTreeMap;

use super::experiment::{Measured, Overhead, Row};
use crate::clock_offset::{ClockOffset, Exchange};
use crate::experiments::figures::{CALLS_AS_INDEPENDENT, axis, bytes, column, count, logarithmic, text, time, words};
use crate::experiments::median::{Median, median_cell};
use crate::experiments::plan::measured;
use crate::timed_call::failures;
use crate::{Cell, Experiment, Finding, Mark, Outcome, Plot, Request, Series, Table};

/// What was measured of one function on one target.
#[derive(Default)]
struct Side {
    rows: Vec<Row>,
    code_bytes: u64,
    no_cold: Option<String>,
}

/// A call with its two ways told apart.
struct Split {
    out_ns: f64,
    back_ns: f64,
    uncertainty_ns: f64,
}

/// The clocks of a side's instances, by instance: each may be on a machine of its own.
struct Clocks(BTreeMap<String, ClockOffset>);

impl Clocks {
    fn of(rows: &[Row]) -> Clocks {
        let mut exchanges = BTreeMap::<String, Vec<Exchange>>::new();
        for row in rows.iter().filter(|row| row.call.is_success()) {
            if let Some(exchange) = row.call.exchange() {
                exchanges.entry(row.call.instance.clone().unwrap_or_default()).or_default().push(exchange);
            }
        }
        let estimated =
            exchanges.into_iter().filter_map(|(instance, all)| Some((instance, ClockOffset::estimate(&all)?)));
        Clocks(estimated.collect())
    }

    fn split(&self, row: &Row) -> Option<Split> {
        let exchange = row.call.exchange()?;
        let ways_ns = exchange.ways_ns()? as f64;
        let clock = self.0.get(row.call.instance.as_deref().unwrap_or_default())?;
        let offset = clock.at(exchange.sent_unix_ns);
        let ahead = (i128::from(exchange.there_start_unix_ns) - i128::from(exchange.sent_unix_ns)) as f64;
        let out_ns = (ahead - offset.offset_ns).clamp(0.0, ways_ns);
        Some(Split { out_ns, back_ns: ways_ns - out_ns, uncertainty_ns: offset.uncertainty_ns.min(ways_ns / 2.0) })
    }

    /// The clock that is known best, and of how many.
    fn best(&self) -> Option<(&ClockOffset, usize)> {
        let clocks = self.0.values();
        let best = clocks.min_by(|one, other| one.best().uncertainty_ns.total_cmp(&other.best().uncertainty_ns))?;
        Some((best, self.0.len()))
    }
}

pub(super) fn finding(experiment: &Overhead, request: &Request, outcomes: &[Outcome]) -> Finding {
    let mut sides = BTreeMap::<(String, String), Side>::new();
    let mut notes = Vec::new();
    for (unit, measured) in measured::<Measured>(outcomes, &mut notes) {
        let side = sides.entry((unit.target.clone(), unit.function.clone())).or_default();
        side.rows.extend(measured.rows);
        side.code_bytes = measured.code_bytes;
        side.no_cold = side.no_cold.take().or(measured.no_cold);
    }
    let mut table = Table {
        title: "What the platform adds: the call less the function's own time".to_owned(),
        columns: vec![
            words("target"),
            words("function"),
            column("code", "bytes"),
            column("event", "bytes"),
            words("instance"),
            column("calls", "1"),
            words("failed"),
            column("call", "ns"),
            column("function's own", "ns"),
            column("added", "ns"),
            column("out", "ns"),
            column("back", "ns"),
        ],
        rows: Vec::new(),
    };
    let mut clocks_table = Table {
        title: "Clocks there, less the clock here".to_owned(),
        columns: vec![
            words("target"),
            words("function"),
            column("clocks", "1"),
            column("offset of the best known", "ns"),
            column("uncertainty", "ns"),
            column("least drift", "ppm"),
            column("greatest drift", "ppm"),
        ],
        rows: Vec::new(),
    };
    let (mut series, mut ways, mut said) = (Vec::new(), Vec::new(), Vec::new());
    for ((target, function), side) in &sides {
        let clocks = Clocks::of(&side.rows);
        if let Some(reason) = &side.no_cold {
            notes.push(format!("{target}: {function} has no cold calls: {reason}"));
        }
        clocks_table.rows.push(clock_row(target, function, &clocks));
        let mut by_size = Vec::new();
        let mut groups = BTreeMap::<(bool, u64), Vec<&Row>>::new();
        for row in side.rows.iter().filter(|row| !row.clock_only) {
            // A failed call says nothing of its instance; it counts among the warm ones.
            groups.entry((row.call.is_cold == Some(true), row.payload_bytes)).or_default().push(row);
        }
        for ((is_cold, payload_bytes), rows) in &groups {
            let good: Vec<&&Row> = rows.iter().filter(|row| row.call.is_success()).collect();
            let splits: Vec<Split> = good.iter().filter_map(|row| clocks.split(row)).collect();
            let worst = splits.iter().map(|split| split.uncertainty_ns).fold(0.0, f64::max);
            let added = Median::of(good.iter().filter_map(|row| row.call.overhead_ns()));
            let own = Median::of(good.iter().filter_map(|row| row.call.there.map(|(_, ns)| ns as f64)));
            let out = Median::of(splits.iter().map(|split| split.out_ns)).map(|median| median.widened(worst));
            let back = Median::of(splits.iter().map(|split| split.back_ns)).map(|median| median.widened(worst));
            let none = "no call succeeded and told its own time";
            table.rows.push(vec![
                text(target),
                text(function),
                Cell::Number(side.code_bytes as f64),
                Cell::Number(*payload_bytes as f64),
                text(if *is_cold { "cold" } else { "warm" }),
                count(rows.len() as u64),
                text(failures(rows.iter().map(|row| &row.call)).unwrap_or_else(|| "none".to_owned())),
                median_cell(Median::of(good.iter().map(|row| row.call.total_ns as f64)).as_ref(), none),
                median_cell(own.as_ref(), none),
                median_cell(added.as_ref(), none),
                median_cell(out.as_ref(), none),
                median_cell(back.as_ref(), none),
            ]);
            let Some(added) = added else { continue };
            if *is_cold {
                said.push(format!("{target} adds {} to a cold call of {function}", added.time()));
                continue;
            }
            by_size.push((*payload_bytes, added));
            if let (Some(out), Some(back)) = (out, back)
                && groups.keys().find(|(is_cold, _)| !is_cold) == Some(&(false, *payload_bytes))
            {
                said.push(format!(
                    "{target} adds {} to a warm call of {function} with an event of {}, of which {} on the way there and {} on \
                     the way back (each within {})",
                    added.time(),
                    bytes(*payload_bytes),
                    time(out.value),
                    time(back.value),
                    time(worst)
                ));
                ways.push((format!("{target}, {function}"), out, back));
            }
        }
        if let (Some((small, least)), Some((large, most))) = (by_size.first(), by_size.last())
            && large > small
        {
            let per_byte = (most.value - least.value) / (large - small) as f64;
            said.push(format!("{} for each further KiB of the event", time(per_byte * 1024.0)));
        }
        series.push(Series {
            name: format!("{target}, {function}, warm"),
            mark: Mark::Line,
            points: by_size.iter().map(|(bytes, added)| added.point(*bytes as f64)).collect(),
            labels: Vec::new(),
        });
    }
    notes.push(CALLS_AS_INDEPENDENT.to_owned());
    notes.push(
        "Added time is the call here less the function's own execution there, each by its own monotonic clock. Out and back are told \
         apart by the offset of the two clocks, which the calls themselves bound: their intervals are widened by its uncertainty, and \
         it is told for each instance of its own, as each may be on another machine. A way out holds queueing and, when cold, the \
         start of the instance."
            .to_owned(),
    );
    let bar = |name: &str, pick: fn(&(String, Median, Median)) -> Median| Series {
        name: name.to_owned(),
        mark: Mark::Bar,
        points: ways.iter().enumerate().map(|(index, way)| pick(way).point(index as f64)).collect(),
        labels: ways.iter().map(|(label, _, _)| label.clone()).collect(),
    };
    Finding {
        experiment: experiment.name().to_owned(),
        question: experiment.question().to_owned(),
        answer: if said.is_empty() {
            "No call succeeded and told the function's own time, so there is no answer.".to_owned()
        } else {
            format!("{}.", said.join("; "))
        },
        tables: vec![table, clocks_table],
        plots: vec![
            Plot {
                title: "Added time by the event's size".to_owned(),
                x: axis("event", "bytes"),
                y: logarithmic("added", "ns"),
                series,
            },
            Plot {
                title: "The way there and the way back, warm, smallest event".to_owned(),
                x: axis("target and function", ""),
                y: axis("time", "ns"),
                series: vec![bar("out", |way| way.1), bar("back", |way| way.2)],
            },
        ],
        notes: with_seed(request, notes),
    }
}

fn with_seed(request: &Request, mut notes: Vec<String>) -> Vec<String> {
    notes.push(format!("Order and events follow from seed {}.", request.seed));
    notes
}

fn clock_row(target: &str, function: &str, clocks: &Clocks) -> Vec<Cell> {
    let mut row = vec![text(target), text(function)];
    match clocks.best() {
        Some((best, known)) => {
            let offset = best.best();
            row.extend([count(known as u64), Cell::Number(offset.offset_ns), Cell::Number(offset.uncertainty_ns)]);
            match best.drift() {
                Some(drift) => row.extend([Cell::Number(drift.low_ppm), Cell::Number(drift.high_ppm)]),
                None => {
                    let set = || Cell::Absent { absent: "a clock was set during the run".to_owned() };
                    row.extend([set(), set()]);
                }
            }
        }
        None => {
            let none = || Cell::Absent { absent: "no answer told a time".to_owned() };
            row.extend([count(0), none(), none(), none(), none()]);
        }
    }
    row
}
