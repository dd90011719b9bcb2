use std::io::Cursor;
use std::time::Duration;

use lab::Error;
use runtime::{Invocation, Settings};

use super::*;

fn echo(event: &str, _: &Invocation) -> Result<String, Error> {
    match event {
        r#"{"do":"panic"}"# => panic!("as asked"),
        r#"{"do":"refuse"}"# => Err(Error::bad_request("no")),
        _ => Ok(event.replace(',', ",\n")),
    }
}

/// What the proxy reads for these lines.
async fn results(input: &str, acknowledge: bool) -> Vec<String> {
    let runtime = Arc::new(Runtime::new(echo, "openwhisk", &Settings::read(&|_| None).unwrap()));
    let mut output = Vec::new();
    let input = Cursor::new(input.as_bytes().to_vec());
    let whole = action_loop(runtime, Shutdown::new(Duration::ZERO), input, &mut output, acknowledge).await.unwrap();
    assert!(whole);
    let output = String::from_utf8(output).unwrap();
    assert!(output.is_empty() || output.ends_with('\n'));
    output.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_acknowledgement_comes_first_and_only_where_it_is_waited_for() {
    assert_eq!(results("", true).await, ["{\"ok\":true}"]);
    assert_eq!(results("", false).await, [""; 0]);
}

#[tokio::test]
async fn each_line_has_one_line_for_an_answer() {
    let input = concat!(
        "{\"value\":{\"a\":1,\"b\":2},\"deadline\":\"4102444800000\"}\n",
        "{\"value\":{\"do\":\"refuse\"}}\n",
        "nonsense\n",
        "\n",
        "{\"value\":{\"do\":\"panic\"}}\n",
        "{\"value\":[1]}\n",
    );
    let found = results(input, true).await;
    assert_eq!(found.len(), 7);
    assert_eq!(found[1], "{\"a\":1, \"b\":2}");
    for (index, said) in [(2, "bad-request"), (3, "not JSON"), (4, "not JSON"), (5, "as asked")] {
        assert!(found[index].starts_with("{\"error\":") && found[index].contains(said), "{}", found[index]);
    }
    assert_eq!(found[6], "[1]");
}

#[tokio::test]
async fn a_line_that_is_too_long_is_answered_too() {
    let input = format!("{{\"value\":\"{}\"}}\n{{\"value\":{{}}}}\n", "x".repeat(MAXIMUM_LINE_BYTES));
    let found = results(&input, false).await;
    assert!(found[0].contains("longer than"), "{}", found[0]);
    assert_eq!(found[1..], ["{}"]);
}
