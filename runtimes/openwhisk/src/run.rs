//! What the invoker sends for one activation, and what it takes as a result.

use std::time::Duration;

use lab::Error;
use runtime::{Answer, Context, Failure, Trace};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The answer must be with the invoker at the deadline, so it is given up this much earlier.
const MARGIN: Duration = Duration::from_millis(100);

/// The body of `/run`, and a line of the ActionLoop.
#[derive(Debug, Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    activation_id: Option<String>,
    #[serde(borrow)]
    deadline: Option<&'a RawValue>,
}

/// One activation: the event and its context.
///
/// # Errors
/// A bad request for what is no such body.
pub(crate) fn activation(body: &[u8]) -> Result<(String, Context), Error> {
    let body: Body<'_> = serde_json::from_slice(body)
        .map_err(|error| Error::bad_request(format!("the activation is not JSON with a `value`: {error}")))?;
    let event = body.value.map_or("{}", RawValue::get).to_owned();
    // A string of milliseconds; older invokers sent a number.
    let deadline = body.deadline.and_then(|deadline| deadline.get().trim_matches('"').parse().ok());
    let deadline = deadline.and_then(Context::deadline_from_unix_ms);
    let deadline = deadline.map(|deadline| deadline.checked_sub(MARGIN).unwrap_or(deadline));
    Ok((event, Context { request_id: body.activation_id, trace: Trace::default(), deadline }))
}

/// The result of an activation as OpenWhisk takes it, and whether it is the function's own: an object or a list in one line.
/// A function's refusal is an object with an `error`, which OpenWhisk calls an application error.
pub fn unwrap_answer(answer: Answer) -> (String, bool) {
    match answer.result {
        Ok(response) if matches!(response.trim_start().as_bytes().first(), Some(b'{' | b'[')) => {
            (result_line(response), true)
        }
        Ok(_) => {
            let error = Error::internal("the function's response is neither an object nor a list");
            (Failure::Function(error).body(), false)
        }
        Err(failure) => (failure.body(), failure.is_orderly()),
    }
}

/// JSON in one line. Line ends in JSON stand only between values, where a space means the same.
pub fn result_line(json: String) -> String {
    if json.contains(['\n', '\r']) { json.replace(['\n', '\r'], " ") } else { json }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_event_is_passed_on_as_it_was_written() {
        let body =
            br#"{"value": {"n": 1.0, "big": 123456789012345678901234567890, "z":1, "a":2}, "activation_id": "a1",
            "deadline": "4102444800000", "namespace": "guest"}"#;
        let (event, context) = activation(body).unwrap();
        assert_eq!(event, r#"{"n": 1.0, "big": 123456789012345678901234567890, "z":1, "a":2}"#);
        assert_eq!(context.request_id.as_deref(), Some("a1"));
        assert!(context.deadline.unwrap() > Instant::now());
    }

    #[test]
    fn what_is_missing_or_odd_is_left_out() {
        for body in [r#"{"value": {}}"#, r#"{"value": {}, "deadline": "soon"}"#, r#"{"value": {}, "deadline": {}}"#] {
            assert!(activation(body.as_bytes()).unwrap().1.deadline.is_none());
        }
        assert_eq!(activation(b"{}").unwrap().0, "{}");
    }

    #[test]
    fn results_are_objects_or_lists_and_refusals_have_an_error() {
        let answer = |result| unwrap_answer(Answer { result, identity: None });
        assert_eq!(answer(Ok("{\n \"a\": 1\r\n}".to_owned())), ("{  \"a\": 1  }".to_owned(), true));
        assert_eq!(answer(Ok("[1]".to_owned())), ("[1]".to_owned(), true));
        let (body, own) = answer(Ok("3".to_owned()));
        assert!(body.contains("neither") && !own);
        let (body, own) = answer(Err(Failure::Function(Error::bad_request("no"))));
        assert_eq!((body.as_str(), own), (r#"{"error":{"message":"no","type":"bad-request"}}"#, true));
        assert!(!answer(Err(Failure::Panicked(String::new()))).1);
    }

    proptest! {
        #[test]
        fn no_body_breaks_the_reader(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = activation(&body);
        }
    }
}
