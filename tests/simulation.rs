//! Counting in Valgrind's simulated processor.

use std::collections::BTreeMap;
use std::process::Command;

use crate::support::Results;

fn valgrind_is_there() -> bool {
    let found = Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("skipped: valgrind is not installed");
    }
    found
}

/// What each engine counted in one run, by the event's name.
fn simulate() -> BTreeMap<(String, String), u64> {
    let results = Results::new();
    results.run("papi -f monolith --simulate --repetitions 1 --processes 1").succeeds();
    let recorded = results.recorded();
    let counters = recorded.counters.iter().map(|counter| {
        assert_eq!(counter.source, "simulated");
        let engine = recorded.invocations[&counter.invocation.get()].engine.clone();
        ((engine, counter.name.clone()), counter.value.value().unwrap())
    });
    counters.collect()
}

#[test]
fn two_simulations_count_the_same_instructions() {
    if !valgrind_is_there() {
        return;
    }
    let (first, second) = (simulate(), simulate());
    let instructions = |(_, name): &&(String, String)| name.ends_with("TOT_INS") || name == "instructions";
    let engines: Vec<&str> = first.keys().filter(instructions).map(|(engine, _)| engine.as_str()).collect();
    assert_eq!(engines, ["native", "wasm"], "{first:?}");
    for key in first.keys().filter(instructions) {
        let (one, other) = (first[key] as f64, second[key] as f64);
        // Two matrices of 20 x 20 take some 8,000 products.
        assert!(one > 8_000.0 && (one - other).abs() <= one * 0.01, "{key:?}: {one} and {other}");
    }
}

#[test]
fn a_simulator_that_is_missing_is_said_and_the_rest_is_measured() {
    let results = Results::new();
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_faasbench"))
        .args(["run", "time", "papi", "-f", "function1", "--simulate", "--repetitions", "1", "--processes", "1"])
        .args(["--results", &results.argument()])
        .env("FAASBENCH_CACHE", crate::support::cache().root())
        .env("PATH", "/nonexistent")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("valgrind") && said.contains("install"), "{said}");
    assert!(results.recorded().invocations.values().any(|row| row.experiment == "time" && row.wall_ns.is_some()));
}
