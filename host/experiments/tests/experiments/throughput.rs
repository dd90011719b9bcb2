//! The speed and the share of a core that were set are found.

use experiments::{Cell, Experiment, Finding, find};
use serde_json::json;

use crate::pretended::{Manner, every_fifth};
use crate::stage::{Stage, carry_out, number, request};

fn throughput() -> &'static dyn Experiment {
    find("throughput").unwrap()
}

/// The row of that variant.
fn row(finding: &Finding, variant: &str) -> usize {
    let is_it = |row: &Vec<Cell>| row[2] == Cell::Text(variant.to_owned());
    finding.tables[0].rows.iter().position(is_it).unwrap_or_else(|| panic!("no {variant}"))
}

#[tokio::test(start_paused = true)]
async fn shares_of_processors_and_neighbours_are_found() {
    let manner = Manner { iterations_per_s: 3e6, interference: 0.5, ..Manner::named("a") };
    let stage = Stage::new("one", manner);
    let settings =
        [("rounds", json!(2)), ("cpus", json!([0.25, 0.5])), ("memory-mib", json!([512])), ("neighbours", json!([4]))];
    let carried = carry_out(throughput(), request(&[&stage], &["function1"], &settings), &[&stage]).await;
    let finding = carried.finding();
    let cell = |variant: &str, name: &str| number(finding, 0, row(finding, variant), name);
    let expected =
        [("as configured", 3e6, 100.0), ("0.25 CPU", 0.75e6, 25.0), ("0.5 CPU", 1.5e6, 50.0), ("512 MiB", 3e6, 100.0)];
    for (variant, speed, share) in expected {
        assert!((cell(variant, "speed") / speed - 1.0).abs() < 0.01, "{variant}: {}", cell(variant, "speed"));
        assert!((cell(variant, "share of a core") - share).abs() < 0.1, "{variant}");
        assert!((cell(variant, "held back") - (100.0 - share)).abs() < 0.1, "{variant}");
    }
    // The processor itself is as fast as ever where its share is small.
    assert!((cell("0.25 CPU", "speed of CPU time") / 3e6 - 1.0).abs() < 0.01);
    assert_eq!(cell("512 MiB", "memory"), 512.0 * 1_048_576.0);
    // Four neighbours, each of which takes half as much again.
    let beside = cell("4 neighbours", "speed");
    assert!((beside / 1e6 - 1.0).abs() < 0.05, "{beside}");
    assert!(cell("4 neighbours", "neighbours' calls") >= 40.0);
    assert!(finding.answer.contains("0.25 CPU at 0.250 of that and 25% of a core"), "{}", finding.answer);
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_set_is_not_varied() {
    let stage = Stage::new("one", Manner { cpu_limit: false, memory_limit: false, ..Manner::named("a") });
    let units = throughput().units(&request(&[&stage], &["function1"], &[("rounds", json!(1))])).unwrap();
    let variants: Vec<_> = units.iter().map(|unit| unit.variant.as_str()).collect();
    assert_eq!(variants, ["as configured", "1 neighbour", "2 neighbours", "4 neighbours", "8 neighbours"]);
}

#[tokio::test(start_paused = true)]
async fn with_a_fifth_failing_or_hanging_counts_are_exact_and_it_ends() {
    let stage = Stage::new("one", Manner { trouble: every_fifth, ..Manner::named("a") });
    let settings =
        [("rounds", json!(2)), ("cpus", json!([0.5])), ("memory-mib", json!([])), ("neighbours", json!([2]))];
    let carried = carry_out(throughput(), request(&[&stage], &["function1"], &settings), &[&stage]).await;
    let finding = carried.finding();
    let sum = |name: &str| (0..3).map(|row| number(finding, 0, row, name)).sum::<f64>();
    assert_eq!(sum("calls") + sum("neighbours' calls"), stage.calls() as f64);
    assert_eq!(carried.kept.calls.len() as u64, stage.calls());
    let failed = carried.kept.calls.iter().filter(|(_, call)| !call.is_success()).count() as u64;
    assert_eq!(failed, stage.troubles());
    assert!((number(finding, 0, row(finding, "0.5 CPU"), "speed") / 0.5e6 - 1.0).abs() < 0.01);
}
