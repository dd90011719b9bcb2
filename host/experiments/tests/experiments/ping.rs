//! A platform without an address has no network part, and says so; what fails is counted.

use std::time::Duration;

use experiments::find;
use serde_json::json;

use crate::pretended::{Manner, every_fifth};
use crate::stage::{Stage, carry_out, number, request};

#[tokio::test]
async fn a_no_op_is_measured_and_failures_are_counted_exactly() {
    let good = Stage::new("good", Manner::named("a"));
    let bad = Stage::new("bad", Manner { trouble: every_fifth, ..Manner::named("b") })
        .configured(|_, limits| limits.time = Some(Duration::from_millis(50)));
    let settings = [("repetitions", json!(20)), ("rounds", json!(1))];
    let carried =
        carry_out(find("ping").unwrap(), request(&[&good, &bad], &["function2"], &settings), &[&good, &bad]).await;
    let finding = carried.finding();
    let rows = format!("{:?}", finding.tables[0].rows);
    assert!(rows.contains("2 internal, 2 limit"), "{rows}");
    let first =
        |target: &str| finding.tables[0].rows.iter().position(|row| format!("{row:?}").contains(target)).unwrap();
    for target in ["good", "bad"] {
        assert_eq!(number(finding, 0, first(target), "made"), 20.0);
        // Each takes 2 ms.
        assert!((2e6..50e6).contains(&number(finding, 0, first(target), "median")), "{rows}");
        assert!(finding.notes.iter().any(|note| note.starts_with(target) && note.contains("no address")));
    }
    assert!(finding.answer.contains("no network part"), "{}", finding.answer);
    // 3 more to warm up.
    assert_eq!((good.calls(), bad.calls()), (23, 23));
}
