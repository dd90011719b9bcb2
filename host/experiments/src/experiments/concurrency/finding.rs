//! The answer.

use std::collections::BTreeMap;

use super::super::figures::{
    absent, axis, column, count, digits, in_words, logarithmic, median, median_of_groups, point, quantile,
    ratio_of_groups, text, time, words,
};
use super::super::plan;
use super::super::tally::Tally;
use super::experiment::{Burst, Concurrency};
use crate::{Axis, Cell, Finding, Mark, Outcome, Plot, Series, Table};

/// Bursts by their size.
type Sizes = BTreeMap<u32, Vec<Burst>>;

/// By target, function, and whether all instances were ended before.
type Groups = BTreeMap<(String, String, bool), Sizes>;

/// The finding of all outcomes.
pub(super) fn finding(experiment: &Concurrency, outcomes: &[Outcome]) -> Finding {
    let mut finding = plan::finding(experiment);
    let mut groups = Groups::new();
    for (unit, bursts) in plan::measured::<Vec<Burst>>(outcomes, &mut finding.notes) {
        for burst in bursts {
            let key = (unit.target.clone(), unit.function.clone(), burst.was_forced_cold);
            groups.entry(key).or_default().entry(burst.size).or_default().push(burst);
        }
    }
    finding.answer = groups.iter().filter_map(|(key, sizes)| sentence(key, sizes)).collect::<Vec<_>>().join(" ");
    finding.tables = vec![table(&groups)];
    let size = || logarithmic("calls at once", "1");
    finding.plots = vec![
        plot(&groups, "Instances that served a burst", size(), axis("instances", "1"), instances),
        plot(&groups, "Time of a call in a burst", size(), axis("median time", "ns"), |bursts| {
            median_of_groups(&times(bursts))
        }),
        plot(&groups, "Speed of a call in a burst", size(), axis("iterations", "1/s"), |bursts| {
            median_of_groups(&speeds(bursts))
        }),
    ];
    let mut all = Tally::default();
    groups.values().flat_map(BTreeMap::values).flatten().for_each(|burst| all.add(&burst.tally));
    finding.notes.push(format!(
        "All together, {}. Times and speeds are of those that succeeded; each burst is a group of its own in the intervals, but for the \
         95th percentile and the queue, which take calls as independent.",
        all.in_words()
    ));
    finding
}

fn sentence((target, function, is_cold): &(String, String, bool), sizes: &Sizes) -> Option<String> {
    let (size, bursts) = sizes.last_key_value()?;
    let single = sizes.get(&1);
    let mut tally = Tally::default();
    bursts.iter().for_each(|burst| tally.add(&burst.tally));
    let state = if *is_cold { "with no instance there" } else { "right after a burst of the same size" };
    let beside = |of: fn(&[Burst]) -> Vec<Vec<f64>>| {
        let ratio = ratio_of_groups(&of(bursts), &of(single?));
        matches!(ratio, Cell::Estimate { .. }).then(|| in_words(&ratio, digits))
    };
    let slower = beside(times).map(|ratio| format!(", {ratio} times that of one alone"));
    let speed = beside(speeds).map(|ratio| format!("; each computed at {ratio} of the speed of one alone"));
    Some(format!(
        "On {target} {size} calls of {function} at once, {state}, were served by {} instances and took {}{}{}; {}.",
        in_words(&instances(bursts), digits),
        in_words(&median_of_groups(&times(bursts)), time),
        slower.unwrap_or_default(),
        speed.unwrap_or_default(),
        tally.in_words(),
    ))
}

fn times(bursts: &[Burst]) -> Vec<Vec<f64>> {
    bursts.iter().map(|burst| burst.total_ns.iter().map(|ns| *ns as f64).collect()).collect()
}

fn speeds(bursts: &[Burst]) -> Vec<Vec<f64>> {
    bursts.iter().map(|burst| burst.speeds.clone()).collect()
}

/// Bursts of which at least one answer says who gave it.
fn of_identified(bursts: &[Burst], read: fn(&Burst) -> u64) -> Cell {
    let values: Vec<f64> = bursts.iter().filter(|burst| burst.identified > 0).map(|burst| read(burst) as f64).collect();
    if values.is_empty() { absent("no answer says which instance gave it") } else { median(&values) }
}

fn instances(bursts: &[Burst]) -> Cell {
    of_identified(bursts, |burst| burst.instances)
}

fn table(groups: &Groups) -> Table {
    let mut rows = Vec::new();
    for ((target, function, is_cold), sizes) in groups {
        for (size, bursts) in sizes {
            let sum = |read: fn(&Burst) -> u64| count(bursts.iter().map(read).sum());
            let queue = bursts.iter().flat_map(|burst| burst.queue_ns.iter().map(|ns| *ns as f64)).collect::<Vec<_>>();
            rows.push(vec![
                text(target),
                text(function),
                text(if *is_cold { "ended before" } else { "as they were" }),
                count(u64::from(*size)),
                count(bursts.len() as u64),
                instances(bursts),
                of_identified(bursts, |burst| burst.reused),
                of_identified(bursts, |burst| burst.most_of_one),
                sum(|burst| burst.cold),
                median_of_groups(&times(bursts)),
                quantile(&times(bursts).concat(), 0.95),
                quantile(&times(bursts).concat(), 1.0),
                if queue.is_empty() { absent("the platform does not say") } else { median(&queue) },
                median_of_groups(&speeds(bursts)),
                sum(|burst| burst.tally.failed()),
                sum(|burst| burst.tally.calls),
            ]);
        }
    }
    Table {
        title: "Calls at one instant".to_owned(),
        columns: vec![
            words("target"),
            words("function"),
            words("instances before"),
            column("calls at once", "1"),
            column("bursts", "1"),
            column("instances", "1"),
            column("of these reused", "1"),
            column("most calls of one", "1"),
            column("cold calls", "1"),
            column("time, median", "ns"),
            column("time, p95", "ns"),
            column("time, longest", "ns"),
            column("queue, median", "ns"),
            column("speed of a call", "1/s"),
            column("failed", "1"),
            column("calls", "1"),
        ],
        rows,
    }
}

fn plot(groups: &Groups, title: &str, x: Axis, y: Axis, read: impl Fn(&[Burst]) -> Cell) -> Plot {
    let series = groups.iter().map(|((target, function, is_cold), sizes)| Series {
        name: format!("{target} {function}, {}", if *is_cold { "cold" } else { "warm" }),
        mark: Mark::Line,
        points: sizes.iter().filter_map(|(size, bursts)| point(f64::from(*size), &read(bursts))).collect(),
        labels: Vec::new(),
    });
    let series = series.filter(|series| !series.points.is_empty()).collect();
    Plot { title: title.to_owned(), x, y, series }
}
