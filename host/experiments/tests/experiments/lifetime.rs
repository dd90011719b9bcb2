//! The age that instances are ended at is the one that is found.

use std::time::Duration;

use experiments::{Earlier, Experiment, find};
use serde_json::json;
use tokio::sync::watch;

use crate::pretended::{Manner, every_fifth};
use crate::stage::{Stage, carry_out, carry_out_until, cut_after, number, request};

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

#[tokio::test(start_paused = true)]
async fn lives_of_before_a_cut_stay_and_the_one_that_the_cut_ended_is_censored() {
    let stage = Stage::new("one", Manner { lives: Some(Duration::from_secs(60)), ..Manner::named("a") });
    let settings = [("longest-s", json!(1_000)), ("every-s", json!(5))];
    let asked = || request(&[&stage], &["function1"], &settings);
    let key = "lifetime/one/function1/test//0";
    let first = cut_after(Duration::from_secs(162), lifetime(), asked(), &[&stage], &Earlier::default()).await;
    let column = |name: &str| number(first.summary.finding.as_ref().unwrap(), 0, 0, name);
    assert!(first.says_cut(key));
    assert_eq!((column("seen to their end"), column("there at the end")), (2.0, 1.0));
    assert_eq!(column("calls"), stage.calls() as f64);
    let (_sender, stop) = watch::channel(false);
    let begin = tokio::time::Instant::now();
    let second = carry_out_until(lifetime(), asked(), &[&stage], &first.earlier(), stop).await;
    let column = |name: &str| number(second.finding(), 0, 0, name);
    // Three more are enough, the one that was there at the cut has no lifetime, nor has the last.
    assert_eq!((column("seen to their end"), column("there at the end")), (5.0, 2.0));
    assert_eq!(column("calls"), stage.calls() as f64);
    assert!(begin.elapsed() < Duration::from_secs(220), "{:?}", begin.elapsed());
    let (shortest, longest) = (column("shortest, at least"), column("longest, at most"));
    assert!(shortest <= 60.0 && 60.0 <= longest && longest - shortest < 10.0, "{shortest} to {longest}");
    assert!(second.kept.calls.iter().all(|(_, call)| call.repetition >= 30), "repetitions go on");
}

#[tokio::test(start_paused = true)]
async fn what_is_watched_is_bounded_over_all_processes() {
    let stage = Stage::new("one", Manner::named("a"));
    let asked = || request(&[&stage], &["function1"], &[("longest-s", json!(300))]);
    let first = cut_after(Duration::from_secs(200), lifetime(), asked(), &[&stage], &Earlier::default()).await;
    let (_sender, stop) = watch::channel(false);
    let begin = tokio::time::Instant::now();
    let second = carry_out_until(lifetime(), asked(), &[&stage], &first.earlier(), stop).await;
    assert!((95.0..110.0).contains(&begin.elapsed().as_secs_f64()), "{:?}", begin.elapsed());
    assert!(number(second.finding(), 0, 0, "watched living") > 290.0);
}
