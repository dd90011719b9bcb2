//! The answer of `chain`.

use std::collections::BTreeMap;

use super::Chain;
use super::clocks::Clocks;
use super::experiment::{Measured, Tree};
use super::tree::{FUNCTIONS, Shape};
use super::waterfall::waterfall;
use crate::experiments::figures::{axis, column, count, text, time, words};
use crate::experiments::median::{Median, median_cell};
use crate::experiments::plan::measured;
use crate::records::Hop;
use crate::timed_call::failures;
use crate::{Cell, Experiment, Finding, Mark, Outcome, Plot, Series, Table};

pub(super) fn finding(experiment: &Chain, outcomes: &[Outcome]) -> Finding {
    let mut notes = Vec::new();
    let mut sides = BTreeMap::<&str, Vec<Tree>>::new();
    for (unit, measured) in measured::<Measured>(outcomes, &mut notes) {
        let target = unit.target.as_str();
        match measured.exported {
            Some(Ok(sent)) => notes.push(format!("{target}: {sent} spans were sent over OTLP")),
            Some(Err(reason)) => notes.push(format!("{target}: spans were not sent over OTLP: {reason}")),
            None => {}
        }
        sides.entry(target).or_default().extend(measured.trees);
    }
    let mut table = table();
    let (mut by_depth, mut plots, mut said) = (Vec::new(), Vec::new(), Vec::new());
    for (target, trees) in &sides {
        let clocks = Clocks::of(trees.iter().map(|tree| (&tree.call, tree.hops.as_slice())));
        let mut shapes = BTreeMap::<Shape, Vec<&Tree>>::new();
        for tree in trees.iter().filter(|tree| !tree.is_warm_up) {
            shapes.entry(tree.shape).or_default().push(tree);
        }
        let mut totals = BTreeMap::<Shape, Median>::new();
        for (shape, trees) in &shapes {
            let (row, total) = row(target, *shape, trees, &clocks);
            table.rows.push(row);
            totals.extend(total.map(|total| (*shape, total)));
        }
        said.push(sentence(target, trees, &totals));
        by_depth.extend(lines(target, &totals));
        let mut drawn: Vec<&Tree> = Vec::new();
        // A cold tree, and the most typical warm one of the greatest shape.
        drawn.extend(trees.iter().find(|tree| tree.is_warm_up && whole(tree)));
        drawn.extend(totals.iter().max_by_key(|(shape, _)| shape.invocations()).and_then(|(shape, total)| {
            let of_it = shapes.get(shape)?.iter().copied().filter(|tree| whole(tree));
            of_it.min_by_key(|tree| (tree.call.total_ns as f64 - total.value).abs() as u64)
        }));
        for tree in drawn {
            let kind = if tree.is_warm_up { "the first, cold" } else { "warm, nearest to the median" };
            let title = format!("{target}: {} ({kind}; trace {})", tree.shape.name(), tree.trace_id);
            plots.push(waterfall(title, FUNCTIONS[0], &tree.call, &tree.hops, &clocks));
        }
    }
    plots.insert(
        0,
        Plot {
            title: "Time of a tree by its depth".to_owned(),
            x: axis("levels of nested calls", "1"),
            y: axis("from the call to its answer", "ns"),
            series: by_depth,
        },
    );
    notes.push(
        "A hop costs what its caller waited less what the callee executed, each by its own monotonic clock, so no clock's offset is in \
         it. In the waterfalls every instance's clock is corrected by the offsets along the way from here to it; ± is how far a bar \
         may be shifted. Every tree was sent a trace id of its own as W3C `traceparent`, which the functions carry on to those that \
         they call; their records do not tell it, so that a platform dropped it would be seen in the platform's own traces alone."
            .to_owned(),
    );
    Finding {
        experiment: experiment.name().to_owned(),
        question: experiment.question().to_owned(),
        answer: if said.is_empty() { "Nothing was measured.".to_owned() } else { format!("{}.", said.join("; ")) },
        tables: vec![table],
        plots,
        notes,
    }
}

fn table() -> Table {
    Table {
        title: "Nested calls".to_owned(),
        columns: vec![
            words("target"),
            words("tree"),
            column("invocations", "1"),
            column("trees", "1"),
            words("failed"),
            column("failed hops", "1"),
            column("hops not told", "1"),
            column("from the call to its answer", "ns"),
            column("cost of a hop", "ns"),
            column("of our own call", "ns"),
            column("clocks known within", "ns"),
        ],
        rows: Vec::new(),
    }
}

/// Whether every invocation of it told of itself.
fn whole(tree: &Tree) -> bool {
    tree.call.is_success()
        && Some(tree.hops.len()) == tree.shape.invocations().map(|all| all as usize)
        && tree.hops.iter().all(|hop| hop.error.is_none())
}

