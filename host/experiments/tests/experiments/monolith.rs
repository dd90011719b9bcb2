//! The same work as one call and as a chain: what the chain adds is what was set.

use std::time::Duration;

use experiments::{Finding, find};
use serde_json::json;

use crate::pretended::{Manner, every_fifth};
use crate::stage::{Stage, carry_out, number, request};

/// The row with these words.
fn row(finding: &Finding, words: &[&str]) -> usize {
    let has = |row: &Vec<experiments::Cell>| words.iter().all(|word| format!("{row:?}").contains(word));
    finding.tables[0].rows.iter().position(has).unwrap()
}

#[tokio::test]
async fn the_chain_adds_its_hops_and_its_starts() {
    let stage = Stage::new("one", Manner { service: Duration::from_millis(4), ..Manner::named("a") });
    let settings = [("work-s", json!(0.01)), ("repetitions", json!(8)), ("cold", json!(2)), ("rounds", json!(1))];
    let carried = carry_out(find("monolith").unwrap(), request(&[&stage], &["monolith"], &settings), &[&stage]).await;
    let finding = carried.finding();
    let figure = |way: &str, kind: &str, column: &str| number(finding, 0, row(finding, &[way, kind]), column);
    let total = "from the call to its answer";
    // 30 ms of work either way; the chain's other two invocations take 4 ms more each.
    let (big, small) = (figure("one call", "\"warm\"", total), figure("function3", "\"warm\"", total));
    assert!((34e6..80e6).contains(&big) && small > big + 6e6, "{big} {small} {:?}", finding.tables[0].rows);
    // Each start takes 40 ms: one against three.
    let (big, small) = (figure("one call", "\"cold\"", total), figure("function3", "\"cold\"", total));
    assert!((74e6..150e6).contains(&big) && small > big + 70e6, "{big} {small}");
    // 34 ms; callers are billed for those that they wait for: 42, 28 and 14 ms.
    assert!(
        figure("function3", "\"warm\"", "executed by all") > 1.8 * figure("one call", "\"warm\"", "executed by all")
    );
    assert_eq!(figure("one call", "\"warm\"", "units of work"), 30_000.0);
    assert_eq!(figure("function3", "\"warm\"", "units of work"), 30_000.0);
    // 2 to warm up, 8 warm, 2 cold, of one and of three invocations.
    assert_eq!(stage.calls(), 12 * 4);
    assert!(finding.answer.contains("has 4") && finding.answer.contains("together 6"), "{}", finding.answer);
    assert!(finding.answer.contains("n = 8 and 8"), "{}", finding.answer);
}

#[tokio::test]
async fn failures_are_counted_by_part() {
    let stage = Stage::new("one", Manner { trouble: every_fifth, ..Manner::named("a") })
        .configured(|_, limits| limits.time = Some(Duration::from_millis(150)));
    let settings = [("work-s", json!(0.002)), ("repetitions", json!(10)), ("cold", json!(1)), ("rounds", json!(1))];
    let carried = carry_out(find("monolith").unwrap(), request(&[&stage], &["monolith"], &settings), &[&stage]).await;
    let finding = carried.finding();
    let calls: f64 = (0..finding.tables[0].rows.len()).map(|row| number(finding, 0, row, "calls")).sum();
    assert_eq!(calls, 22.0);
    let text = format!("{:?}", finding.tables[0].rows);
    assert!(text.contains("in part") && text.contains("limit"), "{text}");
}
