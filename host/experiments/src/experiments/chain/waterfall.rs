//! A tree's hops over time.

use super::clocks::Clocks;
use crate::experiments::figures::{axis, time};
use crate::records::Hop;
use crate::timed_call::TimedCall;
use crate::{Mark, Plot, Point, Series};

/// Rows of one plot: more can't be read.
const MOST_ROWS: usize = 40;

/// Our call, and below it each hop's call and execution, all by the clock here.
pub(super) fn waterfall(title: String, root: &str, call: &TimedCall, hops: &[Hop], clocks: &Clocks) -> Plot {
    let corrected = clocks.correct(call, hops);
    let since = |start_unix_ns: u64, offset_ns: f64| {
        (i128::from(start_unix_ns) - i128::from(call.start_unix_ns)) as f64 - offset_ns
    };
    let bar = |row: usize, from: f64, length_ns: u64| Point {
        x: from,
        y: row as f64,
        low: Some(from),
        high: Some(from + length_ns as f64),
    };
    let (mut calls, mut executions) = (named("calls"), named("executions"));
    calls.points.push(bar(0, 0.0, call.total_ns));
    calls.labels.push(format!("faasbench calls {root}"));
    let mut row = 1;
    for (hop, corrected) in hops.iter().zip(&corrected) {
        if row >= MOST_ROWS {
            break;
        }
        if let (Some(invoked), Some(caller)) = (hop.invoked, hop.caller.and_then(|caller| hops.get(caller))) {
            calls.points.push(bar(row, since(invoked.start_unix_ns, corrected.callers.offset_ns), invoked.length_ns));
            calls.labels.push(format!("{} calls {}", caller.function, hop.function));
            row += 1;
        }
        if let Some(executed) = hop.executed {
            executions.points.push(bar(
                row,
                since(executed.start_unix_ns, corrected.own.offset_ns),
                executed.length_ns,
            ));
            let cold = if hop.is_cold == Some(true) { ", cold" } else { "" };
            executions.labels.push(format!("{}{cold} (± {})", hop.function, time(corrected.own.uncertainty_ns)));
            row += 1;
        }
    }
    Plot {
        title,
        x: axis("time since the call", "ns"),
        y: axis("call or execution", ""),
        series: vec![calls, executions],
    }
}

fn named(name: &str) -> Series {
    Series { name: name.to_owned(), mark: Mark::Span, points: Vec::new(), labels: Vec::new() }
}
