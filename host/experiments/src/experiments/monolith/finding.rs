//! The answer of `monolith`.

use std::collections::BTreeMap;

use stats::{Bootstrap, Sample, ratio_of_medians};

use super::Monolith;
use super::experiment::{Measured, Row, Way};
use crate::experiments::figures::{axis, bytes, column, count, logarithmic, text, words};
use crate::experiments::median::{Median, median_cell};
use crate::experiments::plan::measured;
use crate::timed_call::failures;
use crate::{Cell, Experiment, Finding, Mark, Outcome, Plot, Series, Table};

/// Units of work that differ by more than this share are told.
const UNEQUAL: f64 = 0.1;

#[derive(Default)]
struct Side {
    rows: Vec<Row>,
    code_bytes: BTreeMap<String, u64>,
}

pub(super) fn finding(experiment: &Monolith, outcomes: &[Outcome]) -> Finding {
    let mut notes = Vec::new();
    let mut sides = BTreeMap::<&str, Side>::new();
    for (unit, measured) in measured::<Measured>(outcomes, &mut notes) {
        let target = unit.target.as_str();
        if let Some(reason) = &measured.no_cold {
            notes.push(format!("{target} has no cold calls: {reason}"));
        }
        let side = sides.entry(target).or_default();
        side.rows.extend(measured.rows);
        side.code_bytes.extend(measured.code_bytes);
    }
    let mut table = Table {
        title: "The same work as one call and as a chain".to_owned(),
        columns: vec![
            words("target"),
            words("way"),
            words("instances"),
            column("calls", "1"),
            words("failed"),
            column("from the call to its answer", "ns"),
            column("executed by all", "ns"),
            column("units of work", "1"),
        ],
        rows: Vec::new(),
    };
    let mut sizes = Table {
        title: "Size of the code".to_owned(),
        columns: vec![words("target"), words("function"), column("code", "bytes")],
        rows: Vec::new(),
    };
    let (mut said, mut bars) = (Vec::new(), Vec::<(String, Way, Median)>::new());
    for (target, side) in &sides {
        for (function, bytes) in &side.code_bytes {
            sizes.rows.push(vec![text(*target), text(function), Cell::Number(*bytes as f64)]);
        }
        for is_cold in [false, true] {
            let of = |way: Way| -> Vec<&Row> {
                side.rows.iter().filter(|row| row.way == way && row.wants_cold == is_cold).collect()
            };
            let ways = [Way::Monolith, Way::Chain].map(|way| (way, of(way)));
            if ways.iter().all(|(_, rows)| rows.is_empty()) {
                continue;
            }
            let kind = if is_cold { "cold" } else { "warm" };
            let mut both = Vec::new();
            for (way, rows) in &ways {
                let good: Vec<&Row> =
                    rows.iter().copied().filter(|row| row.is_whole() && row.is_cold() == Some(is_cold)).collect();
                let others = rows.iter().filter(|row| row.is_whole()).count() - good.len();
                if others > 0 {
                    notes.push(format!(
                        "{target}: {others} of {} calls ({}, {kind}) are in no figure, as not all of their instances were {kind}",
                        rows.len(),
                        name(*way)
                    ));
                }
                let total = Median::of(good.iter().map(|row| row.call.total_ns as f64));
                let none = "no call was answered in full";
                table.rows.push(vec![
                    text(*target),
                    text(name(*way)),
                    text(kind),
                    count(rows.len() as u64),
                    text(failed(rows)),
                    median_cell(total.as_ref(), none),
                    median_cell(Median::of(good.iter().map(|row| row.executed_ns())).as_ref(), none),
                    median_cell(Median::of(good.iter().map(|row| row.iterations())).as_ref(), none),
                ]);
                if let Some(total) = total {
                    bars.push((format!("{target}, {kind}"), *way, total));
                }
                both.push((good, total));
            }
            if let [(big, Some(big_total)), (small, Some(small_total))] = both.as_slice() {
                said.push(sentence(target, kind, (big, *big_total), (small, *small_total)));
                notes.extend(unequal(target, kind, big, small));
            }
        }
        said.extend(sizes_said(target, &side.code_bytes));
    }
    notes.push(
        "The big function computes as long as the small ones together. A chain's callers wait for those that they call and are billed \
         for it: executed by all is the sum over all invocations. Computing is bounded by time; the units of work tell whether it was \
         the same."
            .to_owned(),
    );
    Finding {
        experiment: experiment.name().to_owned(),
        question: experiment.question().to_owned(),
        answer: if said.is_empty() {
            "No call of both ways was answered in full, so there is no answer.".to_owned()
        } else {
            format!("{}.", said.join("; "))
        },
        tables: vec![table, sizes],
        plots: vec![plot(&bars)],
        notes,
    }
}

