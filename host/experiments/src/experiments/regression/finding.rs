//! The answer.

use stats::Verdict as Difference;

use super::super::figures::{
    absent, axis, column, count, digits, estimate, in_words, median_of_groups, text, time, words,
};
use super::super::plan;
use super::experiment::{Measured, Regression};
use super::verdict::{Blocks, Pair, Verdict, pairs, verdict};
use crate::{Cell, Finding, Mark, Outcome, Plot, Point, Series, Table};

/// The finding of all outcomes.
pub(super) fn finding(experiment: &Regression, outcomes: &[Outcome]) -> Finding {
    let mut finding = plan::finding(experiment);
    plan::measured::<Measured>(outcomes, &mut finding.notes);
    let pairs: Vec<((String, String), Pair)> = pairs(outcomes).into_iter().collect();
    let sentences = pairs.iter().map(|(key, pair)| sentence(key, pair));
    finding.answer = sentences.collect::<Vec<_>>().join(" ");
    if pairs.len() > 1 {
        finding.answer.push_str(&format!(" All in all: {}.", verdict(outcomes).in_words()));
    }
    finding.tables = vec![table(&pairs)];
    finding.plots = vec![blocks(&pairs), ratios(&pairs)];
    finding.plots.retain(|plot| !plot.series.is_empty());
    for ((_, function), pair) in &pairs {
        for (name, side) in [("old", &pair.old), ("new", &pair.new)] {
            finding.notes.push(format!(
                "The {name} side of {function}: {} on {}, image {}; {}, {} in another state.",
                side.words,
                if side.target.is_empty() { "no target" } else { &side.target },
                side.images.join(" and "),
                side.tally.in_words(),
                side.other
            ));
        }
    }
    finding
}

fn place(target: &str, pair: &Pair) -> String {
    if target.is_empty() { format!("{} against {}", pair.new.target, pair.old.target) } else { target.to_owned() }
}

fn medians(side: &Blocks) -> Cell {
    let blocks: Vec<Vec<f64>> = side.blocks.iter().map(|(_, times)| times.clone()).collect();
    median_of_groups(&blocks)
}

fn ratio(pair: &Pair) -> Cell {
    let effect = pair.comparison.as_ref().and_then(|comparison| comparison.effect);
    effect.as_ref().map_or_else(|| absent("a side has nothing to compare"), estimate)
}

fn sentence((target, function): &(String, String), pair: &Pair) -> String {
    let place = place(target, pair);
    let verdict = pair.verdict();
    let head = match verdict {
        Verdict::Slower => "is slower",
        Verdict::Faster => "is faster",
        Verdict::Unchanged => "takes as long as before, within the threshold",
        Verdict::Undecided => "can't be said to be slower or not",
    };
    format!(
        "On {place} the new {function} {head}: {} times the old median of {} (threshold {}%{}).",
        in_words(&ratio(pair), digits),
        in_words(&medians(&pair.old), time),
        digits(100.0 * pair.threshold),
        if verdict == Verdict::Undecided { format!("; {}", why(pair)) } else { String::new() }
    )
}

/// Why nothing could be said.
fn why(pair: &Pair) -> String {
    match pair.comparison.as_ref().map(|comparison| comparison.verdict) {
        None => "a side has no call that counts".to_owned(),
        Some(Difference::Undecidable { reason }) => reason.to_string(),
        Some(_) => "the interval reaches beyond the threshold; more blocks make it narrower".to_owned(),
    }
}

fn table(pairs: &[((String, String), Pair)]) -> Table {
    let row = |((target, function), pair): &((String, String), Pair)| {
        let p = pair.comparison.as_ref().and_then(|comparison| comparison.adjusted_p_value);
        vec![
            text(place(target, pair)),
            text(function),
            medians(&pair.old),
            medians(&pair.new),
            ratio(pair),
            p.map_or_else(|| absent("nothing can be said"), Cell::Number),
            text(pair.verdict().in_words()),
            count(pair.old.tally.failed()),
            count(pair.old.tally.calls),
            count(pair.new.tally.failed()),
            count(pair.new.tally.calls),
        ]
    };
    Table {
        title: "The new against the old".to_owned(),
        columns: vec![
            words("on"),
            words("function"),
            column("old, median", "ns"),
            column("new, median", "ns"),
            column("new / old", "1"),
            column("p", "1"),
            words("verdict"),
            column("old, failed", "1"),
            column("old, calls", "1"),
            column("new, failed", "1"),
            column("new, calls", "1"),
        ],
        rows: pairs.iter().map(row).collect(),
    }
}

/// The median of every block, in the order in which they took turns.
fn blocks(pairs: &[((String, String), Pair)]) -> Plot {
    let mut series = Vec::new();
    for ((target, function), pair) in pairs {
        for (name, side) in [("old", &pair.old), ("new", &pair.new)] {
            let points = side.blocks.iter().filter_map(|(round, times)| {
                let sample = stats::Sample::new(times.clone()).ok()?;
                Some(Point::at(f64::from(*round), sample.median()))
            });
            let name = format!("{} {function}, {name}", place(target, pair));
            series.push(Series { name, mark: Mark::Dot, points: points.collect(), labels: Vec::new() });
        }
    }
    series.retain(|series| !series.points.is_empty());
    Plot { title: "The median of each block".to_owned(), x: axis("block", "1"), y: axis("time", "ns"), series }
}

fn ratios(pairs: &[((String, String), Pair)]) -> Plot {
    let mut points = Vec::new();
    let mut labels = Vec::new();
    for (index, ((target, function), pair)) in pairs.iter().enumerate() {
        if let Cell::Estimate { value, low, high, .. } = ratio(pair) {
            points.push(Point { x: index as f64, y: value, low, high });
            labels.push(format!("{} {function}", place(target, pair)));
        }
    }
    let series = Series { name: "new / old".to_owned(), mark: Mark::Dot, points, labels };
    Plot {
        title: "How many times the old median".to_owned(),
        x: axis("comparison", "1"),
        y: axis("new / old", "1"),
        series: if series.points.is_empty() { Vec::new() } else { vec![series] },
    }
}
