//! One process per request.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::process::{image, root_record};

fn run(argument: &str, variables: &[(&str, &str)]) -> (Option<i32>, Value, String) {
    let mut command = image();
    command.arg(argument).envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_str(&text).unwrap(), log)
}

#[test]
fn the_argument_is_the_event_and_the_output_the_response() {
    for argument in [r#"{"sleep": 0}"#, r#"{"data":{"sleep":0},"context":{}}"#] {
        let (status, response, _) = run(argument, &[]);
        let record = root_record(&response);
        assert_eq!((status, &record["platform"], &record["is_cold"]), (Some(0), &"gestalt".into(), &true.into()));
    }
    let (_, response, _) = run("{}", &[("__OW_ACTION_NAME", "/guest/f")]);
    assert_eq!(root_record(&response)["platform"], "openwhisk");
}

#[test]
fn an_error_is_an_object_a_log_and_an_exit_status() {
    let (status, response, log) = run(r#"{"sleep": -1}"#, &[]);
    assert_eq!((status, &response["error"]["type"]), (Some(1), &"bad-request".into()));
    assert!(log.contains("`sleep`"), "{log}");
}

#[test]
fn an_event_on_the_standard_input_is_served_once() {
    for (mark, platform) in [("FUNCTION_URI", "riff"), ("Http_Method", "openfaas")] {
        let mut command = image();
        let mut child = command.env(mark, "x").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"{\"sleep\": 0}").unwrap();
        let output = child.wait_with_output().unwrap();
        let response = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &root_record(&response)["platform"]), (Some(0), &platform.into()));
    }
}
