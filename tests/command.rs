//! The commands that measure nothing.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Results, cache, faasbench, faasbench_with_input};

#[test]
fn there_are_completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = faasbench(&["completions", shell]);
        let script = ended.succeeds();
        for part in ["faasbench", "invoke", "repetitions"] {
            assert!(script.contains(part), "{shell}: {part}");
        }
    }
    faasbench(&["completions", "tcsh"]).fails_with(2, &["tcsh", "bash"]);
}

/// The names that `list` gives, as JSON; the table holds the same.
#[track_caller]
fn listed(what: &str) -> Vec<String> {
    let table = faasbench(&["list", what]);
    let table = table.succeeds();
    let ended = faasbench(&["list", what, "--json"]);
    ended.succeeds();
    let rows = ended.json();
    let rows = rows.as_array().unwrap();
    assert_eq!(table.lines().count(), rows.len(), "{table}");
    let names = rows.iter().map(|row| {
        let [name, description] = ["name", "description"].map(|key| row[key].as_str().unwrap().to_owned());
        assert!(table.contains(&name) && table.contains(&description), "{row} in {table}");
        name
    });
    names.collect()
}

#[test]
fn what_there_is_can_be_listed() {
    let functions = ["function1", "function2", "function3", "monolith", "thumbnailer", "compression"];
    assert_eq!(listed("functions"), functions);
    let experiments = listed("experiments");
    assert_eq!(experiments[..4], ["time", "memory", "disk-io", "papi"]);
    assert_eq!(experiments.len(), 4 + 15, "{experiments:?}");
    for experiment in ["cold-start", "keep-alive", "perf-cost", "regression"] {
        assert!(experiments.contains(&experiment.to_owned()), "{experiments:?}");
    }
    let sizes = listed("sizes");
    for size in ["test", "small", "large"] {
        for function in functions {
            assert!(sizes.contains(&format!("{size} {function}")), "{sizes:?}");
        }
    }
    for platform in ["process", "wasm"] {
        assert!(listed("platforms").contains(&platform.to_owned()));
    }
}

#[test]
fn counters_are_either_countable_or_have_a_reason() {
    let ended = faasbench(&["counters"]);
    assert!(ended.succeeds().contains("can be counted here"));
    let ended = faasbench(&["counters", "--json"]);
    ended.succeeds();
    let inventory = ended.json();
    let entries = inventory["entries"].as_array().unwrap();
    assert!(entries.len() > 20);
    for entry in entries {
        let is_explained = entry["reason"].as_str().is_some_and(|reason| !reason.is_empty());
        assert!(entry["countable"] == true || is_explained, "{entry}");
    }
}

#[test]
fn a_build_says_what_is_compiled_and_where() {
    let ended = faasbench(&["build", "function1", "monolith", "--json"]);
    ended.succeeds();
    let built = ended.json();
    assert_eq!(built.as_array().unwrap().len(), 2);
    for row in built.as_array().unwrap() {
        assert!(std::path::Path::new(row["artefact"].as_str().unwrap()).starts_with(cache().root()));
        assert!(row["component_bytes"].as_u64().unwrap() > 10_000);
        assert!(row["component_digest"].as_str().unwrap().starts_with("sha256:"));
        // It was compiled for these tests already.
        assert_eq!(row["compile_us"], Value::Null);
    }
    let size = |name: &str| built.as_array().unwrap().iter().find(|row| row["function"] == name).unwrap().clone();
    assert!(size("monolith")["component_bytes"].as_u64() > size("function1")["component_bytes"].as_u64());
}

#[test]
fn invoke_prints_the_response_for_people_or_as_it_came() {
    for engine in ["native", "wasm"] {
        let event = r#"{"run_function": "maxDepth", "args": 3, "seed": 1}"#;
        let arguments = ["invoke", "monolith", "--engine", engine, "--payload", event];
        let shown = faasbench(&arguments);
        assert!(shown.succeeds().lines().count() > 5);
        let as_it_came = faasbench(&[&arguments[..], &["--json"]].concat());
        assert_eq!(as_it_came.succeeds().lines().count(), 1);
        let record = |response: &Value| {
            response["records"].as_object().unwrap().values().next().unwrap()["monolith_result"].clone()
        };
        assert_eq!(record(&shown.json()), "4");
        assert_eq!(record(&as_it_came.json()), "4");
    }
    let piped = faasbench_with_input(&["invoke", "function1", "--payload", "-"], b"{}".to_vec());
    assert_eq!(piped.json()["records"].as_object().unwrap().len(), 1);
}

#[test]
fn invoke_makes_the_workload_of_a_size() {
    for function in &faasbench::workload::FUNCTIONS {
        let ended = faasbench(&["invoke", function.name, "--size", "test"]);
        ended.succeeds();
        let key = if function.uses_objects { "digest" } else { "records" };
        assert!(!ended.json()[key].is_null(), "{ended:#?}");
    }
    faasbench(&["invoke", "function1", "--size", "test", "--payload", "{}"]).fails_with(2, &["--payload"]);
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_faasbench"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Nobody reads.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// Progress is for terminals; into a file or a pipe go notes alone, each a line of its own.
#[test]
fn a_run_is_quiet_where_nobody_looks() {
    let results = Results::new();
    let ended = results.run("time -f function1 --engine native --repetitions 2 --json");
    ended.succeeds();
    for mark in ['\r', '\u{1b}', '█', '░'] {
        assert!(!ended.stderr.contains(mark), "{ended:#?}");
    }
    for line in ended.stderr.lines() {
        assert!(["warning: ", "error: "].iter().any(|kind| line.starts_with(kind)), "{ended:#?}");
    }
    assert_ne!(ended.json(), json!(null));
}

#[test]
fn help_is_there_for_every_command() {
    for command in ["run", "invoke", "list", "build", "counters", "completions"] {
        assert!(faasbench(&[command, "--help"]).succeeds().contains("Usage: faasbench"));
    }
    assert!(faasbench(&["--version"]).succeeds().starts_with("faasbench "));
    faasbench(&[]).fails_with(2, &["Usage"]);
    faasbench(&["fly"]).fails_with(2, &["fly"]);
}
