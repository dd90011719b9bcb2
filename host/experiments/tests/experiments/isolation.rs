//! Neighbours that disturb are found to, and those that don't are not.

use std::time::Duration;

use experiments::{Cell, Experiment, Request, find};
use serde_json::json;

use crate::pretended::{Manner, every_fifth};
use crate::stage::{Stage, carry_out, number, request};

fn isolation() -> &'static dyn Experiment {
    find("isolation").unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_disturbance_that_was_set_is_found_on_the_platform_that_has_it() {
    let manner = |platform, interference| Manner {
        service: Duration::from_millis(50),
        jitter: Duration::from_millis(10),
        interference,
        ..Manner::named(platform)
    };
    let (disturbed, quiet) = (Stage::new("disturbed", manner("a", 0.5)), Stage::new("quiet", manner("b", 0.0)));
    let stages = [&disturbed, &quiet];
    let settings = [("neighbours", json!(2)), ("rounds", json!(2)), ("kinds", json!(["cpu", "memory"]))];
    let carried = carry_out(isolation(), request(&stages, &["function1"], &settings), &stages).await;
    let finding = carried.finding();
    assert_eq!(finding.tables[0].rows.len(), 4);
    for row in 0..4 {
        let ratio = number(finding, 0, row, "beside / alone");
        let verdict = &finding.tables[0].rows[row][7];
        // Two neighbours, each of which takes half as much again.
        let (expected, word) = if row < 2 { (2.0, "slower") } else { (1.0, "no difference found") };
        assert!((ratio - expected).abs() < 0.12, "{row}: {ratio}");
        assert_eq!(*verdict, Cell::Text(word.to_owned()));
        assert!(number(finding, 0, row, "neighbours' answers") > 0.0);
    }
    assert!(finding.notes.iter().any(|note| note.contains("disk were left out")), "{:?}", finding.notes);
    assert!(finding.answer.contains("On quiet function1/test is not seen to be disturbed"), "{}", finding.answer);
}

#[tokio::test(start_paused = true)]
async fn the_neighbours_functions_are_among_those_that_are_needed() {
    let stage = Stage::new("one", Manner::named("a"));
    let functions = |request: &Request| isolation().functions(request).into_iter().collect::<Vec<_>>();
    assert_eq!(functions(&request(&[&stage], &["function1"], &[])), ["function1", "function2", "monolith"]);
    let with_disk = request(&[&stage], &["function1", "compression"], &[]);
    assert_eq!(functions(&with_disk), ["compression", "function1", "function2", "monolith"]);
    let kinds = |request: &Request| {
        isolation().units(request).unwrap().into_iter().map(|unit| unit.variant).collect::<Vec<_>>()
    };
    assert!(kinds(&with_disk).contains(&"disk".to_owned()));
    let error = isolation().units(&request(&[&stage], &["function1"], &[("kinds", json!(["disk"]))])).unwrap_err();
    assert!(error.to_string().contains("compression"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn with_a_fifth_failing_or_hanging_counts_are_exact_and_it_ends() {
    let stage = Stage::new("one", Manner { trouble: every_fifth, ..Manner::named("a") })
        .configured(|_, limits| limits.time = Some(Duration::from_secs(1)));
    let settings = [("rounds", json!(1)), ("kinds", json!(["cpu"]))];
    let carried = carry_out(isolation(), request(&[&stage], &["function1"], &settings), &[&stage]).await;
    let finding = carried.finding();
    let victims = carried.kept.calls.iter().filter(|(_, call)| !call.label.contains("neighbour"));
    let failed = victims.clone().filter(|(_, call)| !call.is_success()).count();
    assert_eq!(number(finding, 0, 0, "calls"), victims.count() as f64);
    assert_eq!(number(finding, 0, 0, "failed"), failed as f64);
    assert_eq!(carried.kept.calls.len() as u64, stage.calls());
}