/// What a nested call took beyond the callee's execution, ns.
fn cost_ns(hop: &Hop) -> Option<f64> {
    let (invoked, executed) = (hop.invoked?, hop.executed?);
    Some(invoked.length_ns.checked_sub(executed.length_ns)? as f64)
}

/// The mean over a tree's hops: hops of one tree depend on each other, trees don't.
fn cost_of_tree_ns(tree: &Tree) -> Option<f64> {
    let costs: Vec<f64> = tree.hops.iter().filter_map(cost_ns).collect();
    (!costs.is_empty()).then(|| costs.iter().sum::<f64>() / costs.len() as f64)
}

fn row(target: &str, shape: Shape, trees: &[&Tree], clocks: &Clocks) -> (Vec<Cell>, Option<Median>) {
    let good: Vec<&&Tree> = trees.iter().filter(|tree| whole(tree)).collect();
    let total = Median::of(good.iter().map(|tree| tree.call.total_ns as f64));
    let hop = Median::of(good.iter().filter_map(|tree| cost_of_tree_ns(tree)));
    let own = Median::of(good.iter().filter_map(|tree| tree.call.overhead_ns()));
    let expected = shape.invocations().unwrap_or(0) as usize;
    let failed_hops: usize = trees.iter().flat_map(|tree| &tree.hops).filter(|hop| hop.error.is_some()).count();
    let untold: usize =
        trees.iter().filter(|tree| tree.call.is_success()).map(|tree| expected.saturating_sub(tree.hops.len())).sum();
    let known = good
        .iter()
        .flat_map(|tree| clocks.correct(&tree.call, &tree.hops))
        .map(|corrected| corrected.own.uncertainty_ns)
        .fold(None, |worst: Option<f64>, one| Some(worst.map_or(one, |worst| worst.max(one))));
    let none = "no tree was answered in full";
    let row = vec![
        text(target),
        text(shape.name()),
        count(expected as u64),
        count(trees.len() as u64),
        text(failures(trees.iter().map(|tree| &tree.call)).unwrap_or_else(|| "none".to_owned())),
        count(failed_hops as u64),
        count(untold as u64),
        median_cell(total.as_ref(), none),
        median_cell(hop.as_ref(), if shape.depth == 0 { "it calls nobody" } else { none }),
        median_cell(own.as_ref(), none),
        known.filter(|ns| ns.is_finite()).map_or_else(|| Cell::Absent { absent: none.to_owned() }, Cell::Number),
    ];
    (row, total)
}

fn sentence(target: &str, trees: &[Tree], totals: &BTreeMap<Shape, Median>) -> String {
    let counted = || trees.iter().filter(|tree| !tree.is_warm_up && whole(tree));
    // Calls at once share the processors, so what they cost is another matter.
    let in_turn = Median::of(counted().filter(|tree| !tree.shape.parallel).filter_map(cost_of_tree_ns));
    let at_once = Median::of(counted().filter(|tree| tree.shape.parallel).filter_map(cost_of_tree_ns));
    let Some(in_turn) = in_turn else {
        return format!("on {target} no nested call was answered in full");
    };
    let mut said = format!("on {target} a nested call costs {} more than the callee's execution", in_turn.time());
    if let Some(at_once) = at_once {
        said.push_str(&format!(" when made in turn, and {} when made at once", at_once.time()));
    }
    let deepest = totals.iter().filter(|(shape, _)| shape.fan_out == 1).max_by_key(|(shape, _)| shape.depth);
    let none = totals.iter().find(|(shape, _)| shape.depth == 0);
    if let (Some((shape, deep)), Some((_, flat))) = (deepest, none)
        && shape.depth > 0
    {
        said.push_str(&format!(
            "; {} calls deep, the answer comes after {}, without nested calls after {}",
            shape.depth,
            time(deep.value),
            time(flat.value)
        ));
    }
    said
}

/// A line for each fan-out and way.
fn lines(target: &str, totals: &BTreeMap<Shape, Median>) -> Vec<Series> {
    let mut lines = BTreeMap::<(u32, bool), Vec<(u32, Median)>>::new();
    for (shape, total) in totals.iter().filter(|(shape, _)| shape.depth > 0) {
        lines.entry((shape.fan_out, shape.parallel)).or_default().push((shape.depth, *total));
    }
    let flat = totals.iter().find(|(shape, _)| shape.depth == 0).map(|(_, total)| *total);
    let series = lines.into_iter().map(|((fan_out, parallel), points)| Series {
        name: match fan_out {
            1 => format!("{target}, 1 call"),
            _ => format!("{target}, {fan_out} calls {}", if parallel { "at once" } else { "in turn" }),
        },
        mark: Mark::Line,
        points: flat
            .iter()
            .map(|flat| (0, *flat))
            .chain(points)
            .map(|(depth, total)| total.point(f64::from(depth)))
            .collect(),
        labels: Vec::new(),
    });
    series.collect()
}
