//! Experiments on platforms: what they leave in the results, how they are cut and gone on with, and what they refuse.

use std::collections::BTreeMap;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Installation, saved_in};

/// A quick run's report, as JSON.
#[track_caller]
fn report(installation: &Installation, arguments: &[&str]) -> Value {
    let mut words = vec!["run"];
    words.extend(arguments);
    words.push("--json");
    let ended = installation.run(&words);
    ended.succeeds();
    ended.json()
}

#[test]
fn several_platforms_are_compared_in_one_run_and_nothing_stays_deployed() {
    let installation = Installation::new();
    let report = report(&installation, &["concurrency", "--platform", "wasm,process", "--quick", "--set", "maximum=4"]);
    let finding = &report["findings"][0];
    assert_eq!(finding["experiment"], "concurrency");
    let answer = finding["answer"].as_str().unwrap();
    assert!(answer.contains("wasm") && answer.contains("process"), "{answer}");
    assert!(!finding["tables"].as_array().unwrap().is_empty() && !finding["plots"].as_array().unwrap().is_empty());
    assert_eq!(report["answers"][0]["sentence"], answer);
    assert_eq!(installation.status(), Vec::<Value>::new());
    installation.nothing_is_left();

    // The same from what is stored, and as a page.
    let shown = installation.run(&["show", "latest"]);
    assert!(shown.succeeds().contains(answer), "{shown:?}");
    installation.run(&["report", "latest", "--output", "page.html"]).succeeds();
    let page = std::fs::read_to_string(installation.work().join("page.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("concurrency"));
    let exported = installation.run(&["export", "latest", "--format", "json"]);
    let documents = exported.json()["documents"].as_array().unwrap().clone();
    let kinds: Vec<&str> = documents.iter().filter_map(|document| document["row"]["kind"].as_str()).collect();
    assert!(kinds.contains(&"unit") && kinds.contains(&"finding"), "{kinds:?}");
}

/// The number in that column of the first table's only row.
#[track_caller]
fn number(finding: &Value, name: &str) -> f64 {
    let table = &finding["tables"][0];
    let columns = table["columns"].as_array().unwrap();
    let column = columns.iter().position(|column| column["name"] == name).unwrap();
    table["rows"][0][column].as_f64().unwrap_or_else(|| panic!("{name} of {table}"))
}

/// What the units of the latest run measured, by the kinds of the documents.
fn measured(exported: &Value, kind: &str) -> Vec<Value> {
    let documents = exported["documents"].as_array().unwrap();
    let of_kind = documents.iter().map(|document| &document["row"]).filter(|row| row["kind"] == kind);
    of_kind.map(|row| serde_json::from_str(row["document"].as_str().unwrap()).unwrap()).collect()
}

#[test]
fn a_unit_whose_process_is_killed_keeps_what_it_measured_and_is_gone_on_with() {
    let installation = Installation::new();
    let settings =
        "rounds=1 keep-alive-s=1.5 shortest-idle-s=0.5 longest-idle-s=8 resolution-s=0.1 confirmations=2 instances=0";
    let mut words = vec!["run", "keep-alive", "--platform", "wasm", "-f", "function1"];
    settings.split(' ').for_each(|setting| words.extend(["--set", setting]));
    for signal in [Signal::KILL, Signal::INT] {
        let mut running = installation.start(&words);
        // All doubling is over, and half of the halving is not.
        let results = installation.results();
        let before = saved_in(&results).unwrap_or(0);
        running.until(|_| saved_in(&results).filter(|saved| *saved >= before + 3));
        running.signal(signal);
        running.wait();

        // There is an answer of what was measured until then.
        let report: Value = installation.run(&["show", "latest", "--json"]).json();
        let finding = &report["findings"][0];
        assert_eq!(report["run"]["status"], "interrupted");
        let notes = finding["notes"].to_string();
        assert!(notes.contains("keep-alive/wasm/function1/test//0 was cut before its end"), "{finding}");
        assert!(number(finding, "idle instances") >= 6.0, "{finding}");
        let saved = measured(&installation.run(&["export", "latest", "--format", "json"]).json(), "unit-so-far");
        let before = saved.last().unwrap()["measured"]["observations"].as_array().unwrap().clone();

        let resumed = installation.run(&["run", "--resume", "latest", "--json"]);
        resumed.succeeds();
        let finding = &resumed.json()["findings"][0];
        assert!(!finding["notes"].to_string().contains("cut before its end"), "{finding}");
        let (kept, gone) = (number(finding, "all kept for"), number(finding, "all gone after"));
        // Of a busy machine: what is meant is that it goes on, not how precisely.
        assert!(kept <= 2.5 && 1.5 <= gone, "{kept} to {gone}");
        let exported = installation.run(&["export", "latest", "--format", "json"]).json();
        let units = measured(&exported, "unit");
        assert_eq!((units.len(), &units[0]["client"]), (1, &1.into()));
        let after = units[0]["measured"]["observations"].as_array().unwrap();
        assert_eq!(after[..before.len()], before, "what was measured before stays");
        assert!(after.len() > before.len());
        let mut tried: BTreeMap<String, u32> = BTreeMap::new();
        after.iter().for_each(|one| *tried.entry(one["asked_s"].to_string()).or_default() += 1);
        assert!(tried.values().all(|times| *times == 2), "an idle time was tried twice: {tried:?}");
        installation.nothing_is_left();
        assert_eq!(installation.run(&["status", "--json"]).json(), Value::Array(Vec::new()));
    }
}

#[test]
fn cold_starts_are_known_by_the_instances_themselves() {
    let installation = Installation::new();
    report(&installation, &["cold-start", "--platform", "wasm", "--quick"]);
    let exported = installation.run(&["export", "latest", "--format", "json"]).json();
    let invocations = exported["invocations"].as_array().unwrap();
    assert!(invocations.iter().any(|stored| stored["row"]["is_cold"] == true), "{}", invocations.len());
}

#[test]
fn a_dry_run_prints_every_unit_and_makes_none() {
    let installation = Installation::new();
    let ended = installation.run(&["run", "cold-start", "--platform", "wasm,process", "--quick", "--dry-run"]);
    let text = ended.succeeds();
    assert!(text.contains("wasm") && text.contains("process") && text.contains("invocations"), "{text}");
    assert!(!installation.results().exists());
    let plan = installation.run(&["run", "cold-start", "--platform", "wasm", "--quick", "--dry-run", "--json"]);
    std::fs::write(installation.work().join("plan.json"), plan.succeeds()).unwrap();
    // The plan is taken back.
    let again = installation.run(&["run", "--plan", "plan.json", "--dry-run", "--json"]);
    assert_eq!(again.succeeds(), plan.stdout);
}

#[test]
fn what_can_not_be_asked_is_refused_with_what_can() {
    let installation = Installation::new();
    let quick = |words: &[&str]| installation.run(&[&["run"], words].concat());
    quick(&["cold-start", "time"]).fails_with(2, &["cold-start", "time", "one after another"]);
    quick(&["cold-stat"]).fails_with(2, &["cold-stat", "cold-start", "papi"]);
    quick(&["cold-start", "--platform", "wasm", "--set", "no-such=1"])
        .fails_with(2, &["no-such", "those, with their defaults"]);
    quick(&["cold-start", "--set", "rounds"]).fails_with(2, &["rounds", "NAME=VALUE"]);
    quick(&["cold-start", "--platform", "nowhere"]).fails_with(2, &["nowhere", "wasm"]);
    quick(&["cold-stat", "--quick"]).fails_with(2, &["cold-stat", "cold-start"]);
    quick(&["cold-start,ping", "--platform", "wasm", "--set", "no-such=1"]).fails_with(2, &["no-such"]);
    quick(&["time", "--quick"]).fails_with(2, &["--quick", "platforms"]);
    quick(&["missing.toml"]).fails_with(2, &["missing.toml"]);
    assert!(installation.status().is_empty());
}

#[test]
fn an_experiment_of_ones_own_runs_like_a_built_in_one() {
    let installation = Installation::new();
    installation.run(&["new", "experiment", "mine"]).succeeds();
    for name in ["mine.toml", "experiment-1.json"] {
        assert!(installation.work().join(name).is_file(), "{name}");
    }
    installation.run(&["new", "experiment", "mine"]).fails_with(2, &["mine.toml"]);
    installation.run(&["new", "experiment", "cold-start"]).fails_with(2, &["cold-start", "built-in"]);
    let report = report(&installation, &["mine.toml", "--platform", "wasm", "--quick"]);
    assert_eq!(report["findings"][0]["experiment"], "mine");
    assert!(!report["findings"][0]["tables"].as_array().unwrap().is_empty());
    // The file is in the plan, so that the run can be repeated without it.
    assert!(report["run"]["plan"]["experiments"][0]["script"].as_str().unwrap().contains("mine"));
    // A file that is wrong says where.
    std::fs::write(installation.work().join("wrong.toml"), "name = \"wrong\"\nquestion = \"?\"\n[[step]]\ninvok = 1\n")
        .unwrap();
    installation.run(&["run", "wrong.toml"]).fails_with(2, &["wrong.toml", "invok"]);
}
