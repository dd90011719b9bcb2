//! The record functions over a platform made for the test: trees of nested calls, failures, and every field of a record.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::{Cell, RefCell};
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use crate::{Call, Error, ErrorKind, Instance, Lab, ObjectWriter, Outcome, Page, serve, serve_with};

/// A platform that knows function1 to function3, and some that answer badly.
#[derive(Default)]
struct TestLab {
    /// How many calls came by `invoke_all`, and how many it leaves without an answer.
    at_once: Cell<usize>,
    unanswered: usize,
    /// The payloads, in the order in which they came.
    payloads: RefCell<Vec<Value>>,
    /// Readings of `cpu_time_us`; none is left when it can't be read.
    cpu_time_us: Option<u64>,
}

impl Lab for TestLab {
    fn open(&self, _: &str, _: &str) -> Result<Box<dyn Read + '_>, Error> {
        Err(Error::not_found("no storage"))
    }

    fn create(&self, _: &str, _: &str) -> Result<Box<dyn ObjectWriter + '_>, Error> {
        Err(Error::not_found("no storage"))
    }

    fn list(&self, _: &str, _: &str, _: Option<&str>) -> Result<Page, Error> {
        Err(Error::not_found("no storage"))
    }

    fn get(&self, _: &str, _: &str) -> Result<Vec<u8>, Error> {
        Err(Error::not_found("no storage"))
    }

    fn put(&self, _: &str, _: &str, _: &[u8]) -> Result<(), Error> {
        Err(Error::not_found("no storage"))
    }

    fn invoke(&self, call: &Call) -> Outcome {
        self.payloads.borrow_mut().push(serde_json::from_str(&call.payload).unwrap());
        let response = match call.name.as_str() {
            name @ ("function1" | "function2" | "function3") => serve(name, self, &call.payload),
            "thumbnailer" => Ok(r#"{"result": {"key": "a.jpg"}}"#.to_owned()),
            "page" => Ok("<html>".to_owned()),
            "liar" => Ok(r#"{"identifier": "liar-1", "records": {"liar-1": 7}}"#.to_owned()),
            name => Err(Error::not_found(format!("no function \"{name}\""))),
        };
        Outcome { response, start_ns: 1_000, end_ns: 3_500, elapsed_us: 2 }
    }

    fn invoke_all(&self, calls: &[Call]) -> Vec<Outcome> {
        self.at_once.set(self.at_once.get() + calls.len());
        calls[..calls.len() - self.unanswered].iter().map(|call| self.invoke(call)).collect()
    }

    fn instance(&self) -> Instance {
        Instance {
            identifier: "sandbox-7".to_owned(),
            invocation_index: 1,
            age_us: 12,
            platform: "test".to_owned(),
            engine: "native".to_owned(),
            arch: "x86_64".to_owned(),
            cores: 2,
            memory_limit_bytes: None,
        }
    }

    fn cpu_time_us(&self) -> Option<u64> {
        self.cpu_time_us
    }

    fn scratch(&self) -> &Path {
        Path::new("/nowhere")
    }
}

/// The response, with its root's record.
fn root(lab: &TestLab, event: Value) -> (Value, Value) {
    let response: Value = serde_json::from_str(&serve("function1", lab, &event.to_string()).unwrap()).unwrap();
    let record = response["records"][response["identifier"].as_str().unwrap()].clone();
    (response, record)
}

fn records<'a>(response: &'a Value, function_name: &str) -> Vec<&'a Value> {
    let all = response["records"].as_object().unwrap();
    all.values().filter(|record| record["function_name"] == function_name).collect()
}

#[test]
fn an_empty_event_gives_a_record_with_every_field() {
    let (response, record) = root(&TestLab { cpu_time_us: Some(5), ..TestLab::default() }, json!({}));
    assert_eq!(response.as_object().unwrap().len(), 2);
    let mut record = record.as_object().unwrap().clone();
    let identifier = record.remove("identifier").unwrap();
    let uuid = identifier.as_str().unwrap().strip_prefix("function1-").unwrap();
    assert_eq!(uuid::Uuid::parse_str(uuid).unwrap().get_version_num(), 4);
    let start = record.remove("execution_start_ns").unwrap().as_u64().unwrap();
    let end = record.remove("execution_end_ns").unwrap().as_u64().unwrap();
    assert!(start > 1_700_000_000_000_000_000 && end >= start, "{start} {end}");
    assert!(record.remove("execution_us").unwrap().is_u64());
    let expected = json!({
        "function_name": "function1", "parent": "root", "level": 0, "platform": "test", "engine": "native",
        "arch": "x86_64", "instance_identifier": "sandbox-7", "invocation_index": 1, "is_cold": true,
        "sandbox_age_us": 12, "function_cores": 2, "memory_limit_bytes": null, "process_cpu_us": 5, "sleep": 0.0,
        "throughput_time": null, "throughput": 0, "throughput_running_us": null, "throughput_cpu_us": null,
        "random_seed": null,
    });
    assert_eq!(Value::Object(record), expected);
}

