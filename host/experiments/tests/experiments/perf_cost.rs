//! A call costs what its time, its memory and the price's rule make of it, and machines pay from where arithmetic says.

use std::time::Duration;

use experiments::{Cell, Experiment, Finding, find};
use serde_json::{Value, json};

use crate::pretended::{Manner, every_fifth};
use crate::stage::{Carried, Stage, carry_out, request};

fn perf_cost() -> &'static dyn Experiment {
    find("perf-cost").unwrap()
}

/// A file of prices by which a million calls of 100 ms and 128 MiB cost what is easily reckoned.
fn prices(folder: &std::path::Path, platform: &str, step_ms: u64) -> Value {
    let path = folder.join("mine.toml");
    let text = format!(
        r#"
        version = 1
        [[function]]
        platform = "{platform}"
        plan = "mine"
        regions = ["here"]
        currency = "EUR"
        per-million-requests = 1.0
        per-gibibyte-second = 0.00008
        billed-step-ms = {step_ms}
        minimum-billed-ms = 1
        bills-start = false
        source = "https://localhost/"
        date = "2026-11"
        [[machine]]
        provider = "me"
        name = "small"
        architecture = "x86-64"
        region = "here"
        vcpus = 1
        memory-gib = 1
        currency = "EUR"
        per-hour = 0.01
        source = "https://localhost/"
        date = "2026-11"
        "#
    );
    std::fs::write(&path, text).unwrap();
    json!(path.to_str().unwrap())
}

/// The rows with these words in them.
fn rows<'a>(finding: &'a Finding, table: usize, words: &'a [&'a str]) -> impl Iterator<Item = &'a Vec<Cell>> {
    finding.tables[table]
        .rows
        .iter()
        .filter(|row| words.iter().all(|word| row.iter().any(|cell| matches!(cell, Cell::Text(text) if text == word))))
}

fn number(finding: &Finding, table: usize, words: &[&str], name: &str) -> f64 {
    let column = finding.tables[table].columns.iter().position(|column| column.name == name).unwrap();
    let mut found = rows(finding, table, words);
    let row = found.next().unwrap_or_else(|| panic!("no row {words:?} in {:?}", finding.tables[table].rows));
    assert!(found.next().is_none(), "several rows {words:?}");
    match &row[column] {
        Cell::Estimate { value, .. } | Cell::Number(value) => *value,
        other => panic!("{name} is {other:?}"),
    }
}

async fn carried(stage: &Stage, set: &[(&str, Value)]) -> Carried {
    carry_out(perf_cost(), request(&[stage], &["function1"], set), &[stage]).await
}

