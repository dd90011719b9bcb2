//! Cold starts are known, their parts are those that were set, and what went wrong is counted.

use std::time::Duration;

use experiments::{Cell, find};
use serde_json::{Value, json};

use crate::pretended::{Manner, every_fifth};
use crate::stage::{Carried, Stage, carry_out, number, request};

async fn carried(stages: &[&Stage], functions: &[&str], settings: &[(&str, Value)]) -> Carried {
    let mut all = vec![("padding-mb", json!([]))];
    all.extend(settings.iter().cloned());
    carry_out(find("cold-start").unwrap(), request(stages, functions, &all), stages).await
}

#[tokio::test(start_paused = true)]
async fn the_parts_that_were_set_are_found_on_each_platform() {
    let manner = |platform, start, first| Manner {
        cold_start: Duration::from_millis(start),
        first: Duration::from_millis(first),
        service: Duration::from_millis(20),
        ..Manner::named(platform)
    };
    let (quick, slow) = (Stage::new("quick", manner("a", 40, 0)), Stage::new("slow", manner("b", 400, 100)));
    let stages = [&quick, &slow];
    let carried = carried(&stages, &["function1"], &[("rounds", json!(2))]).await;
    let finding = carried.finding();
    // In virtual time nothing takes longer than it was told to, but that timers have whole milliseconds.
    let close = |found: f64, ms: f64| assert!((found / 1e6 - ms).abs() <= 8.0, "{found} ns, not {ms} ms");
    for (row, cold, warm, start, handler) in [(0, 62.0, 21.0, 40.0, 22.0), (1, 522.0, 21.0, 400.0, 122.0)] {
        close(number(finding, 0, row, "cold, median"), cold);
        close(number(finding, 0, row, "warm, median"), warm);
        close(number(finding, 1, 2 * row, "sandbox"), start);
        close(number(finding, 1, 2 * row, "handler"), handler);
        assert_eq!(number(finding, 0, row, "meant cold, was warm"), 0.0);
    }
    assert!(finding.answer.contains("On quick a cold call of function1/test took"), "{}", finding.answer);
    assert!(finding.answer.contains("most of it was sandbox"), "{}", finding.answer);
    // Interleaved: neither platform is measured before the other.
    let first_round = &carried.kept.done[..2];
    assert!(first_round.iter().any(|key| key.contains("quick")) && first_round.iter().any(|key| key.contains("slow")));
    assert!(
        carried
            .kept
            .calls
            .iter()
            .filter(|(_, call)| call.label == "cold")
            .all(|(_, call)| call.is_cold() == Some(true))
    );
}

#[tokio::test(start_paused = true)]
async fn a_larger_image_is_seen_to_start_later() {
    let manner = Manner { cold_start_per_megabyte: Duration::from_millis(50), ..Manner::named("a") };
    let stage = Stage::new("one", manner);
    let carried = carried(&[&stage], &["function1", "monolith"], &[]).await;
    let finding = carried.finding();
    // Images of 1 and 4 MB: 150 ms apart.
    let apart = number(finding, 0, 1, "cold, median") - number(finding, 0, 0, "cold, median");
    assert!((apart / 1e6 - 150.0).abs() < 8.0, "{apart}");
    assert!(finding.answer.contains("On one the cold call of monolith/test (4 MB) took"), "{}", finding.answer);
}

#[tokio::test(start_paused = true)]
async fn with_a_fifth_of_the_calls_failing_or_hanging_counts_are_exact_and_it_ends() {
    let stage = Stage::new("one", Manner { trouble: every_fifth, ..Manner::named("a") });
    let carried = carried(&[&stage], &["function1"], &[("rounds", json!(3))]).await;
    let finding = carried.finding();
    assert_eq!(number(finding, 0, 0, "calls"), stage.calls() as f64);
    assert_eq!(number(finding, 0, 0, "failed"), stage.troubles() as f64);
    assert_eq!(carried.kept.calls.len() as u64, stage.calls());
    assert!(stage.troubles() > 10 && number(finding, 0, 0, "cold, median") > 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_never_keeps_instances_has_no_warm_calls_and_says_so() {
    let stage = Stage::new("one", Manner::named("a")).configured(|scale, _| scale.keep_alive = Some(Duration::ZERO));
    let carried = carried(&[&stage], &["function1"], &[("rounds", json!(1))]).await;
    let finding = carried.finding();
    assert_eq!(number(finding, 0, 0, "meant warm, was cold"), 30.0);
    assert!(matches!(finding.tables[0].rows[0][5], Cell::Absent { .. }));
}

#[tokio::test(start_paused = true)]
async fn an_image_is_padded_where_it_can_be() {
    let manner = Manner { cold_start_per_megabyte: Duration::from_millis(50), ..Manner::named("a") };
    let stage = Stage::new("one", manner);
    let settings = [("padding-mb", json!([3])), ("rounds", json!(2))];
    let carried = carried(&[&stage], &["function1", "function2"], &settings).await;
    let finding = carried.finding();
    // Of the first function only.
    let names: Vec<_> = finding.tables[0].rows.iter().map(|row| row[1].clone()).collect();
    let expected = ["function1/test", "function1/test with 3 MB more", "function2/test"];
    assert_eq!(names, expected.map(|name| Cell::Text(name.to_owned())));
    // Its own megabyte is pretended, the padding is really there: 50 ms for 1 MB, 150 ms for 3 MB.
    let apart = number(finding, 0, 1, "cold, median") - number(finding, 0, 0, "cold, median");
    assert!((apart / 1e6 - 100.0).abs() < 8.0, "{apart}");
    // The section: its kind, four bytes of length, one of its name's, the name.
    assert_eq!(number(finding, 0, 1, "image"), 3_000_008.0 + 13.0);
    let padded =
        stage.counts.deployed.lock().unwrap().iter().find(|spec| spec.image.bytes > 2_500_000).cloned().unwrap();
    // The folder is gone with the unit.
    assert!(padded.image.digest.starts_with("sha256:") && !padded.image.path.exists());
}