#[test]
fn the_identifier_differs_from_call_to_call() {
    let lab = TestLab::default();
    assert_ne!(root(&lab, json!({})).0["identifier"], root(&lab, json!({})).0["identifier"]);
}

#[test]
fn sleep_and_throughput_are_done_and_reported() {
    let (_, record) = root(
        &TestLab { cpu_time_us: Some(5), ..TestLab::default() },
        json!({"sleep": 0.002, "throughput_time": 0.001}),
    );
    assert_eq!(record["sleep"], 0.002);
    assert_eq!(record["throughput_time"], 0.001);
    assert!(record["throughput"].as_u64().unwrap() > 0);
    assert!(record["throughput_running_us"].as_u64().unwrap() >= 1_000);
    assert_eq!(record["throughput_cpu_us"], 0);
    assert!(record["execution_us"].as_u64().unwrap() >= 3_000);
    assert!(record["random_seed"].is_u64());
}

#[test]
fn processor_time_that_cannot_be_read_is_null() {
    let (_, record) = root(&TestLab::default(), json!({"throughput_time": 0.0001}));
    assert_eq!((&record["process_cpu_us"], &record["throughput_cpu_us"]), (&Value::Null, &Value::Null));
}

/// function1 calls function2 twice, and each of them calls function3.
fn three_levels(parallel: bool) -> Value {
    let call = json!({
        "function_name": "mine-function2",
        "invoke_payload": {
            "level": 40, "parent": "forged",
            "invoke_nested": [{"function_name": "function3", "invoke_payload": {"StatusCode": 200}}],
        },
    });
    json!({"StatusCode": 200, "parallel": parallel, "invoke_nested": [call, call]})
}

#[test]
fn a_tree_of_calls_comes_back_as_one_flat_map() {
    for parallel in [false, true] {
        let lab = TestLab::default();
        let (response, record) = root(&lab, three_levels(parallel));
        assert_eq!(lab.at_once.get(), if parallel { 2 } else { 0 });
        assert_eq!(response["records"].as_object().unwrap().len(), 5);
        assert_eq!((&record["parent"], &record["level"]), (&json!("root"), &json!(0)));
        assert_eq!(record.get("invocation_us"), None);
        let (middle, leaves) = (records(&response, "function2"), records(&response, "function3"));
        assert_eq!((middle.len(), leaves.len()), (2, 2));
        for callee in &middle {
            assert_eq!((&callee["parent"], &callee["level"]), (&record["identifier"], &json!(1)));
        }
        for (leaf, callee) in leaves.iter().zip(&middle) {
            assert_eq!(leaf["level"], 2);
            assert!(middle.iter().any(|caller| caller["identifier"] == leaf["parent"]), "{leaf}");
            for record in [leaf, callee] {
                assert_eq!(record["invocation_start_ns"], 1_000);
                assert_eq!(record["invocation_end_ns"], 3_500);
                assert_eq!(record["invocation_us"], 2);
            }
        }
    }
}

#[test]
fn a_payload_is_handed_on_whole_with_its_caller() {
    let lab = TestLab::default();
    let payload = json!({"sleep": 0.0, "of its own": [1, {"a": null}]});
    let nested = json!([{"function_name": "function2", "invoke_payload": payload}]);
    let (_, record) = root(&lab, json!({"invoke_nested": nested, "parent": "function3-x", "level": 4}));
    let expected = json!({"sleep": 0.0, "of its own": [1, {"a": null}], "parent": record["identifier"], "level": 5});
    assert_eq!(lab.payloads.borrow()[0], expected);
}

