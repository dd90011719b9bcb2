//! The answer.

use std::collections::BTreeMap;

use super::super::figures::{absent, axis, column, count, in_words, median, seconds, text, words};
use super::super::plan;
use super::super::tally::Tally;
use super::experiment::{Lifetime, Measured};
use super::lives::Life;
use crate::{Cell, Finding, Mark, Outcome, Plot, Point, Series, Table};

/// All rounds of one function on one target.
#[derive(Default)]
struct Group {
    lives: Vec<Life>,
    every_s: f64,
    watched_s: f64,
    tally: Tally,
}

impl Group {
    fn add(&mut self, measured: Measured) {
        self.lives.extend(measured.lives);
        self.every_s = self.every_s.max(measured.every_s);
        self.watched_s += measured.watched_s;
        self.tally.add(&measured.tally);
    }

    /// Lives that were seen to their end, with the ages that enclose it.
    fn ended(&self) -> Vec<(f64, f64)> {
        let ended = self.lives.iter().filter(|life| !life.after_failure);
        ended.filter_map(|life| Some((life.lasted_s, life.gone_by_s?))).collect()
    }

    /// Midpoints of the ends.
    fn lifetimes(&self) -> Vec<f64> {
        self.ended().iter().map(|(lasted, gone)| lasted.midpoint(*gone)).collect()
    }

    fn after_failure(&self) -> u64 {
        self.lives.iter().filter(|life| life.after_failure).count() as u64
    }

    /// How long instances were watched living, s.
    fn exposure_s(&self) -> f64 {
        self.lives.iter().map(|life| life.lasted_s + life.born_s.min(0.0)).sum()
    }

    /// Whether no instance ever answered twice: then idling ended them, not age.
    fn never_twice(&self) -> bool {
        self.lives.len() > 1 && self.lives.iter().all(|life| life.calls == 1)
    }
}

type Groups = BTreeMap<(String, String), Group>;

/// The mean that a lifetime exceeds with 95% probability when none ended in so long, if each moment ends it with the same
/// probability: the time over -ln 0.05, the "rule of three". B. D. Jovanovic and P. S. Levy, The American Statistician 51 (1997).
fn least_mean_s(exposure_s: f64) -> f64 {
    exposure_s / -0.05f64.ln()
}

/// The finding of all outcomes.
pub(super) fn finding(experiment: &Lifetime, outcomes: &[Outcome]) -> Finding {
    let mut finding = plan::finding(experiment);
    let mut groups = Groups::new();
    for (unit, measured) in plan::measured::<Measured>(outcomes, &mut finding.notes) {
        groups.entry((unit.target.clone(), unit.function.clone())).or_default().add(measured);
    }
    finding.answer = groups.iter().map(|(key, group)| sentence(key, group)).collect::<Vec<_>>().join(" ");
    finding.tables = vec![table(&groups)];
    finding.plots = vec![plot(&groups)];
    for ((target, function), group) in &groups {
        if group.tally.failed() > 0 {
            finding.notes.push(format!(
                "On {target}, {function}: {}. {} instances were gone after a failure; that is no lifetime and not counted as \
                 one.",
                group.tally.in_words(),
                group.after_failure()
            ));
        }
    }
    finding.notes.push(
        "A lifetime lies between the instance's age at its last answer and its age when another answered. Instances that were \
         there at the end lived longer than they were seen to."
            .to_owned(),
    );
    finding
}

fn sentence((target, function): &(String, String), group: &Group) -> String {
    let (ended, every) = (group.ended(), seconds(group.every_s));
    if group.never_twice() {
        return format!(
            "On {target} every call of {function} had a new instance: {every} between calls is longer than one is kept idle, so \
             nothing is known of its lifetime."
        );
    }
    if ended.is_empty() {
        let longest = group.lives.iter().map(|life| life.lasted_s).fold(0.0, f64::max);
        return format!(
            "On {target} no busy instance of {function} ended: called every {every} for {}, the oldest reached {} ({} instances \
             seen); if each moment ends one with the same probability the mean lifetime is above {} with 95% confidence.",
            seconds(group.watched_s),
            seconds(longest),
            group.lives.len(),
            seconds(least_mean_s(group.exposure_s())),
        );
    }
    let shortest = ended.iter().map(|(lasted, _)| *lasted).fold(f64::INFINITY, f64::min);
    let longest = ended.iter().map(|(_, gone)| *gone).fold(0.0, f64::max);
    format!(
        "On {target} a busy instance of {function}, called every {every}, lived {}, all of them between {} and {}.",
        in_words(&median(&group.lifetimes()), seconds),
        seconds(shortest),
        seconds(longest),
    )
}

fn table(groups: &Groups) -> Table {
    let row = |((target, function), group): (&(String, String), &Group)| {
        let ended = group.ended();
        let none = || absent("none was seen to its end");
        let number = |found: Option<f64>| found.map_or_else(none, Cell::Number);
        vec![
            text(target),
            text(function),
            if ended.is_empty() { none() } else { median(&group.lifetimes()) },
            number(ended.iter().map(|(lasted, _)| *lasted).min_by(f64::total_cmp)),
            number(ended.iter().map(|(_, gone)| *gone).max_by(f64::total_cmp)),
            count(ended.len() as u64),
            count(group.lives.iter().filter(|life| life.gone_by_s.is_none()).count() as u64),
            count(group.after_failure()),
            Cell::Number(group.exposure_s()),
            Cell::Number(group.every_s),
            count(group.tally.failed()),
            count(group.tally.calls),
        ]
    };
    Table {
        title: "Lifetimes of busy instances".to_owned(),
        columns: vec![
            words("target"),
            words("function"),
            column("lifetime, median", "s"),
            column("shortest, at least", "s"),
            column("longest, at most", "s"),
            column("seen to their end", "1"),
            column("there at the end", "1"),
            column("gone after a failure", "1"),
            column("watched living", "s"),
            column("between calls", "s"),
            column("failed", "1"),
            column("calls", "1"),
        ],
        rows: groups.iter().map(row).collect(),
    }
}

fn plot(groups: &Groups) -> Plot {
    let mut row = 0.0;
    let mut series = Vec::new();
    for ((target, function), group) in groups {
        let mut bars = Vec::new();
        for life in &group.lives {
            bars.push(Point {
                x: life.born_s,
                y: row,
                low: Some(life.born_s),
                high: Some(life.born_s + life.lasted_s),
            });
            row += 1.0;
        }
        let labels = vec![String::new(); bars.len()];
        series.push(Series { name: format!("{target} {function}"), mark: Mark::Span, points: bars, labels });
    }
    Plot {
        title: "Instances, from their beginnings to their last answers".to_owned(),
        x: axis("since the observation began", "s"),
        y: axis("instance", "1"),
        series,
    }
}
