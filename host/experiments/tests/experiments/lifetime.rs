//! The age that instances are ended at is the one that is found.

use std::time::Duration;

use experiments::{Experiment, find};
use serde_json::json;

use crate::pretended::{Manner, every_fifth};
use crate::stage::{Stage, carry_out, number, request};

fn lifetime() -> &'static dyn Experiment {
    find("lifetime").unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_minute_is_set_and_found() {
    let stage = Stage::new("one", Manner { lives: Some(Duration::from_secs(60)), ..Manner::named("a") });
    let settings = [("longest-s", json!(1_000)), ("every-s", json!(5))];
    let carried = carry_out(lifetime(), request(&[&stage], &["function1"], &settings), &[&stage]).await;
    let finding = carried.finding();
    let column = |name: &str| number(finding, 0, 0, name);
    // Half of the keep-alive time of 10 s.
    assert_eq!(column("between calls"), 5.0);
    assert_eq!(column("seen to their end"), 5.0);
    let (shortest, longest) = (column("shortest, at least"), column("longest, at most"));
    assert!(shortest <= 60.0 && 60.0 <= longest && longest - shortest < 10.0, "{shortest} to {longest}");
    assert!((column("lifetime, median") - 60.0).abs() <= 2.6);
    assert!(
        finding.answer.contains("On one a busy instance of function1, called every 5.00 s, lived"),
        "{}",
        finding.answer
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_never_ends_is_censored() {
    let stage = Stage::new("one", Manner::named("a"));
    let settings = [("longest-s", json!(300))];
    let carried = carry_out(lifetime(), request(&[&stage], &["function1"], &settings), &[&stage]).await;
    let finding = carried.finding();
    assert_eq!((number(finding, 0, 0, "seen to their end"), number(finding, 0, 0, "there at the end")), (0.0, 1.0));
    // 300 s without an end: a mean above 100 s.
    assert!(finding.answer.contains("no busy instance of function1 ended"), "{}", finding.answer);
    assert!(finding.answer.contains("is above 100 s"), "{}", finding.answer);
}

#[tokio::test(start_paused = true)]
async fn one_that_a_failure_ended_has_no_lifetime_and_counts_are_exact() {
    let stage = Stage::new("one", Manner { trouble: every_fifth, ..Manner::named("a") })
        .configured(|_, limits| limits.time = Some(Duration::from_secs(1)));
    let settings = [("longest-s", json!(300)), ("every-s", json!(2))];
    let carried = carry_out(lifetime(), request(&[&stage], &["function1"], &settings), &[&stage]).await;
    let finding = carried.finding();
    let column = |name: &str| number(finding, 0, 0, name);
    assert_eq!((column("calls"), column("failed")), (stage.calls() as f64, stage.troubles() as f64));
    // Each tenth call hangs and ends its instance.
    assert_eq!(column("seen to their end"), 0.0);
    assert!((14.0..=15.0).contains(&column("gone after a failure")), "{}", column("gone after a failure"));
}