#[test]
fn a_failed_call_is_a_record_and_its_siblings_go_on() {
    for parallel in [false, true] {
        let nested = json!([
            {"function_name": "lab-nothing", "invoke_payload": {}},
            {"function_name": "function2", "invoke_payload": {"sleep": "abc"}},
            {"function_name": "page", "invoke_payload": {}},
            {"function_name": "function3", "invoke_payload": {}},
        ]);
        let (response, root) = root(&TestLab::default(), json!({"invoke_nested": nested, "parallel": parallel}));
        assert_eq!(response["records"].as_object().unwrap().len(), 5);
        assert_eq!(root.get("error"), None);
        for (name, kind, message) in [
            ("nothing", "not-found", "no function \"nothing\""),
            ("function2", "bad-request", "`sleep` is \"abc\""),
            ("page", "internal", "the answer of `page` is not JSON"),
        ] {
            let failed = records(&response, name)[0];
            assert!(failed["identifier"].as_str().unwrap().starts_with(&format!("{name}-")));
            assert_eq!((&failed["parent"], &failed["level"]), (&root["identifier"], &json!(1)));
            assert_eq!((&failed["invocation_start_ns"], &failed["invocation_us"]), (&json!(1_000), &json!(2)));
            assert_eq!(failed["error"]["type"], kind);
            assert!(failed["error"]["message"].as_str().unwrap().contains(message), "{failed}");
        }
        assert_eq!(records(&response, "function3")[0].get("error"), None);
    }
}

#[test]
fn an_answer_that_holds_no_records_is_kept_in_a_record() {
    let nested = json!([
        {"function_name": "thumbnailer", "invoke_payload": {}},
        {"function_name": "liar", "invoke_payload": {}},
    ]);
    let (response, root) = root(&TestLab::default(), json!({"invoke_nested": nested}));
    let thumbnailer = records(&response, "thumbnailer")[0];
    assert_eq!(thumbnailer["response"], json!({"result": {"key": "a.jpg"}}));
    assert_eq!((&thumbnailer["parent"], &thumbnailer["level"]), (&root["identifier"], &json!(1)));
    assert_eq!(thumbnailer.get("error"), None);
    assert_eq!(records(&response, "liar")[0]["response"]["records"]["liar-1"], 7);
}

#[test]
fn a_call_that_the_platform_never_answers_has_an_error_and_no_timings() {
    let call = json!({"function_name": "function2", "invoke_payload": {}});
    let lab = TestLab { unanswered: 1, ..TestLab::default() };
    let (response, _) = root(&lab, json!({"invoke_nested": [call, call], "parallel": true}));
    let unanswered: Vec<_> =
        records(&response, "function2").into_iter().filter(|record| record.get("error").is_some()).collect();
    assert_eq!(unanswered.len(), 1);
    assert_eq!(unanswered[0]["error"]["type"], "internal");
    assert_eq!(unanswered[0].get("invocation_us"), None);
}

#[test]
fn an_error_in_the_root_fails_the_invocation_before_any_work() {
    let lab = TestLab::default();
    let nested = json!([{"function_name": "function2", "invoke_payload": {}}]);
    let error = serve("function1", &lab, &json!({"invoke_nested": nested, "level": -1}).to_string()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadRequest);
    let error = serve_with("function1", &lab, &json!({"invoke_nested": nested}).to_string(), |event| {
        Err(event.refuse("args", "an integer"))
    })
    .unwrap_err();
    assert_eq!(error.message, "`args` is missing: give an integer");
    assert!(lab.payloads.borrow().is_empty());
}

#[test]
fn own_work_runs_after_the_nested_calls_and_its_error_fails_the_invocation() {
    let lab = TestLab::default();
    let event = json!({"invoke_nested": [{"function_name": "function2", "invoke_payload": {}}]}).to_string();
    let response = serve_with("monolith", &lab, &event, |_| {
        Ok(Some(Box::new(|_| Ok(vec![("calls_before", lab.payloads.borrow().len().into())]))))
    });
    let response: Value = serde_json::from_str(&response.unwrap()).unwrap();
    assert_eq!(records(&response, "monolith")[0]["calls_before"], 1);
    let error = serve_with("monolith", &lab, &event, |_| Ok(Some(Box::new(|_| Err(Error::internal("broken"))))));
    assert_eq!(error.unwrap_err().message, "broken");
}
