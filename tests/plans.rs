//! A plan is printed, stored, given back, and carried out in the same order every time.

use std::fs;

use crate::support::{Results, faasbench, rows_in};

#[test]
fn a_dry_run_prints_the_plan_and_writes_nothing() {
    let results = Results::new();
    let ended = results.run("time memory -f function1,monolith --size small --dry-run");
    for part in ["function1", "monolith", "small", "time", "memory", "native", "wasm"] {
        assert!(ended.succeeds().contains(part), "{ended:#?}");
    }
    assert!(!results.path().exists());
    assert_eq!(ended.stderr, "");
}

#[test]
fn the_same_choices_give_the_same_plan() {
    let print = |seed: &str| {
        let ended = faasbench(&["run", "--seed", seed, "--dry-run", "--json"]);
        ended.succeeds();
        ended.json()
    };
    let plan = print("7");
    assert_eq!(plan, print("7"));
    assert_ne!(plan, print("8"));
    assert_eq!(plan["version"], 1);
    assert_eq!(plan["workloads"].as_array().unwrap().len(), 6);
    assert_eq!(plan["experiments"].as_array().unwrap().len(), 4);
}

/// What was invoked in a run with this seed, in its order.
fn order(seed: &str) -> Vec<(String, String, u32, bool)> {
    let results = Results::new();
    results.run(&format!("time -f function1,function2 --repetitions 4 --processes 2 --seed {seed}")).succeeds();
    let rows = results.recorded().invocations.into_values();
    rows.map(|row| (row.function, row.engine, row.repetition, row.is_cold)).collect()
}

#[test]
fn the_same_seed_gives_the_same_order() {
    let first = order("7");
    assert_eq!(first, order("7"));
    let mut other = order("8");
    assert_ne!(first, other);
    let mut first = first;
    first.sort();
    other.sort();
    assert_eq!(first, other, "another order of the same invocations");
}

#[test]
fn a_plan_that_was_printed_can_be_given_back_and_is_stored_with_the_run() {
    let results = Results::new();
    let printed =
        results.run("time -f monolith --engine native --repetitions 3 --processes 2 --seed 9 --dry-run --json");
    printed.succeeds();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &printed.stdout).unwrap();
    let plan = file.path().to_str().unwrap();
    results.run(&format!("--plan {plan}")).succeeds();
    let recorded = results.recorded();
    assert_eq!(recorded.run.plan, printed.json());
    assert_eq!(recorded.run.seed, 9);
    assert_eq!(recorded.on("native").filter(|invocation| !invocation.is_cold).count(), 3);
    assert_eq!(recorded.on("wasm").count(), 0);
    // What was stored is a plan too.
    fs::write(file.path(), recorded.run.plan.to_string()).unwrap();
    let again = faasbench(&["run", "--plan", plan, "--dry-run", "--json"]);
    again.succeeds();
    assert_eq!(again.json(), printed.json());
}

#[test]
fn a_run_stores_its_label_command_and_environment() {
    let results = Results::new();
    let path = results.argument();
    let label = "before the change";
    let arguments = [
        "run",
        "time",
        "-f",
        "function1",
        "--engine",
        "native",
        "--repetitions",
        "1",
        "--label",
        label,
        "--results",
        &path,
    ];
    faasbench(&arguments).succeeds();
    let run = results.recorded().run;
    assert_eq!(run.label.as_deref(), Some(label));
    assert_eq!(run.command[1..], arguments);
    assert!(run.environment.as_object().unwrap().len() > 3, "{}", run.environment);
}

#[test]
fn several_runs_share_a_results_file_even_at_once() {
    let results = Results::new();
    let words = "time -f function1 --engine native --repetitions 20 --processes 1";
    let both = [results.start(words), results.start(words)];
    let printed = both.map(|running| running.wait().succeeds().to_owned());
    assert_ne!(printed[0], printed[1]);
    assert_eq!(results.integrity(), "ok");
    assert_eq!(rows_in(&results.path()), Some(42));
}
