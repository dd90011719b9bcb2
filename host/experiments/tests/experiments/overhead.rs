//! The added time, its two ways and the clocks are those that were set.

use std::time::Duration;

use experiments::{Finding, find};
use serde_json::json;

use crate::pretended::{Manner, every_fifth};
use crate::stage::{Stage, carry_out, number, request};

fn manner() -> Manner {
    Manner {
        ways: (Duration::from_millis(6), Duration::from_millis(2)),
        ahead: Duration::from_secs(7),
        ..Manner::named("a")
    }
}

/// The row of the first table with these words in it.
fn row(finding: &Finding, words: &str) -> usize {
    finding.tables[0].rows.iter().position(|row| format!("{row:?}").contains(words)).unwrap()
}

#[tokio::test]
async fn what_was_set_is_found() {
    let stage = Stage::new("one", manner());
    let settings =
        [("payload-bytes", json!([0, 10_000])), ("repetitions", json!(12)), ("cold", json!(2)), ("rounds", json!(1))];
    let carried = carry_out(find("overhead").unwrap(), request(&[&stage], &["function1"], &settings), &[&stage]).await;
    let finding = carried.finding();
    let warm = row(finding, "\"warm\"");
    // 6 ms there, 2 ms back; a timer adds up to some ms on a busy machine.
    let added = number(finding, 0, warm, "added");
    assert!((8e6..40e6).contains(&added), "{added} {}", finding.answer);
    let (out, back) = (number(finding, 0, warm, "out"), number(finding, 0, warm, "back"));
    let uncertainty = number(finding, 1, 0, "uncertainty");
    assert!((out + back - added).abs() < added / 2.0, "{out} {back} {added}");
    // The clock there is 7 s ahead, which is known within half of the smallest round trip and no worse.
    let offset = number(finding, 1, 0, "offset of the best known");
    assert!((offset - 7e9).abs() <= uncertainty + 1e3, "{offset} {uncertainty}");
    assert!(uncertainty <= added, "{uncertainty}");
    // An instance takes 40 ms to start, which is on the way there.
    let cold = row(finding, "\"cold\"");
    let added = number(finding, 0, cold, "added");
    assert!((48e6..200e6).contains(&added), "{added}");
    assert!(number(finding, 0, cold, "out") > 40e6, "{finding:?}");
    // As much as was set, of both sizes and cold.
    assert_eq!(finding.tables[0].rows.len(), 3);
    assert!(finding.answer.contains("n = 12"), "{}", finding.answer);
    // 3 to warm up, 12 of each size, 2 cold ones with 5 after each.
    assert_eq!((stage.calls(), carried.kept.calls.len()), (3 + 24 + 12, 3 + 24 + 12));
}

#[tokio::test]
async fn failures_are_counted_exactly_and_are_in_no_figure() {
    let stage = Stage::new("one", Manner { trouble: every_fifth, ..Manner::named("a") })
        .configured(|_, limits| limits.time = Some(Duration::from_millis(100)));
    let settings =
        [("payload-bytes", json!([0])), ("repetitions", json!(20)), ("cold", json!(0)), ("rounds", json!(1))];
    let carried = carry_out(find("overhead").unwrap(), request(&[&stage], &["function1"], &settings), &[&stage]).await;
    let finding = carried.finding();
    // Calls 3 to 22: 4, 9, 14 and 19, of which two fail and two hang.
    let text = format!("{:?}", finding.tables[0].rows);
    assert!(text.contains("2 internal, 2 limit"), "{text}");
    let calls: f64 = (0..finding.tables[0].rows.len()).map(|row| number(finding, 0, row, "calls")).sum();
    assert_eq!(calls, 20.0);
    assert_eq!(carried.kept.calls.iter().filter(|(_, call)| !call.is_success()).count(), 4);
}
