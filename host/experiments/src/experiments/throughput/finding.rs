//! The answer.

use std::collections::BTreeMap;

use stats::{Bootstrap, Clusters, clustered_ratio_of_medians};

use super::super::figures::{
    absent, axis, column, count, digits, estimate, in_words, logarithmic, median_of_groups, point, text, words,
};
use super::super::plan;
use super::super::tally::Tally;
use super::experiment::{Computed, Measured, Throughput, Variant};
use crate::{Axis, Cell, Finding, Mark, Outcome, Plot, Point, Series, Table};

/// All rounds of one variant.
#[derive(Default)]
struct Group {
    variant: Variant,
    rounds: Vec<Vec<Computed>>,
    memory_bytes: Option<u64>,
    cpus: Option<f64>,
    tally: Tally,
    neighbours: Tally,
}

impl Group {
    fn add(&mut self, measured: Measured) {
        self.variant = measured.variant;
        self.rounds.push(measured.computed);
        self.memory_bytes = measured.memory_bytes;
        self.cpus = measured.cpus;
        self.tally.add(&measured.tally);
        self.neighbours.add(&measured.neighbours.tally);
    }

    fn read(&self, read: impl Fn(&Computed) -> Option<f64>) -> Vec<Vec<f64>> {
        self.rounds.iter().map(|round| round.iter().filter_map(&read).collect()).collect()
    }

    fn speeds(&self) -> Vec<Vec<f64>> {
        self.read(|computed| Some(computed.speed()))
    }

    /// CPU time over wall time, in per cent of one core.
    fn shares(&self) -> Cell {
        let shares = self.read(|computed| computed.share().map(|share| 100.0 * share));
        if shares.concat().is_empty() {
            absent("the instance does not tell its CPU time")
        } else {
            median_of_groups(&shares)
        }
    }

    /// Wall time in which it did not run, in per cent; above one core's worth there is none.
    fn held_back(&self) -> Cell {
        let held = self.read(|computed| computed.share().map(|share| 100.0 * (1.0 - share).max(0.0)));
        if held.concat().is_empty() {
            absent("the instance does not tell its CPU time")
        } else {
            median_of_groups(&held)
        }
    }

    /// Iterations per second of CPU time: the processor's own speed.
    fn speed_of_cpu(&self) -> Cell {
        let speeds = self.read(|computed| computed.cpu_s.filter(|cpu| *cpu > 0.0).map(|cpu| computed.iterations / cpu));
        if speeds.concat().is_empty() {
            absent("the instance does not tell its CPU time")
        } else {
            median_of_groups(&speeds)
        }
    }

    fn ratio_to(&self, base: &Group) -> Cell {
        match (Clusters::new(self.speeds()), Clusters::new(base.speeds())) {
            (Ok(own), Ok(base)) => clustered_ratio_of_medians(&own, &base, &Bootstrap::default())
                .as_ref()
                .map_or_else(|| absent("nothing was computed"), estimate),
            _ => absent("nothing was measured"),
        }
    }
}

/// Variants of each target and function, with the base first.
type Groups = BTreeMap<(String, String), Vec<Group>>;

/// The finding of all outcomes.
pub(super) fn finding(experiment: &Throughput, outcomes: &[Outcome]) -> Finding {
    let mut finding = plan::finding(experiment);
    let mut groups = Groups::new();
    for (unit, measured) in plan::measured::<Measured>(outcomes, &mut finding.notes) {
        let variants = groups.entry((unit.target.clone(), unit.function.clone())).or_default();
        match variants.iter_mut().find(|group| group.variant == measured.variant) {
            Some(group) => group.add(measured),
            None => {
                let mut group = Group::default();
                group.add(measured);
                variants.push(group);
            }
        }
    }
    for variants in groups.values_mut() {
        variants.sort_by(|a, b| order(&a.variant).partial_cmp(&order(&b.variant)).unwrap_or(std::cmp::Ordering::Equal));
    }
    finding.answer = groups.iter().map(|(key, variants)| sentence(key, variants)).collect::<Vec<_>>().join(" ");
    finding.tables = vec![table(&groups)];
    // What is not varied is as configured, and a point of each plot where that is known.
    let shares =
        |group: &Group| group.cpus.filter(|_| group.variant.memory_mib.is_none() && group.variant.neighbours == 0);
    let memory = |group: &Group| {
        let is_its = group.variant.cpus.is_none() && group.variant.neighbours == 0;
        group.memory_bytes.filter(|_| is_its).map(|bytes| bytes as f64)
    };
    let neighbours = |group: &Group| {
        let is_its = group.variant.cpus.is_none() && group.variant.memory_mib.is_none();
        is_its.then_some(f64::from(group.variant.neighbours))
    };
    finding.plots = vec![
        plot(&groups, "Speed by the share of processors", logarithmic("processors", "1"), shares),
        plot(&groups, "Speed by the memory size", logarithmic("memory", "bytes"), memory),
        plot(&groups, "Speed by the number of neighbours", axis("neighbours that compute", "1"), neighbours),
    ];
    finding.plots.retain(|plot| plot.series.iter().any(|series| series.points.len() > 1));
    for ((target, function), group) in groups.iter().flat_map(|(key, all)| all.iter().map(move |group| (key, group))) {
        if group.tally.failed() + group.neighbours.failed() > 0 {
            finding.notes.push(format!(
                "On {target}, {function}, {}: {}; of the neighbours {}.",
                group.variant.name(),
                group.tally.in_words(),
                group.neighbours.in_words()
            ));
        }
    }
    finding.notes.push(
        "An iteration is 64 steps of a generator, the same on every platform and engine; the share of a core is CPU time over \
         wall time as the instance itself read them. Each round has a deployment of its own, and is a group in the intervals."
            .to_owned(),
    );
    finding
}

