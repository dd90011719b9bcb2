//! Experiments on platforms: what they leave in the results, how they are cut and gone on with, and what they refuse.

use serde_json::Value;

use crate::support::Installation;

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
