//! The answer.

use std::collections::BTreeMap;

use stats::{Confidence, Sample as Values};

use super::super::figures::{
    absent, axis, column, count, digits, in_words, median, median_of_groups, quantile, seconds, text, time, words,
};
use super::super::plan;
use super::super::tally::Tally;
use super::experiment::{Change, Measured, ScaleUp};
use super::timeline::Part;
use crate::{Cell, Finding, Mark, Outcome, Plot, Point, Series, Table};

/// All rounds of one function and shape on one target.
type Groups = BTreeMap<(Change, String, String), Vec<Measured>>;

/// Lateness of the generator from which it has a part in the times, ns.
const LATE_NS: f64 = 5e6;

/// The finding of all outcomes.
pub(super) fn finding(experiment: &ScaleUp, outcomes: &[Outcome]) -> Finding {
    let mut finding = plan::finding(experiment);
    let mut groups = Groups::new();
    for (unit, measured) in plan::measured::<Measured>(outcomes, &mut finding.notes) {
        groups.entry((measured.shape, unit.target.clone(), unit.function.clone())).or_default().push(measured);
    }
    finding.answer = groups.iter().filter_map(|(key, rounds)| sentence(key, rounds)).collect::<Vec<_>>().join(" ");
    finding.tables = vec![overview(&groups), compared(&groups)];
    finding.tables.retain(|table| !table.rows.is_empty());
    let shapes: std::collections::BTreeSet<Change> = groups.keys().map(|(shape, ..)| *shape).collect();
    for shape in shapes {
        finding.plots.push(instances(&groups, shape));
        finding.plots.push(latencies(&groups, shape));
    }
    notes(&groups, &mut finding.notes);
    finding
}

fn most_seen(rounds: &[Measured]) -> Cell {
    median(&rounds.iter().map(|round| round.most_seen as f64).collect::<Vec<_>>())
}

fn responses(rounds: &[Measured]) -> Vec<Vec<f64>> {
    rounds.iter().map(|round| round.response_ns.iter().map(|ns| *ns as f64).collect()).collect()
}

fn tally(rounds: &[Measured]) -> Tally {
    let mut tally = Tally::default();
    rounds.iter().for_each(|round| tally.add(&round.tally));
    tally
}

/// Most instances that served for the first time within any one second.
fn fastest(first_served_s: &[f64]) -> u64 {
    let within = |from: &f64| first_served_s.iter().filter(|at| (*from..from + 1.0).contains(*at)).count();
    first_served_s.iter().map(within).max().unwrap_or(0) as u64
}

fn median_of(rounds: &[Measured], read: impl Fn(&Measured) -> Option<f64>, why: &str) -> Cell {
    let values: Vec<f64> = rounds.iter().filter_map(read).collect();
    if values.is_empty() { absent(why) } else { median(&values) }
}

fn sentence((shape, target, function): &(Change, String, String), rounds: &[Measured]) -> Option<String> {
    let first = rounds.first()?;
    let (rate, peak) = first.rates;
    let in_flight = rounds.iter().map(|round| round.most_in_flight).max().unwrap_or(0);
    let fastest = rounds.iter().map(|round| fastest(&round.first_served_s)).max().unwrap_or(0);
    let all = responses(rounds).concat();
    let tail = match Values::new(all) {
        Err(_) => "none was answered".to_owned(),
        Ok(all) => match all.percentile(0.95, Confidence::NINETY_FIVE) {
            Some(p95) => format!("95% took {} or less (n = {})", time(p95.value), all.len()),
            None => format!("the longest {}", time(all.max())),
        },
    };
    let gone = match median_of(rounds, |round| round.gone_after_s, "") {
        Cell::Estimate { value, .. } => format!(" None was left {} after the last answer.", seconds(value)),
        _ => String::new(),
    };
    Some(format!(
        "On {target} a {} from {} to {} calls of {function} per second, each of {}, was served by up to {} instances for up to \
         {in_flight} calls at once; in the fastest second {fastest} were started. The median response took {}, {tail}; \
         {}.{gone}",
        shape.name(),
        digits(rate),
        digits(peak),
        seconds(first.service_s),
        in_words(&most_seen(rounds), digits),
        in_words(&median_of_groups(&responses(rounds)), time),
        tally(rounds).in_words(),
    ))
}

fn overview(groups: &Groups) -> Table {
    let row = |((shape, target, function), rounds): (&(Change, String, String), &Vec<Measured>)| {
        let all = responses(rounds).concat();
        let queue: Vec<f64> = rounds.iter().flat_map(|round| round.queue_ns.iter().map(|ns| *ns as f64)).collect();
        let tally = tally(rounds);
        vec![
            text(shape.name()),
            text(target),
            text(function),
            most_seen(rounds),
            median_of(rounds, |round| Some(round.most_in_flight as f64), ""),
            median_of(rounds, |round| round.first_served_s.first().copied(), "no answer says which instance gave it"),
            median_of(rounds, |round| round.first_served_s.last().copied(), "no answer says which instance gave it"),
            median_of(rounds, |round| Some(fastest(&round.first_served_s) as f64), ""),
            count(rounds.iter().map(|round| round.cold).sum()),
            median_of_groups(&responses(rounds)),
            quantile(&all, 0.95),
            quantile(&all, 0.99),
            if queue.is_empty() { absent("the platform does not say") } else { quantile(&queue, 0.95) },
            median_of(rounds, |round| round.gone_after_s, "not seen in the time that was watched"),
            count(rounds.iter().map(|round| round.dropped).sum()),
            count(tally.failed()),
            count(tally.calls),
        ]
    };
    Table {
        title: "Instances and response times under changing arrivals".to_owned(),
        columns: vec![
            words("arrivals"),
            words("target"),
            words("function"),
            column("most instances", "1"),
            column("most calls under way", "1"),
            column("first serves at", "s"),
            column("last starts to serve at", "s"),
            column("started in the fastest second", "1"),
            column("cold calls", "1"),
            column("response, median", "ns"),
            column("response, p95", "ns"),
            column("response, p99", "ns"),
            column("queue, p95", "ns"),
            column("all gone after", "s"),
            column("dropped", "1"),
            column("failed", "1"),
            column("calls", "1"),
        ],
        rows: groups.iter().map(row).collect(),
    }
}