#[tokio::test(start_paused = true)]
async fn a_million_calls_cost_what_the_rule_says_at_each_memory_size() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new("one", Manner { service: Duration::from_millis(95), ..Manner::named("a") });
    let set = [
        ("prices", prices(folder.path(), "a", 100)),
        ("memory-mib", json!([128, 512])),
        ("starts", json!(["sequential", "cold"])),
        ("least-calls", json!(10)),
        ("machines", json!(["small"])),
    ];
    let carried = carried(&stage, &set).await;
    let finding = carried.finding();
    // 96 ms, billed as the local platform bills: by the ms, so that GB-s and price follow from what it says.
    for mib in [128.0, 512.0] {
        let memory = format!("{mib} MiB");
        let words = ["one", memory.as_str(), "sequential"];
        let billed_s = number(finding, 0, &words, "billed time, median") / 1e9;
        assert!((0.095..0.105).contains(&billed_s), "{billed_s}");
        let gigabyte_seconds = number(finding, 0, &words, "memory x time, mean");
        assert!((gigabyte_seconds / (billed_s * mib * 1_048_576.0 / 1e9) - 1.0).abs() < 0.02, "{gigabyte_seconds}");
        let million = number(finding, 0, &words, "a million calls");
        assert!((million / (1.0 + 80.0 * billed_s * mib / 1024.0) - 1.0).abs() < 0.02, "{million}");
        assert!(number(finding, 0, &["one", &memory, "cold"], "time for the caller, median") > 130e6);
    }
    // 7.30 a month at the price of a call.
    let each = number(finding, 0, &["one", "128 MiB", "sequential"], "a million calls") / 1e6;
    let calls = number(finding, 1, &["one", "128 MiB"], "break-even, calls a month");
    assert!((calls * each / 7.3 - 1.0).abs() < 0.01, "{calls}");
    for name in
        ["break-even, calls a month", "it serves at most, calls a month", "a million calls, were it always busy"]
    {
        let place = finding.tables[1].columns.iter().position(|column| column.name == name).unwrap();
        let of_both = finding.tables[1].rows.iter().map(|row| &row[place]);
        for cell in of_both {
            let Cell::Estimate { value, low: Some(low), high: Some(high), .. } = cell else {
                panic!("{name}: {cell:?}")
            };
            assert!(low <= value && value <= high, "{name}: {cell:?}");
        }
    }
    assert!(finding.answer.contains("cheapest with 128 MiB") && finding.answer.contains("EUR"), "{}", finding.answer);
    assert!(finding.notes.iter().any(|note| note.contains("https://localhost/ (2026-11)")), "{:?}", finding.notes);
    assert_eq!(finding.plots.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_price_there_are_time_and_gigabyte_seconds_and_a_line_that_says_so() {
    let stage = Stage::new("one", Manner::named("a"));
    let carried = carried(&stage, &[("memory-mib", json!([256])), ("starts", json!(["warm", "burst"]))]).await;
    let finding = carried.finding();
    assert!(number(finding, 0, &["warm"], "memory x time, mean") > 0.0);
    assert!(finding.answer.contains("GB-s") && finding.answer.contains("it has no price"), "{}", finding.answer);
    assert!(finding.notes.iter().any(|note| note.contains("one has no price of a call")), "{:?}", finding.notes);
    // A machine can be priced all the same.
    assert!(number(finding, 1, &["aws t3.medium"], "a million calls, were it always busy") > 0.0);
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_interval_is_narrow_and_when_it_never_is() {
    let even = Stage::new("even", Manner::named("a"));
    let wild = Stage::new("wild", Manner { jitter: Duration::from_secs(1), ..Manner::named("b") });
    let set = [
        ("starts", json!(["sequential"])),
        ("rounds", json!(1)),
        ("memory-mib", json!([128])),
        ("least-calls", json!(10)),
        ("most-calls", json!(40)),
        ("interval", json!(0.001)),
    ];
    let stages = [&even, &wild];
    let carried = carry_out(perf_cost(), request(&stages, &["function1"], &set), &stages).await;
    let finding = carried.finding();
    assert!(number(finding, 0, &["wild"], "calls") == 41.0);
    assert_eq!(rows(finding, 0, &["wild", "no: as many calls as may be were made"]).count(), 1);
    assert!(number(finding, 0, &["even"], "calls") <= 41.0);
    let slow = Stage::new("slow", Manner { service: Duration::from_secs(20), ..Manner::named("c") });
    let set =
        [("starts", json!(["sequential"])), ("rounds", json!(1)), ("memory-mib", json!([128])), ("seconds", json!(60))];
    let carried = carry_out(perf_cost(), request(&[&slow], &["function1"], &set), &[&slow]).await;
    assert_eq!(rows(carried.finding(), 0, &["slow", "no: the time was over"]).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn rounds_are_put_together_and_how_far_they_are_apart_is_told() {
    let stage = Stage::new("one", Manner { service: Duration::from_millis(95), ..Manner::named("a") });
    let set = [
        ("starts", json!(["sequential"])),
        ("rounds", json!(3)),
        ("memory-mib", json!([128])),
        ("most-calls", json!(30)),
        ("interval", json!(0.001)),
    ];
    let carried = carried(&stage, &set).await;
    let finding = carried.finding();
    assert_eq!(finding.tables[0].rows.len(), 1);
    assert_eq!(number(finding, 0, &["sequential"], "calls"), stage.calls() as f64);
    assert!(number(finding, 0, &["sequential"], "medians of the rounds apart") < 1.0);
    let column = finding.tables[0].columns.iter().position(|column| column.name == "time for the caller, median");
    let median = &finding.tables[0].rows[0][column.unwrap()];
    assert!(matches!(median, Cell::Estimate { n, .. } if *n == stage.calls() - 3), "{median:?}");
}

#[tokio::test(start_paused = true)]
async fn with_a_fifth_of_the_calls_failing_or_hanging_counts_are_exact_and_it_ends() {
    let stage = Stage::new("one", Manner { trouble: every_fifth, ..Manner::named("a") });
    let carried =
        carried(&stage, &[("memory-mib", json!([128, 256])), ("most-calls", json!(60)), ("interval", json!(0.001))])
            .await;
    let finding = carried.finding();
    let sum = |name: &str| {
        let table = &finding.tables[0];
        let column = table.columns.iter().position(|column| column.name == name).unwrap();
        let cells = table.rows.iter().map(|row| match row[column] {
            Cell::Number(number) => number,
            ref other => panic!("{name} is {other:?}"),
        });
        cells.sum::<f64>()
    };
    assert_eq!(sum("calls"), stage.calls() as f64);
    assert_eq!(sum("failed"), stage.troubles() as f64);
    assert!(stage.troubles() > 20);
}
