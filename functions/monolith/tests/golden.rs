//! The monolith's results against what the original Python system returned, and against CPython for the rest.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::Read;
use std::path::Path;

use lab::{Call, Error, Instance, Lab, ObjectWriter, Outcome, Page};
use serde_json::{Value, json};

/// The monolith needs its instance's description and nothing else.
struct NoPlatform;

fn nothing<T>() -> Result<T, Error> {
    Err(Error::not_found("this test has no platform"))
}

impl Lab for NoPlatform {
    fn open(&self, _: &str, _: &str) -> Result<Box<dyn Read + '_>, Error> {
        nothing()
    }

    fn create(&self, _: &str, _: &str) -> Result<Box<dyn ObjectWriter + '_>, Error> {
        nothing()
    }

    fn list(&self, _: &str, _: &str, _: Option<&str>) -> Result<Page, Error> {
        nothing()
    }

    fn get(&self, _: &str, _: &str) -> Result<Vec<u8>, Error> {
        nothing()
    }

    fn put(&self, _: &str, _: &str, _: &[u8]) -> Result<(), Error> {
        nothing()
    }

    fn invoke(&self, _: &Call) -> Outcome {
        Outcome { response: nothing(), start_ns: 0, end_ns: 0, elapsed_us: 0 }
    }

    fn invoke_all(&self, calls: &[Call]) -> Vec<Outcome> {
        calls.iter().map(|call| self.invoke(call)).collect()
    }

    fn instance(&self) -> Instance {
        Instance {
            identifier: "test".to_owned(),
            invocation_index: 2,
            age_us: 0,
            platform: "test".to_owned(),
            engine: "native".to_owned(),
            arch: "x86_64".to_owned(),
            cores: 1,
            memory_limit_bytes: Some(1),
        }
    }

    fn cpu_time_us(&self) -> Option<u64> {
        Some(1)
    }

    fn scratch(&self) -> &Path {
        Path::new("/nowhere")
    }
}

/// The record that the monolith returns for an event.
fn record(event: &Value) -> Value {
    let response: Value = serde_json::from_str(&monolith::handle(&NoPlatform, &event.to_string()).unwrap()).unwrap();
    response["records"][response["identifier"].as_str().unwrap()].clone()
}

fn run(run_function: &str, args: u32, seed: i64) -> Value {
    record(&json!({"run_function": run_function, "args": args, "seed": seed}))
}

#[test]
fn results_are_those_of_the_original_system() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden/monolith.jsonl");
    let Ok(lines) = fs::read_to_string(&path) else {
        eprintln!("skipped: {} is missing", path.display());
        return;
    };
    let mut compared = 0;
    for line in lines.lines() {
        let expected: Value = serde_json::from_str(line).unwrap();
        let record = record(&json!({
            "run_function": expected["run_function"], "args": expected["args"], "seed": expected["seed"],
        }));
        assert_eq!(record["function_called"], expected["function_called"], "{line}");
        assert_eq!(record["function_argument"], expected["args"]);
        assert_eq!(record["seed"], expected["seed"]);
        if expected["monolith_result"].is_string() {
            assert_eq!(record["monolith_result"], expected["monolith_result"], "{line}");
            compared += 1;
        }
    }
    assert!(compared > 100, "only {compared} results in {}", path.display());
}

/// What the original returned as an object's address, from a model of it in CPython 3.11.
#[test]
fn structures_are_those_that_cpython_draws() {
    for (name, args, seed, expected) in [
        ("makeTree", 1, 0, "[49, [97, None, None], [53, None, None]]"),
        ("flatten", 1, 0, "[6, None, [97, None, [53, None, None]]]"),
        ("sortedArrayToBST", 1, 0, "[0, None, None]"),
        ("sortedListToBST", 1, 0, "[97, [49, None, None], None]"),
        ("makeTree", 2, 3, "[30, [75, [69, None, None], [16, None, None]], [47, [77, None, None], [60, None, None]]]"),
        ("flatten", 2, 3, "[3, None, [75, None, [69, None, [16, None, [47, None, [77, None, [60, None, None]]]]]]]"),
        ("sortedArrayToBST", 2, 3, "[1, [0, None, None], None]"),
        ("sortedListToBST", 2, 3, "[75, [30, None, None], [69, None, None]]"),
        (
            "makeTree",
            3,
            -9,
            "[59, [78, [47, [34, None, None], [17, None, None]], [23, [86, None, None], [0, None, None]]], [43, [",
        ),
        (
            "flatten",
            3,
            -9,
            "[7, None, [78, None, [47, None, [34, None, [17, None, [23, None, [86, None, [0, None, [43, None, [64",
        ),
        ("sortedArrayToBST", 3, -9, "[1, [0, None, None], [2, None, None]]"),
        ("sortedListToBST", 3, -9, "[47, [78, [59, None, None], None], [34, None, None]]"),
        (
            "makeTree",
            6,
            1099511627776,
            "[13, [45, [85, [8, [54, [6, [49, None, None], [51, None, None]], [80, [71, None, None], [9, None, No",
        ),
        (
            "flatten",
            6,
            1099511627776,
            "[1, None, [45, None, [85, None, [8, None, [54, None, [6, None, [49, None, [51, None, [80, None, [71,",
        ),
        (
            "sortedArrayToBST",
            6,
            1099511627776,
            "[3, [1, [0, None, None], [2, None, None]], [5, [4, None, None], None]]",
        ),
        (
            "sortedListToBST",
            6,
            1099511627776,
            "[8, [45, [13, None, None], [85, None, None]], [6, [54, None, None], [49, None, None]]]",
        ),
        (
            "random",
            3,
            0,
            "[6, None, [5, None, [33, None, [65, None, [62, None, [51, None, [100, None, [38, None, [61, None, [4",
        ),
        ("sortedArrayToBST", 0, 0, "None"),
    ] {
        assert_eq!(run(name, args, seed)["monolith_result"], expected, "{name} {args} {seed}");
    }
}

#[test]
fn only_a_matrix_product_is_timed_on_its_own() {
    let product = run("matrix_mult", 20, 1);
    assert_eq!(product["process_time_matrix_us"], 0);
    assert!(product["running_time_matrix_us"].is_u64());
    let fibonacci = run("fib", 20, 1);
    assert_eq!((fibonacci.get("process_time_matrix_us"), fibonacci.get("running_time_matrix_us")), (None, None));
}

#[test]
fn without_run_function_the_fields_are_null() {
    let record = record(&json!({"sleep": 0}));
    for key in ["function_called", "function_argument", "seed", "monolith_result"] {
        assert_eq!(record[key], Value::Null);
    }
    assert_eq!(record["function_name"], "monolith");
}

#[test]
fn a_bad_argument_fails_the_invocation() {
    let event = json!({"run_function": "levelOrder", "args": 21, "seed": 0}).to_string();
    let error = monolith::handle(&NoPlatform, &event).unwrap_err();
    assert!(error.message.contains("`args` is 21 (an integer): give an integer from 0 to 20"), "{}", error.message);
}
