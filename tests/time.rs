//! The `time` experiment, from the command line to the report.

use serde_json::Value;

use crate::support::Results;

/// The entries of a report's list that speak of a measure in a state.
fn entries<'a>(report: &'a Value, list: &str, state: &str, measure: &str) -> Vec<&'a Value> {
    let entries = report[list].as_array().unwrap().iter();
    entries.filter(|entry| entry["state"] == state && entry["measure"]["name"] == measure).collect()
}

/// The entry of one engine among figures.
#[track_caller]
fn of<'a>(figures: &[&'a Value], engine: &str) -> &'a Value {
    let found: Vec<&&Value> = figures.iter().filter(|figure| figure["engine"] == engine).collect();
    assert_eq!(found.len(), 1, "{engine} in {figures:#?}");
    found[0]
}

/// An interval around the value, both positive.
#[track_caller]
fn has_interval(estimate: &Value) {
    let [low, value, high] = [&estimate["interval"]["low"], &estimate["value"], &estimate["interval"]["high"]]
        .map(|number| number.as_f64().unwrap_or_else(|| panic!("a number is missing in {estimate}")));
    assert!(0.0 < low && low <= value && value <= high, "{estimate}");
}

#[test]
fn a_run_reports_both_engines_with_intervals_ratio_and_cold_phases() {
    let results = Results::new();
    let ended = results.run("time -f function1 --repetitions 16 --json");
    ended.succeeds();
    let report = ended.json();
    assert_eq!(report["schema"], "faasbench.run-report/1");
    assert_eq!(report["run"]["status"], "complete");
    assert_eq!(report["failures"], serde_json::json!([]));

    let warm = entries(&report, "figures", "warm", "wall");
    for engine in ["native", "wasm"] {
        let median = &of(&warm, engine)["median"];
        assert_eq!(median["samples"], 16, "{median}");
        assert_eq!(median["processes"], 8, "{median}");
        has_interval(median);
        // It computes for a millisecond and hardly does anything else.
        assert!(median["value"].as_f64().unwrap() > 1e6, "{median}");
        // 16 values can't carry a 95th percentile.
        assert!(of(&warm, engine)["p95"].is_null());
    }
    let ratios = entries(&report, "ratios", "warm", "wall");
    assert_eq!(ratios.len(), 1);
    has_interval(&ratios[0]["ratio"]);

    let phases = |state: &str, engine: &str, names: &[&str]| {
        let sum: f64 = names
            .iter()
            .map(|name| of(&entries(&report, "figures", state, name), engine)["max"].as_f64().unwrap())
            .sum();
        let total = of(&entries(&report, "figures", state, "cold-total"), engine);
        assert!(
            0.0 < total["min"].as_f64().unwrap() && total["min"].as_f64().unwrap() <= sum * 1.001,
            "{state} {engine}"
        );
    };
    phases("cold", "native", &["phase:process-start", "phase:instantiate", "wall"]);
    let loaded = ["phase:process-start", "phase:engine", "phase:load", "phase:link", "phase:instantiate", "wall"];
    phases("cold", "wasm", &loaded);
    let compiled = [&loaded[..], &["phase:compile"]].concat();
    phases("cold-compiled", "wasm", &compiled);
    assert!(entries(&report, "figures", "cold", "phase:compile").is_empty());

    let recorded = results.recorded();
    for engine in ["native", "wasm"] {
        let warm = recorded.on(engine).filter(|invocation| !invocation.is_cold);
        assert_eq!(warm.clone().count(), 16);
        assert!(warm.clone().all(|invocation| invocation.wall_ns.is_some() && invocation.user_ns.is_some()));
        let cold = recorded.on(engine).filter(|invocation| invocation.is_cold).count();
        // One for each process, and one more that compiles.
        assert_eq!(cold, if engine == "wasm" { 16 } else { 8 });
    }
    let identities: std::collections::BTreeSet<_> =
        recorded.invocations.values().map(|invocation| invocation.instance_identifier.clone().unwrap()).collect();
    assert_eq!(identities.len(), 24);
}

#[test]
fn the_table_names_functions_engines_and_the_run() {
    let results = Results::new();
    let path = results.argument();
    let ended = results.run("time -f function1 --repetitions 6 --processes 1");
    let table = ended.succeeds();
    for part in ["function1", "native", "wasm", &results.recorded().run.id, &path] {
        assert!(table.contains(part), "{part:?} is missing: {table}");
    }
    assert!(!table.contains('\u{1b}'), "{table}");
}

#[test]
fn one_engine_alone_has_no_ratio() {
    let results = Results::new();
    let ended = results.run("time -f function1 --engine native --repetitions 2 --processes 1 --json");
    ended.succeeds();
    assert_eq!(ended.json()["ratios"], serde_json::json!([]));
    assert_eq!(results.recorded().on("wasm").count(), 0);
}

#[test]
fn repetitions_go_on_until_the_interval_is_narrow() {
    let results = Results::new();
    // So wide that the first look is enough.
    results
        .run("time -f function1 --engine native --repetitions 12 --processes 3 --until-ci 99% --max-repetitions 500")
        .succeeds();
    let warm = results.recorded().on("native").filter(|invocation| !invocation.is_cold).count();
    assert!((12..500).contains(&warm), "{warm}");
}

#[test]
fn an_interval_that_is_not_reached_ends_at_the_bound_and_is_said() {
    let results = Results::new();
    let ended = results.run(
        "time -f function1 --engine native --repetitions 6 --processes 3 --until-ci 0.000001% --max-repetitions 25",
    );
    ended.succeeds();
    let recorded = results.recorded();
    assert_eq!(recorded.on("native").filter(|invocation| !invocation.is_cold).count(), 25);
    for place in [&ended.stderr, &recorded.notes.join("\n")] {
        assert!(place.contains("--max-repetitions") && place.contains("25 repetitions"), "{place}");
    }
}

#[test]
fn invocations_over_the_time_limit_are_failures_and_the_rest_goes_on() {
    let results = Results::new();
    let ended = results.run("time -f function1,function2 --engine native --repetitions 3 --processes 1 --size test,large --timeout 0.09 --json");
    // Large computes for 0.1 s, which is more than it may.
    ended.fails_with(1, &["--timeout"]);
    let recorded = results.recorded();
    assert!(recorded.errors().iter().all(|(kind, _)| *kind == "limit"), "{:?}", recorded.errors());
    for function in ["function1", "function2"] {
        let failed = ended.json()["failures"]
            .as_array()
            .unwrap()
            .iter()
            .any(|failure| failure["function"] == function && failure["size"] == "large");
        assert!(failed, "{ended:#?}");
        let good = recorded.on("native").filter(|row| row.function == function && row.wall_ns.is_some());
        assert_eq!(good.filter(|row| row.size == "test").count(), 4, "{ended:#?}");
    }
}

#[test]
fn every_function_can_be_run() {
    let results = Results::new();
    let ended = results.run("time --repetitions 2 --processes 1 --json");
    ended.succeeds();
    let report = ended.json();
    for function in &faasbench::workload::FUNCTIONS {
        let wall = entries(&report, "figures", "warm", "wall");
        assert_eq!(wall.iter().filter(|figure| figure["function"] == function.name).count(), 2, "{}", function.name);
    }
}