fn order(variant: &Variant) -> (f64, f64, u32) {
    (variant.cpus.unwrap_or(0.0), variant.memory_mib.unwrap_or(0) as f64, variant.neighbours)
}

fn per_second(number: f64) -> String {
    format!("{} million iterations/s", digits(number / 1e6))
}

fn sentence((target, function): &(String, String), variants: &[Group]) -> String {
    let Some(base) = variants.first().filter(|group| !group.speeds().concat().is_empty()) else {
        return format!("On {target} {function} computed nothing that could be measured as it is configured.");
    };
    let mut sentence = format!(
        "On {target} {function} computes {} as it is configured",
        in_words(&median_of_groups(&base.speeds()), per_second)
    );
    if let Cell::Estimate { value, .. } = base.shares() {
        sentence.push_str(&format!(", with {}% of a core", digits(value)));
    }
    let others = variants.iter().skip(1).filter_map(|group| match group.ratio_to(base) {
        Cell::Estimate { value, .. } => {
            let share = match group.shares() {
                Cell::Estimate { value, .. } => format!(" and {}% of a core", digits(value)),
                _ => String::new(),
            };
            Some(format!("{} at {} of that{share}", group.variant.name(), digits(value)))
        }
        _ => None,
    });
    let others: Vec<String> = others.collect();
    if !others.is_empty() {
        sentence.push_str(&format!("; {}", others.join(", ")));
    }
    sentence + "."
}

fn table(groups: &Groups) -> Table {
    let mut rows = Vec::new();
    for ((target, function), variants) in groups {
        let base = variants.first();
        for group in variants {
            let known = |number: Option<f64>| number.map_or_else(|| absent("not set"), Cell::Number);
            rows.push(vec![
                text(target),
                text(function),
                text(group.variant.name()),
                known(group.cpus),
                known(group.memory_bytes.map(|bytes| bytes as f64)),
                median_of_groups(&group.speeds()),
                base.map_or_else(|| absent("nothing was measured"), |base| group.ratio_to(base)),
                group.shares(),
                group.held_back(),
                group.speed_of_cpu(),
                count(group.tally.failed()),
                count(group.tally.calls),
                count(group.neighbours.calls),
            ]);
        }
    }
    Table {
        title: "What an instance computes".to_owned(),
        columns: vec![
            words("target"),
            words("function"),
            words("variant"),
            column("processors", "1"),
            column("memory", "bytes"),
            column("speed", "1/s"),
            column("of the first", "1"),
            column("share of a core", "%"),
            column("held back", "%"),
            column("speed of CPU time", "1/s"),
            column("failed", "1"),
            column("calls", "1"),
            column("neighbours' calls", "1"),
        ],
        rows,
    }
}

fn plot(groups: &Groups, title: &str, x: Axis, at: impl Fn(&Group) -> Option<f64>) -> Plot {
    let mut series = Vec::new();
    for ((target, function), variants) in groups {
        let of_one = |group: &Group| point(at(group)?, &median_of_groups(&group.speeds()));
        let mut points: Vec<Point> = variants.iter().filter_map(of_one).collect();
        points.sort_unstable_by(|a, b| a.x.total_cmp(&b.x));
        series.push(Series { name: format!("{target} {function}"), mark: Mark::Line, points, labels: Vec::new() });
    }
    Plot { title: title.to_owned(), x, y: axis("iterations", "1/s"), series }
}
