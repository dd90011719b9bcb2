//! The local experiments on platforms of this machine, looked at from outside.

use serde_json::Value;

use crate::support::{Results, faasbench};

/// The figures of a measure of warm invocations on a platform.
fn on<'a>(report: &'a Value, platform: &str, measure: &str) -> Vec<&'a Value> {
    let figures = report["figures"].as_array().unwrap().iter();
    figures
        .filter(|figure| {
            figure["platform"] == platform && figure["measure"]["name"] == measure && figure["state"] == "warm"
        })
        .collect()
}

/// The median of the only figure of a measure on a platform.
#[track_caller]
fn median(report: &Value, platform: &str, measure: &str) -> f64 {
    let found = on(report, platform, measure);
    assert_eq!(found.len(), 1, "{measure} on {platform}: {found:#?}");
    found[0]["median"]["value"].as_f64().unwrap_or_else(|| panic!("{:#?}", found[0]))
}

/// Whether a container engine can be used here.
fn has_container_engine() -> bool {
    let platforms = faasbench(&["platforms", "--json"]).json();
    let container = platforms.as_array().unwrap().iter().find(|platform| platform["platform"] == "container").unwrap();
    if container["reached"].is_null() {
        eprintln!("skipped: {container}");
    }
    !container["reached"].is_null()
}

#[test]
fn a_process_stands_beside_both_engines_in_one_report() {
    let results = Results::new();
    let ended = results.run("time -f function1 --platform process --repetitions 12 --processes 2 --json");
    ended.succeeds();
    let report = ended.json();
    let (wall, cpu) = (median(&report, "process", "wall"), median(&report, "process", "cpu-time"));
    // It computes for a millisecond, and its caller waits for that and the way there and back.
    assert!(wall > 1e6 && cpu > 5e5, "{wall} {cpu}");
    assert!(wall >= median(&report, "process", "in-instance"), "{wall}");
    // Both engines, in workers of ours.
    assert_eq!(on(&report, "in-process", "wall").len(), 2);
    let cold: Vec<&str> = report["figures"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|figure| figure["platform"] == "process" && figure["state"] == "cold")
        .filter_map(|figure| figure["measure"]["name"].as_str())
        .collect();
    for measure in ["wall", "cold-total", "phase:start-instance"] {
        assert!(cold.contains(&measure), "{measure} is not among {cold:?}");
    }
    let ratios = report["ratios"].as_array().unwrap();
    let process = ratios.iter().filter(|ratio| ratio["numerator"] == "process" && ratio["denominator"] == "native");
    assert!(process.count() > 0, "{ratios:#?}");
    let code = report["run"]["code"].as_array().unwrap();
    let image = code.iter().find(|code| code["platform"] == "process").unwrap();
    assert!(image["digest"].as_str().unwrap().starts_with("sha256:") && image["bytes"].as_u64().unwrap() > 100_000);
    // Nothing is left behind: the deployments are in the ledger as removed.
    let recorded = results.recorded();
    let of_platform = recorded.invocations.values().filter(|invocation| invocation.platform == "process");
    assert_eq!(of_platform.count(), 2 * (1 + 6));
}

#[test]
fn the_table_says_where_and_a_comparison_takes_a_platform_as_a_side() {
    let results = Results::new();
    let ended = results.run("time -f function1 --engine native --platform process --repetitions 6 --processes 1");
    let table = ended.succeeds();
    for part in ["where", "process", "/ native", "start of the instance"] {
        assert!(table.contains(part), "{part:?} is missing: {table}");
    }
    let compared =
        faasbench(&["compare", "latest:native", "latest:process", "--results", &results.argument(), "--json"]);
    compared.succeeds();
    assert!(!compared.json()["rows"].as_array().unwrap().is_empty());
}

#[test]
fn memory_disk_and_counters_of_a_process_are_read_from_outside() {
    let results = Results::new();
    let ended = results.run(
        "memory disk-io papi -f compression --engine native --platform process --events task-clock,page-faults \
         --repetitions 3 --processes 1 --json",
    );
    ended.succeeds();
    let report = ended.json();
    // The image's process alone, not the whole of faasbench.
    let (peak, ours) = (median(&report, "process", "peak-rss"), median(&report, "in-process", "peak-rss"));
    assert!(peak > 1e6 && peak < ours, "{peak} {ours}");
    // Page cache and scratch files count too, so the group's peak is no less than what is resident; where there is no group, that
    // is said.
    let group = on(&report, "process", "group-peak");
    match group[0]["median"]["value"].as_f64() {
        Some(bytes) => assert!(bytes >= 5e5, "{bytes}"),
        None => assert!(!group[0]["absences"].as_array().unwrap().is_empty(), "{group:#?}"),
    }
    // It reads half a megabyte of objects and writes them to its scratch disk.
    assert!(median(&report, "process", "read") > 4e5);
    assert!(median(&report, "process", "written") > 4e5);
    assert!(median(&report, "process", "task-clock") > 1e5);
}

#[test]
fn several_instances_at_once_are_several_processes() {
    let results = Results::new();
    let ended = results.run(
        "memory -f function1 --engine native --platform process --instances 3 --repetitions 2 --processes 1 --json",
    );
    ended.succeeds();
    let recorded = results.recorded();
    let instances: std::collections::BTreeSet<_> = recorded
        .invocations
        .values()
        .filter(|invocation| invocation.platform == "process")
        .map(|invocation| invocation.instance_identifier.clone().unwrap())
        .collect();
    assert_eq!(instances.len(), 3);
    assert_eq!(on(&ended.json(), "process", "total-rss").len(), 1);
}

#[test]
fn a_container_stands_beside_a_process() {
    if !has_container_engine() {
        return;
    }
    let results = Results::new();
    let ended = results.run(
        "time memory -f function1 --engine native --platform process,container --repetitions 3 --processes 1 --json",
    );
    ended.succeeds();
    let report = ended.json();
    for platform in ["process", "container"] {
        assert!(median(&report, platform, "wall") > 1e6);
        assert!(median(&report, platform, "peak-rss") > 1e5);
    }
}

#[test]
fn a_platform_of_another_machine_or_none_is_refused() {
    let results = Results::new();
    results.run("time -f function1 --platform warp").fails_with(2, &["warp", "process"]);
    results
        .run("papi -f function1 --engine native --platform process --simulate --repetitions 1 --processes 1")
        .fails_with(1, &["Valgrind"]);
}
