//! Bursts have the instances, times and speeds that were set.

use std::time::Duration;

use experiments::{Experiment, find};
use serde_json::json;

use crate::pretended::{Manner, every_fifth};
use crate::stage::{Stage, carry_out, number, request};

fn concurrency() -> &'static dyn Experiment {
    find("concurrency").unwrap()
}

/// Rows are cold before warm, each with the sizes in rising order.
const SIZES: [f64; 5] = [1.0, 2.0, 4.0, 8.0, 16.0];

#[tokio::test(start_paused = true)]
async fn where_there_is_room_each_call_has_an_instance_of_its_own() {
    let stage = Stage::new("one", Manner { cold_start: Duration::from_millis(300), ..Manner::named("a") });
    let settings = [("maximum", json!(16)), ("rounds", json!(3))];
    let carried = carry_out(concurrency(), request(&[&stage], &["function1"], &settings), &[&stage]).await;
    let finding = carried.finding();
    let cell = |row: usize, name: &str| number(finding, 0, row, name);
    assert_eq!(finding.tables[0].rows.len(), 10);
    for (row, size) in SIZES.iter().enumerate() {
        // Rows of the instances as they were come first: "as they were" is false, "ended before" true.
        let (warm, cold) = (row, row + 5);
        assert_eq!((cell(cold, "calls at once"), cell(warm, "calls at once")), (*size, *size));
        assert_eq!((cell(cold, "instances"), cell(warm, "instances")), (*size, *size));
        assert_eq!((cell(cold, "of these reused"), cell(warm, "of these reused")), (0.0, *size));
        assert_eq!((cell(cold, "cold calls"), cell(warm, "cold calls")), (3.0 * size, 0.0));
        assert_eq!(cell(cold, "most calls of one"), 1.0);
        // 200 ms of work, 2 ms more, and the start.
        assert!((cell(cold, "time, median") / 1e6 - 502.0).abs() < 8.0, "{}", cell(cold, "time, median"));
        assert!((cell(warm, "time, median") / 1e6 - 202.0).abs() < 8.0, "{}", cell(warm, "time, median"));
        assert!((cell(warm, "speed of a call") - 1e6).abs() < 1e4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_maximum_of_four_instances_is_seen_and_the_rest_waits() {
    let stage = Stage::new("one", Manner::named("a")).configured(|scale, _| scale.maximum_instances = Some(4));
    let settings = [("maximum", json!(16)), ("rounds", json!(1))];
    let carried = carry_out(concurrency(), request(&[&stage], &["function1"], &settings), &[&stage]).await;
    let finding = carried.finding();
    for (row, instances) in [1.0, 2.0, 4.0, 4.0, 4.0].into_iter().enumerate() {
        assert_eq!(number(finding, 0, row, "instances"), instances);
    }
    assert_eq!(number(finding, 0, 4, "most calls of one"), 4.0);
    // The last of 16 waits for three calls of 202 ms before it.
    assert!((number(finding, 0, 4, "time, longest") / 1e6 - 808.0).abs() < 15.0);
    assert!(finding.answer.contains("16 calls of function1 at once"), "{}", finding.answer);
}

#[tokio::test(start_paused = true)]
async fn neighbours_that_slow_each_other_down_are_seen_in_the_speed() {
    let stage = Stage::new("one", Manner { interference: 1.0, ..Manner::named("a") });
    let settings = [("maximum", json!(2)), ("rounds", json!(4))];
    let carried = carry_out(concurrency(), request(&[&stage], &["function1"], &settings), &[&stage]).await;
    let finding = carried.finding();
    // One of the two found nobody there, the other found one: speeds of 1 and a half.
    assert!((number(finding, 0, 1, "speed of a call") - 0.75e6).abs() < 1e4);
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted_exactly_and_it_ends() {
    let stage = Stage::new("one", Manner { trouble: every_fifth, ..Manner::named("a") })
        .configured(|scale, _| (scale.maximum_instances, scale.queue) = (Some(2), Some(8)));
    let settings = [("maximum", json!(16)), ("rounds", json!(2))];
    let carried = carry_out(concurrency(), request(&[&stage], &["function1"], &settings), &[&stage]).await;
    let finding = carried.finding();
    let sum = |name: &str| (0..10).map(|row| number(finding, 0, row, name)).sum::<f64>();
    assert_eq!(sum("calls"), 2.0 * 2.0 * 31.0);
    assert_eq!(sum("calls"), carried.kept.calls.len() as f64);
    let failed = carried.kept.calls.iter().filter(|(_, call)| !call.is_success()).count();
    assert_eq!(sum("failed"), failed as f64);
    // Six of 16 found two instances and a queue of eight full: never asked, never lost.
    assert_eq!(failed as u64, stage.troubles() + 2 * 2 * 6);
    assert!(finding.notes.iter().any(|note| note.contains("overloaded")), "{:?}", finding.notes);
}

#[tokio::test(start_paused = true)]
async fn it_needs_a_function_that_computes_as_long_as_it_is_told() {
    let stage = Stage::new("one", Manner::named("a"));
    let request = request(&[&stage], &["thumbnailer"], &[]);
    let error = concurrency().units(&request).unwrap_err().to_string();
    assert!(error.contains("function1, function2, function3, monolith"), "{error}");
}
