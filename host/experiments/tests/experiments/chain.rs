//! Every hop is recorded, carries the trace on, and costs what was set; its spans arrive at a receiver.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use experiments::{Mark, find};
use serde_json::json;

use crate::pretended::{Manner, Trouble, every_fifth};
use crate::receiver::receiver;
use crate::stage::{Stage, carry_out, number, request};

#[tokio::test]
async fn hops_cost_what_was_set_and_form_one_trace() {
    let manner = Manner {
        ways: (Duration::from_millis(3), Duration::from_millis(1)),
        ahead: Duration::from_secs(5),
        ..Manner::named("a")
    };
    let stage = Stage::new("one", manner);
    let (server, received) = receiver(0).await;
    let settings = [
        ("depths", json!([0, 2])),
        ("fan-outs", json!([1, 2])),
        ("repetitions", json!(6)),
        ("rounds", json!(1)),
        ("otlp", json!(server.address)),
    ];
    let carried = carry_out(find("chain").unwrap(), request(&[&stage], &["function1"], &settings), &[&stage]).await;
    let finding = carried.finding();
    let rows = &finding.tables[0].rows;
    // No nested call; 2 deep; 2 calls each, in turn and at once.
    assert_eq!(rows.len(), 4, "{rows:?}");
    for (row, (invocations, trees)) in [(1.0, 6.0), (3.0, 6.0), (7.0, 6.0), (7.0, 6.0)].into_iter().enumerate() {
        assert_eq!(number(finding, 0, row, "invocations"), invocations);
        assert_eq!(number(finding, 0, row, "trees"), trees);
        assert_eq!((number(finding, 0, row, "failed hops"), number(finding, 0, row, "hops not told")), (0.0, 0.0));
        if row > 0 {
            let cost = number(finding, 0, row, "cost of a hop");
            assert!((4e6..30e6).contains(&cost), "{cost}");
        }
    }
    // In turn, seven invocations take longer than at once.
    let total = |row: usize| number(finding, 0, row, "from the call to its answer");
    assert!(total(0) < total(1) && total(3) < total(2), "{rows:?}");
    // Two trees of seven to warm up, then six of each shape.
    let invocations = 2 * 7 + 6 * (1 + 3 + 7 + 7);
    assert_eq!(stage.calls(), invocations);
    let traces = stage.counts.traces.lock().unwrap().clone();
    let mut hops = BTreeMap::<String, u64>::new();
    for trace in traces {
        *hops.entry(trace.expect("every hop has one")[3..35].to_owned()).or_default() += 1;
    }
    assert_eq!(hops.len(), 2 + 4 * 6);

    let spans = &carried.kept.spans;
    // Our own call; of each invocation its execution; of each but the root its caller's call.
    let roots = 2 + 4 * 6;
    assert_eq!(spans.len() as u64, roots + invocations + (invocations - roots));
    for (trace, hops) in &hops {
        let of_it: Vec<_> = spans.iter().filter(|span| span.trace_id == *trace).collect();
        let ids: BTreeSet<_> = of_it.iter().map(|span| &span.span_id).collect();
        assert_eq!((ids.len(), of_it.len() as u64), (of_it.len(), 2 * hops));
        let orphans = of_it.iter().filter(|span| span.parent_span_id.as_ref().is_none_or(|id| !ids.contains(id)));
        assert_eq!(orphans.count(), 1);
    }
    let received = received.lock().unwrap();
    assert_eq!(received.refused, Vec::<String>::new());
    assert_eq!(received.spans.len(), spans.len());
    // By the clock here, each lies within its parent, though the clock there is 5 s ahead.
    for (_, span) in received.spans.iter().filter(|(_, span)| !span.parent_span_id.is_empty()) {
        let parent = received.spans.iter().find(|(_, other)| other.span_id == span.parent_span_id);
        let (_, parent) = parent.unwrap();
        assert!(parent.start_time_unix_nano <= span.start_time_unix_nano + 2_000, "{parent:?} {span:?}");
        assert!(span.end_time_unix_nano <= parent.end_time_unix_nano + 2_000, "{parent:?} {span:?}");
    }
    let waterfall = finding.plots.iter().find(|plot| plot.title.contains("nearest to the median")).unwrap();
    assert!(waterfall.series.iter().all(|series| series.mark == Mark::Span));
    // Our call and 13 more bars: six calls, seven executions.
    assert_eq!(waterfall.series.iter().map(|series| series.points.len()).sum::<usize>(), 14);
    assert!(finding.answer.contains("n = 12"), "{}", finding.answer);
}

fn trees() -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("depths", json!([1])),
        ("fan-outs", json!([3])),
        ("repetitions", json!(10)),
        ("rounds", json!(1)),
        ("patience-s", json!(5)),
    ]
}

#[tokio::test]
async fn hops_that_fail_are_counted_and_their_trees_are_in_no_figure() {
    let trouble = |call| if call % 7 == 5 { Trouble::Fails } else { Trouble::Nothing };
    let stage = Stage::new("one", Manner { trouble, ..Manner::named("a") });
    let carried = carry_out(find("chain").unwrap(), request(&[&stage], &["function1"], &trees()), &[&stage]).await;
    let finding = carried.finding();
    assert_eq!((0..2).map(|row| number(finding, 0, row, "trees")).sum::<f64>(), 20.0);
    // Every invocation that failed is a root (of a tree to warm up, too) or a hop.
    let roots = carried.kept.calls.iter().filter(|(_, call)| !call.is_success()).count() as u64;
    let is_hop = |span: &&experiments::Span| span.is_error && span.service == "function1";
    let hops = carried.kept.spans.iter().filter(is_hop).count() as u64;
    assert!(roots > 0 && hops > 0, "{:?}", finding.tables[0].rows);
    assert_eq!(roots + hops, stage.troubles());
}

#[tokio::test]
async fn it_ends_where_hops_hang() {
    let stage = Stage::new("one", Manner { trouble: every_fifth, ..Manner::named("a") })
        .configured(|_, limits| limits.time = Some(Duration::from_millis(100)));
    let carried = carry_out(find("chain").unwrap(), request(&[&stage], &["function1"], &trees()), &[&stage]).await;
    // Each was made and recorded, though a root may end with those that it waits for.
    assert_eq!((0..2).map(|row| number(carried.finding(), 0, row, "trees")).sum::<f64>(), 20.0);
    assert_eq!(carried.kept.calls.len(), 22);
}

#[tokio::test]
async fn a_receiver_that_is_not_there_costs_no_result() {
    let stage = Stage::new("one", Manner::named("a"));
    let settings = [
        ("depths", json!([1])),
        ("fan-outs", json!([1])),
        ("repetitions", json!(2)),
        ("rounds", json!(1)),
        ("otlp", json!("http://127.0.0.1:1")),
    ];
    let carried = carry_out(find("chain").unwrap(), request(&[&stage], &["function1"], &settings), &[&stage]).await;
    assert!(carried.finding().notes.iter().any(|note| note.contains("were not sent over OTLP")));
    assert!(carried.kept.notes.iter().any(|note| note.contains("spans were not exported")));
}
