use std::time::Duration;

use lab::Error;
use runtime::{Invocation, Settings};

use super::*;

fn echo(event: &str, invocation: &Invocation) -> Result<String, Error> {
    match event {
        "refuse" => Err(Error::bad_request("no")),
        "panic" => panic!("as asked"),
        _ => Ok(format!("{{\"index\":\n{}}}", invocation.instance.invocation_index)),
    }
}

async fn output(event: &str) -> (bool, String) {
    output_of(event, true).await
}

async fn output_of(event: &str, tells_errors: bool) -> (bool, String) {
    let runtime = Runtime::new(echo, "gestalt", &Settings::read(&|_| None).unwrap());
    let mut output = Vec::new();
    let answered =
        one_shot(&runtime, &Shutdown::new(Duration::ZERO), event.to_owned(), tells_errors, &mut output).await.unwrap();
    (answered, String::from_utf8(output).unwrap())
}

#[tokio::test]
async fn the_response_is_one_line() {
    assert_eq!(output("{}").await, (true, "{\"index\": 1}\n".to_owned()));
}

#[tokio::test]
async fn an_error_is_an_object_in_one_line_and_no_success() {
    for (event, said) in [("refuse", "bad-request"), ("panic", "as asked")] {
        let (answered, line) = output(event).await;
        assert!(!answered && line.starts_with("{\"error\":") && line.contains(said), "{line}");
        assert_eq!(line.matches('\n').count(), 1);
    }
}

#[tokio::test]
async fn an_error_is_not_on_the_output_of_who_would_take_it_for_a_response() {
    assert_eq!(output_of("refuse", false).await, (false, String::new()));
    assert_eq!(output_of("{}", false).await, (true, "{\"index\": 1}\n".to_owned()));
}