fn name(way: Way) -> &'static str {
    match way {
        Way::Monolith => "one call of monolith",
        Way::Chain => "function1, function2, function3",
    }
}

/// Calls that failed by class, and those of which a part failed.
fn failed(rows: &[&Row]) -> String {
    let partly = rows.iter().filter(|row| row.call.is_success() && !row.is_whole()).count();
    let whole = failures(rows.iter().map(|row| &row.call));
    match (whole, partly) {
        (None, 0) => "none".to_owned(),
        (Some(whole), 0) => whole,
        (None, partly) => format!("{partly} in part"),
        (Some(whole), partly) => format!("{whole}, {partly} in part"),
    }
}

fn sentence(target: &str, kind: &str, big: (&[&Row], Median), small: (&[&Row], Median)) -> String {
    let mut said = format!("on {target}, {kind}, one call takes {}, the chain {}", big.1.time(), small.1.time());
    if let Some(ratio) = ratio(big.0, small.0, |row| row.call.total_ns as f64) {
        said.push_str(&format!(": {ratio} as long"));
    }
    if let Some(ratio) = ratio(big.0, small.0, Row::executed_ns) {
        said.push_str(&format!(", and it executes {ratio} as long in all"));
    }
    said
}

/// Computing lasts for a time, so that on a busy machine, or with another share of a processor, its work may differ.
fn unequal(target: &str, kind: &str, big: &[&Row], small: &[&Row]) -> Option<String> {
    let units = |rows: &[&Row]| Median::of(rows.iter().map(|row| row.iterations()));
    let (big, small) = (units(big)?.value, units(small)?.value);
    let times = small / big;
    (big > 0.0 && (times - 1.0).abs() > UNEQUAL).then(|| {
        format!(
            "{target}, {kind}: in the same time of computing the chain did {times:.2} times the units of work of the one call, so that \
             the two were not given the same processor time"
        )
    })
}

/// The chain's median over the monolith's: `1.9 times (1.8 to 2.1, n = 15 and 15)`.
fn ratio(big: &[&Row], small: &[&Row], figure: impl Fn(&Row) -> f64) -> Option<String> {
    let sample = |rows: &[&Row]| Sample::new(rows.iter().map(|row| figure(row)).collect()).ok();
    let ratio = ratio_of_medians(&sample(small)?, &sample(big)?, &Bootstrap::default())?;
    let n = format!("n = {} and {}", small.len(), big.len());
    Some(match ratio.interval {
        Some(interval) => format!("{:.2} times ({:.2} to {:.2}, {n})", ratio.value, interval.low, interval.high),
        None => format!("{:.2} times ({n})", ratio.value),
    })
}

fn sizes_said(target: &str, code_bytes: &BTreeMap<String, u64>) -> Option<String> {
    let big = *code_bytes.get("monolith")?;
    let small: u64 = code_bytes.iter().filter(|(function, _)| *function != "monolith").map(|(_, bytes)| bytes).sum();
    Some(format!("on {target} the big one's code has {}, that of the small ones together {}", bytes(big), bytes(small)))
}

fn plot(bars: &[(String, Way, Median)]) -> Plot {
    let mut places: Vec<&str> = bars.iter().map(|(place, _, _)| place.as_str()).collect();
    places.dedup();
    let series = [Way::Monolith, Way::Chain].map(|way| {
        let of_it = bars.iter().filter(|(_, its, _)| *its == way);
        let points = of_it.filter_map(|(place, _, median)| {
            let x = places.iter().position(|other| other == place)?;
            Some((median.point(x as f64), place.clone()))
        });
        let (points, labels) = points.unzip();
        Series { name: name(way).to_owned(), mark: Mark::Bar, points, labels }
    });
    Plot {
        title: "From the call to its answer".to_owned(),
        x: axis("target and instances", ""),
        y: logarithmic("time", "ns"),
        series: series.into(),
    }
}
