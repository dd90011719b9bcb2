//! Whatever is asked, the answer is a clear error with the right exit code: 2 for the user's mistake, 1 for a limit or a
//! fault elsewhere. That nothing panics is checked for every command that any test runs.

use std::fs;

use serde_json::json;

use crate::support::{Bench, Results, faasbench, faasbench_with_input};

#[test]
fn unknown_names_are_answered_with_those_that_exist() {
    let results = Results::new();
    let results = results.argument();
    let wrong: [(&[&str], &[&str]); 9] = [
        (&["invoke", "function9"], &["function9", "function1", "thumbnailer"]),
        (&["run", "-f", "function9"], &["function9", "function1", "thumbnailer"]),
        (&["build", "function9"], &["function9", "function1", "thumbnailer"]),
        (&["run", "speed"], &["speed", "time", "disk-io"]),
        (&["run", "time", "--engine", "jvm"], &["jvm", "native", "wasm"]),
        (&["invoke", "function1", "--engine", "jvm"], &["jvm", "native", "wasm"]),
        (&["run", "time", "--size", "huge"], &["huge", "test", "large"]),
        (&["run", "papi", "--sets", "everything"], &["everything", "cache"]),
        (&["list", "colours"], &["colours", "functions"]),
    ];
    for (arguments, parts) in wrong {
        let mut arguments = arguments.to_vec();
        if arguments[0] == "run" {
            arguments.extend(["--results", &results]);
        }
        faasbench(&arguments).fails_with(2, parts);
    }
    assert!(!std::path::Path::new(&results).exists());
}

#[test]
fn numbers_out_of_range_are_refused() {
    let results = Results::new();
    let results = results.argument();
    let wrong: [(&[&str], &str); 11] = [
        (&["--repetitions", "0"], "repetitions"),
        (&["--repetitions", "-1"], "-1"),
        (&["--repetitions", "4000000000"], "repetitions"),
        (&["--processes", "0"], "processes"),
        (&["--instances", "0"], "instances"),
        (&["--timeout", "0"], "timeout"),
        (&["--timeout", "nan"], "timeout"),
        (&["--memory-limit", "0"], "memory"),
        (&["--memory-limit", "18446744073709551615"], "memory"),
        (&["--until-ci", "0%"], "until-ci"),
        (&["--sample-period", "0.000001"], "sample"),
    ];
    for (extra, part) in wrong {
        let mut arguments = vec!["run", "time", "-f", "function1", "--results", &results];
        arguments.extend(extra);
        faasbench(&arguments).fails_with(2, &[part]);
    }
    assert!(!std::path::Path::new(&results).exists());
    faasbench(&["invoke", "function1", "--timeout", "0"]).fails_with(2, &["--timeout"]);
    faasbench(&["invoke", "function1", "--memory-limit", "0"]).fails_with(2, &["--memory-limit"]);
}

