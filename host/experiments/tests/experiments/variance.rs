//! A drift and a change of level that were put in are found, a quiet platform has none, and a cut run goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use experiments::{Earlier, Estimate, Finding, Outcome, Unit, find};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::pretended::{Manner, every_fifth};
use crate::stage::{Stage, carry_out, carry_out_until, request};

const SETTINGS: [(&str, Value); 0] = [];

fn set(every_s: f64, intervals: u32) -> Vec<(&'static str, Value)> {
    vec![("every-s", json!(every_s)), ("intervals", json!(intervals)), ("calls", json!(9))]
}

#[tokio::test(start_paused = true)]
async fn intervals_keep_their_distance_and_a_quiet_platform_is_said_to_be_quiet() {
    let stage = Stage::new("one", Manner { jitter: Duration::from_millis(20), ..Manner::named("a") });
    let begin = tokio::time::Instant::now();
    let carried =
        carry_out(find("variance").unwrap(), request(&[&stage], &["function1"], &set(3_600.0, 24)), &[&stage]).await;
    // Twenty-three times an hour, and what the last one took.
    let took = begin.elapsed().as_secs_f64();
    assert!((82_800.0..82_860.0).contains(&took), "{took}");
    let finding = carried.finding();
    assert!(finding.answer.contains("over 24 intervals"), "{}", finding.answer);
    assert!(finding.answer.contains("no drift was found"), "{}", finding.answer);
    assert!(finding.answer.contains("nor a change of level"), "{}", finding.answer);
    assert_eq!(carried.kept.done.len(), 24);
}

/// A run whose median in each interval is what `level` says, ms.
fn found(level: impl Fn(u32) -> f64) -> Finding {
    let outcomes: Vec<Outcome> = (0..30)
        .map(|round| {
            let times: Vec<u64> = (0..9)
                .map(|call| ((level(round) + f64::from((round * 5 + call * 3) % 7) * 0.1) * 1e6) as u64)
                .collect();
            Outcome {
                unit: Unit {
                    experiment: "variance".into(),
                    target: "t".into(),
                    function: "f".into(),
                    size: "test".into(),
                    variant: String::new(),
                    round,
                    parameters: json!({}),
                    estimate: Estimate::default(),
                },
                measured: json!({
                    "start_unix_ns": 1_800_000_000_000_000_000u64 + u64::from(round) * 600_000_000_000,
                    "cold_ns": 90_000_000, "warm_ns": times, "turned_cold": 0, "tally": {"calls": 10, "failures": {}},
                }),
                cut: None,
            }
        })
        .collect();
    let stage: [&Stage; 0] = [];
    find("variance").unwrap().finding(&request(&stage, &["function1"], &SETTINGS), &outcomes)
}

#[test]
fn a_change_of_level_is_found_where_it_is() {
    let finding = found(|round| if round < 18 { 20.0 } else { 26.0 });
    assert!(finding.answer.contains("the level changed once, 10800 s after the first"), "{}", finding.answer);
    assert_eq!(finding.tables[1].rows.len(), 1);
}

#[test]
fn a_drift_is_found_with_its_size() {
    let finding = found(|round| 20.0 + 0.1 * f64::from(round));
    assert!(finding.answer.contains("it drifted up by 1"), "{}", finding.answer);
    assert!(found(|_| 20.0).answer.contains("no drift"), "{}", found(|_| 20.0).answer);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_cut_goes_on_at_once_and_does_nothing_twice() {
    let stage = Stage::new("one", Manner::named("a"));
    let (sender, stop) = watch::channel(false);
    let asked = || request(&[&stage], &["function1"], &set(600.0, 6));
    let cut = async {
        tokio::time::sleep(Duration::from_secs(1_500)).await;
        sender.send(true).unwrap();
    };
    let stages = [&stage];
    let none = Earlier::default();
    let (first, ()) = tokio::join!(carry_out_until(find("variance").unwrap(), asked(), &stages, &none, stop), cut);
    assert!(first.summary.stopped && first.summary.done == 3 && first.left == 0, "{:?}", first.summary);
    let done: BTreeMap<String, Value> = first.kept.done.iter().map(|key| (key.clone(), json!(null))).collect();
    let begin = tokio::time::Instant::now();
    let (_keep, stop) = watch::channel(false);
    let earlier = Earlier { done: done.clone(), ..Earlier::default() };
    let second = carry_out_until(find("variance").unwrap(), asked(), &stages, &earlier, stop).await;
    assert_eq!(second.kept.done.len(), 3);
    assert!(!second.kept.done.iter().any(|key| done.contains_key(key)));
    let took = begin.elapsed().as_secs_f64();
    assert!((1_200.0..1_210.0).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn with_a_fifth_of_the_calls_failing_or_hanging_counts_are_exact_and_it_ends() {
    let stage = Stage::new("one", Manner { trouble: every_fifth, ..Manner::named("a") });
    let carried =
        carry_out(find("variance").unwrap(), request(&[&stage], &["function1"], &set(600.0, 10)), &[&stage]).await;
    let said = format!("{} of {} calls failed", stage.troubles(), stage.calls());
    assert_eq!(stage.calls(), 100);
    assert!(carried.finding().notes.iter().any(|note| note.contains(&said)), "{:?}", carried.finding().notes);
}