fn compared(groups: &Groups) -> Table {
    let mut rows = Vec::new();
    for ((shape, target, function), rounds) in groups {
        for (number, compared) in
            rounds.iter().enumerate().filter_map(|(number, round)| Some((number, round.compared?)))
        {
            let mut row = vec![text(shape.name()), text(target), text(function), count(number as u64)];
            let numbers =
                [compared.most_seen, compared.most_known, compared.strangers, compared.unseen, compared.out_of_time];
            row.extend(numbers.map(count));
            rows.push(row);
        }
    }
    Table {
        title: "What answers show beside what the platform knows".to_owned(),
        columns: vec![
            words("arrivals"),
            words("target"),
            words("function"),
            column("round", "1"),
            column("most seen", "1"),
            column("most known", "1"),
            column("seen, not known", "1"),
            column("known, never answered", "1"),
            column("answered outside of their lives", "1"),
        ],
        rows,
    }
}

/// A line of one number over time.
fn line(name: String, mark: Mark, parts: &[Part], read: impl Fn(&Part) -> Option<f64>) -> Option<Series> {
    let points: Vec<Point> = parts.iter().filter_map(|part| Some(Point::at(part.at_s, read(part)?))).collect();
    (!points.is_empty()).then_some(Series { name, mark, points, labels: Vec::new() })
}

fn first_rounds(groups: &Groups, shape: Change) -> impl Iterator<Item = (String, &Measured)> {
    let of_shape = groups.iter().filter(move |((other, ..), _)| *other == shape);
    of_shape.filter_map(|((_, target, function), rounds)| Some((format!("{target} {function}"), rounds.first()?)))
}

fn instances(groups: &Groups, shape: Change) -> Plot {
    let mut series = Vec::new();
    for (name, round) in first_rounds(groups, shape) {
        let parts = &round.parts;
        series.extend(line(format!("{name}: seen"), Mark::Step, parts, |part| Some(part.seen as f64)));
        series.extend(line(format!("{name}: known"), Mark::Step, parts, |part| part.known.map(|known| known as f64)));
        series.extend(line(format!("{name}: told"), Mark::Step, parts, |part| part.told.map(|told| told as f64)));
        series.extend(line(format!("{name}: calls under way"), Mark::Line, parts, |part| Some(part.in_flight as f64)));
    }
    Plot {
        title: format!("Instances over time, {} (first round)", shape.name()),
        x: axis("time", "s"),
        y: axis("instances", "1"),
        series,
    }
}

fn latencies(groups: &Groups, shape: Change) -> Plot {
    let mut series = Vec::new();
    for (name, round) in first_rounds(groups, shape) {
        let parts = &round.parts;
        series.extend(line(format!("{name}: median"), Mark::Line, parts, |part| part.median_ns));
        series.extend(line(format!("{name}: p95"), Mark::Line, parts, |part| part.p95_ns));
        series.extend(line(format!("{name}: longest queue"), Mark::Line, parts, |part| {
            part.queue_ns.map(|ns| ns as f64)
        }));
    }
    Plot {
        title: format!("Response times by when calls were due, {} (first round)", shape.name()),
        x: axis("time", "s"),
        y: axis("time", "ns"),
        series,
    }
}

fn notes(groups: &Groups, notes: &mut Vec<String>) {
    for ((shape, target, function), rounds) in groups {
        let place = format!("On {target}, {function}, {}", shape.name());
        if tally(rounds).failed() > 0 {
            notes.push(format!("{place}: {}.", tally(rounds).in_words()));
        }
        let dropped: u64 = rounds.iter().map(|round| round.dropped).sum();
        if dropped > 0 {
            notes.push(format!("{place}: {dropped} calls were not made, as too many were under way."));
        }
        let late = rounds.iter().filter_map(|round| round.late_ns).fold(0.0, f64::max);
        if late > LATE_NS {
            notes.push(format!(
                "{place}: the generator itself was late by up to {} (99th percentile); response times count from when calls were \
                 due and hold that too.",
                time(late)
            ));
        }
        let strange: u64 =
            rounds.iter().filter_map(|round| round.compared).map(|one| one.strangers + one.out_of_time).sum();
        if strange > 0 {
            notes.push(format!(
                "{place}: {strange} instances answered that the platform did not know, or outside of the time in which it had them."
            ));
        }
    }
    notes.push(
        "Seen: from an instance's first service to its last, as identities show. Known: from its start to its end, as the platform \
         of this machine knows. Told: what the platform said when it was asked. Response times count from when a call was due."
            .to_owned(),
    );
}