#[test]
fn an_event_of_wrong_types_is_the_users_mistake_and_names_the_key() {
    let wrong = [
        ("function1", r#"{"sleep": "long"}"#, "`sleep`"),
        ("function1", r#"{"sleep": -1}"#, "`sleep`"),
        ("function1", r#"{"invoke_nested": 5}"#, "`invoke_nested`"),
        ("function1", r#"{"StatusCode": 500}"#, "`StatusCode`"),
        ("monolith", r#"{"run_function": "fib", "seed": 1}"#, "`args`"),
        ("monolith", r#"{"run_function": "makeTree", "args": 21, "seed": 1}"#, "`args`"),
        ("monolith", r#"{"run_function": "matrix_mult", "args": 2001, "seed": 1}"#, "`args`"),
        ("monolith", r#"{"run_function": "sudoku", "args": 1, "seed": 1}"#, "`run_function`"),
        ("thumbnailer", "{}", "object"),
        ("thumbnailer", r#"{"object": {"key": 5}, "bucket": {"bucket": "b", "input": "i", "output": "o"}}"#, "key"),
        ("compression", r#"{"object": {"key": "k"}, "bucket": []}"#, "`bucket`"),
        ("function1", "[]", "JSON object"),
        ("function1", "{", "JSON"),
        ("function1", "", "JSON"),
    ];
    for (function, event, key) in wrong {
        for engine in ["native", "wasm"] {
            let ended = faasbench(&["invoke", function, "--engine", engine, "--payload", event]);
            ended.fails_with(2, &["bad-request", key]);
        }
    }
}

#[test]
fn an_event_nested_a_million_deep_is_refused() {
    for event in ["[".repeat(1_000_000), r#"{"a":"#.repeat(1_000_000)] {
        for engine in ["native", "wasm"] {
            let arguments = ["invoke", "function1", "--engine", engine, "--payload", "-"];
            faasbench_with_input(&arguments, event.clone().into_bytes()).fails_with(2, &["bad-request"]);
        }
    }
}

#[test]
fn an_event_of_100_megabytes_is_refused() {
    let mut event = br#"{"padding": ""#.to_vec();
    event.resize(100 << 20, b'x');
    for engine in ["native", "wasm"] {
        let arguments = ["invoke", "function1", "--engine", engine, "--payload", "-"];
        faasbench_with_input(&arguments, event.clone()).fails_with(2, &["6291456", "object storage"]);
    }
}

#[test]
fn an_event_that_is_no_text_is_refused() {
    let arguments = ["invoke", "function1", "--payload", "-"];
    faasbench_with_input(&arguments, b"{\"a\": \"\xff\"}".to_vec()).fails_with(2, &["UTF-8"]);
}

#[test]
fn keys_that_climb_out_of_the_storage_are_refused_and_nothing_is_written() {
    let outside = tempfile::tempdir().unwrap();
    let storage = outside.path().join("storage");
    fs::create_dir(&storage).unwrap();
    fs::write(outside.path().join("secret.jpg"), "secret").unwrap();
    for function in ["thumbnailer", "compression"] {
        for key in ["../secret.jpg", "../../secret.jpg", "a/../../../secret.jpg", "/etc/hostname", "..", "a\u{0}b", ""]
        {
            for engine in ["native", "wasm"] {
                let folder = storage.to_str().unwrap();
                let event = Bench::event(key);
                let arguments = ["invoke", function, "--engine", engine, "--payload", &event, "--storage", folder];
                let ended = faasbench(&arguments);
                assert_eq!(ended.code, Some(2), "{key:?}: {ended:#?}");
            }
        }
    }
    for bucket in ["../storage", "..", "/", "", ".uploads"] {
        let event = json!({"object": {"key": "secret.jpg", "width": 9, "height": 9},
            "bucket": {"bucket": bucket, "input": "..", "output": ".."}})
        .to_string();
        let folder = storage.to_str().unwrap();
        let ended = faasbench(&["invoke", "thumbnailer", "--payload", &event, "--storage", folder]);
        assert_eq!(ended.code, Some(2), "{bucket:?}: {ended:#?}");
    }
    let left: Vec<_> = fs::read_dir(outside.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn an_object_that_is_missing_is_named() {
    let storage = tempfile::tempdir().unwrap();
    let folder = storage.path().to_str().unwrap();
    for function in ["thumbnailer", "compression"] {
        for engine in ["native", "wasm"] {
            let event = Bench::event("absent.jpg");
            let arguments = ["invoke", function, "--engine", engine, "--payload", &event, "--storage", folder];
            faasbench(&arguments).fails_with(2, &["not-found", "absent.jpg"]);
        }
    }
}

/// `run` with a results path that can't be used: known before anything slow is done.
#[track_caller]
fn can_not_be_used(path: &str, parts: &[&str]) {
    faasbench(&["run", "time", "-f", "function1", "--repetitions", "1", "--results", path]).fails_with(2, parts);
}

#[test]
fn a_results_path_that_can_not_be_used_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    can_not_be_used(path, &["is a folder"]);
    can_not_be_used(&format!("{path}/absent/results.db"), &["absent", "does not exist"]);
    // Nobody can create a file there, root neither.
    can_not_be_used("/proc/results.db", &["/proc/results.db", "writing"]);
}

#[test]
fn another_programs_file_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("thesis.txt");
    let content = "my thesis ".repeat(1_000);
    fs::write(&text, &content).unwrap();
    can_not_be_used(text.to_str().unwrap(), &["not a database"]);
    assert_eq!(fs::read_to_string(&text).unwrap(), content);
}

#[test]
fn a_plan_that_can_not_be_carried_out_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    let path = path.to_str().unwrap();
    let refused = |parts: &[&str]| faasbench(&["run", "--plan", path, "--dry-run"]).fails_with(2, parts);
    refused(&[path]);
    fs::write(path, "repetitions: 5").unwrap();
    refused(&["is not a plan"]);
    fs::write(path, [0xff, 0xfe]).unwrap();
    refused(&[path]);

    let printed = faasbench(&["run", "time", "-f", "function1", "--dry-run", "--json"]);
    printed.succeeds();
    let plan = printed.json();
    let spoilt = [
        ("version", json!(99), "version"),
        ("workloads", json!([{"function": "function9", "size": "test"}]), "function9"),
        ("workloads", json!([]), "workload"),
        ("engines", json!(["jvm"]), "jvm"),
        ("repetitoins", json!(5), "repetitoins"),
        ("processes", json!(0), "processes"),
        ("processes", json!(-1), "-1"),
        ("seed", json!("lucky"), "lucky"),
    ];
    for (key, value, part) in spoilt {
        let mut plan = plan.clone();
        plan[key] = value;
        fs::write(path, plan.to_string()).unwrap();
        refused(&[part]);
    }
    // A plan is whole: it does not mix with choices on the command line.
    fs::write(path, plan.to_string()).unwrap();
    faasbench(&["run", "time", "--plan", path, "--dry-run"]).fails_with(2, &["--plan"]);
}

#[test]
fn a_processor_that_is_not_there_is_named() {
    let results = Results::new();
    for processor in ["9999", "1023"] {
        results
            .run(&format!("time -f function1 --repetitions 1 --pin {processor}"))
            .fails_with(2, &["processor", processor]);
    }
}

#[test]
fn an_input_folder_that_can_not_be_used_is_named() {
    let results = Results::new();
    let results = results.argument();
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    for input in [absent.to_str().unwrap(), folder.path().to_str().unwrap(), "/etc/hostname"] {
        for function in ["thumbnailer", "compression"] {
            let arguments =
                ["run", "time", "-f", function, "--repetitions", "1", "--input", input, "--results", &results];
            faasbench(&arguments).fails_with(2, &[input]);
        }
    }
}

#[test]
fn a_cache_folder_that_can_not_be_made_is_named() {
    let results = Results::new();
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_faasbench"))
        .args(["run", "time", "-f", "function1", "--results", &results.argument()])
        .env("FAASBENCH_CACHE", "/proc/faasbench")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("/proc/faasbench") && said.contains("FAASBENCH_CACHE"), "{said}");
}
