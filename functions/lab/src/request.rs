//! The request keys that the four record functions share.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::Error;
use crate::event::{self, Event, Seconds, describe};

/// The parent of an invocation that no other invocation called.
pub(crate) const ROOT: &str = "root";

/// The common part of an event, checked whole before any work begins.
#[derive(Debug)]
pub(crate) struct Request<'e> {
    pub(crate) sleep: Option<Seconds<'e>>,
    pub(crate) throughput_time: Option<Seconds<'e>>,
    pub(crate) nested: Vec<NestedCall<'e>>,
    pub(crate) parallel: bool,
    /// The caller's identifier, or [`ROOT`].
    pub(crate) parent: &'e str,
    /// This invocation's own level: 0 for the root, its caller's plus 1 for a callee.
    pub(crate) level: u64,
}

/// One entry of `invoke_nested`.
#[derive(Debug)]
pub(crate) struct NestedCall<'e> {
    /// The bare name: what follows the deployment's prefix.
    pub(crate) function_name: &'e str,
    pub(crate) payload: Cow<'e, Map<String, Value>>,
}

impl<'e> Request<'e> {
    #[inline(never)]
    pub(crate) fn read(event: &'e Event) -> Result<Request<'e>, Error> {
        event.optional("StatusCode", "200, or leave it out", |value| (value.as_u64() == Some(200)).then_some(()))?;
        // The misspelling stands in the original system's README, so clients send it; both are checked, the right one wins.
        let misspelt = event.seconds("thoughput_time")?;
        let throughput_time = event.seconds("throughput_time")?.or(misspelt);
        let parent =
            event.optional("parent", "the identifier of the calling invocation, or \"root\"", Value::as_str)?;
        let parent = parent.unwrap_or(ROOT);
        let caller_level = event.optional("level", "the caller's level, an integer from 0 to 2^63-1", level)?;
        let caller_level = caller_level.unwrap_or(0);
        let is_root = parent == ROOT && caller_level == 0;
        Ok(Request {
            sleep: event.seconds("sleep")?,
            throughput_time,
            nested: nested_calls(event)?,
            parallel: event.optional("parallel", "true or false", Value::as_bool)?.unwrap_or(false),
            parent,
            level: if is_root { 0 } else { caller_level + 1 },
        })
    }

    pub(crate) fn sleep_duration(&self) -> Option<Duration> {
        self.sleep.as_ref().map(|sleep| sleep.duration)
    }
}

/// Signed 64 bits hold it in every client and database, and its successor is still a u64.
fn level(value: &Value) -> Option<u64> {
    value.as_i64().and_then(|level| u64::try_from(level).ok())
}

#[inline(never)]
fn nested_calls<'e>(event: &'e Event) -> Result<Vec<NestedCall<'e>>, Error> {
    const ACCEPTED: &str = "a list of {\"function_name\", \"invoke_payload\"} objects";
    let Some(list) = event.optional("invoke_nested", ACCEPTED, Value::as_array)? else { return Ok(Vec::new()) };
    list.iter().enumerate().map(|(index, entry)| nested_call(index, entry)).collect()
}

#[inline(never)]
fn nested_call(index: usize, entry: &Value) -> Result<NestedCall<'_>, Error> {
    let Value::Object(keys) = entry else {
        let found = describe(entry);
        return Err(Error::bad_request(format!(
            "`invoke_nested[{index}]` is {found}: give an object with \"function_name\" and \"invoke_payload\""
        )));
    };
    let refuse = |key, accepted| event::refuse(&format!("invoke_nested[{index}]."), key, keys.get(key), accepted);
    // `code` is an access key that one of the original platforms needed; a platform of ours has its own.
    if !matches!(keys.get("code"), None | Some(Value::String(_) | Value::Number(_))) {
        return Err(refuse("code", "a string or a number, or leave it out"));
    }
    let Some(function_name) = keys.get("function_name").and_then(bare_name) else {
        return Err(refuse("function_name", "a function's name, `function2` or `<deployment>-function2`"));
    };
    let Some(payload) = keys.get("invoke_payload").and_then(payload) else {
        return Err(refuse("invoke_payload", "the callee's event, an object or a string that holds one"));
    };
    Ok(NestedCall { function_name, payload })
}

/// What follows a deployment's prefix.
fn bare_name(name: &Value) -> Option<&str> {
    name.as_str()?.rsplit('-').next().filter(|bare| !bare.is_empty())
}

fn payload(value: &Value) -> Option<Cow<'_, Map<String, Value>>> {
    match value {
        Value::Object(keys) => Some(Cow::Borrowed(keys)),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(Value::Object(keys)) => Some(Cow::Owned(keys)),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn event(text: &str) -> Event {
        Event::parse(text).unwrap()
    }

    #[test]
    fn an_empty_event_asks_for_nothing_and_is_a_root() {
        let event = event("{}");
        let request = Request::read(&event).unwrap();
        assert_eq!(request.sleep_duration(), None);
        assert_eq!(request.throughput_time, None);
        assert_eq!((request.parent, request.level, request.parallel), ("root", 0, false));
        assert!(request.nested.is_empty());
    }

    #[test]
    fn a_callee_is_one_level_below_its_caller() {
        for (text, level) in [
            (r#"{"parent": "root", "level": 0}"#, 0),
            (r#"{"parent": "function1-x", "level": 0}"#, 1),
            (r#"{"parent": "function1-x"}"#, 1),
            (r#"{"parent": "function1-x", "level": 2}"#, 3),
            (r#"{"level": 2}"#, 3),
        ] {
            assert_eq!(Request::read(&event(text)).unwrap().level, level, "{text}");
        }
    }

    #[test]
    fn the_misspelt_throughput_time_is_accepted_and_the_right_spelling_wins() {
        let seconds = |text: &str| Request::read(&event(text)).unwrap().throughput_time.unwrap().duration;
        assert_eq!(seconds(r#"{"thoughput_time": 0.5}"#), Duration::from_millis(500));
        assert_eq!(seconds(r#"{"thoughput_time": 0.5, "throughput_time": 2}"#), Duration::from_secs(2));
    }

    #[test]
    fn a_nested_name_loses_its_prefix_and_a_payload_may_be_text() {
        let event = event(
            r#"{"invoke_nested": [
            {"function_name": "my-deployment-function2", "invoke_payload": {"sleep": 1}, "code": "x"},
            {"function_name": "function3", "invoke_payload": "{\"sleep\": 2}"}]}"#,
        );
        let nested = Request::read(&event).unwrap().nested;
        assert_eq!(nested[0].function_name, "function2");
        assert_eq!(nested[0].payload["sleep"], 1);
        assert_eq!(nested[1].function_name, "function3");
        assert_eq!(nested[1].payload["sleep"], 2);
    }

    #[test]
    fn a_refusal_names_the_key_what_was_found_and_what_is_accepted() {
        for (text, parts) in [
            (r#"{"sleep": "abc"}"#, ["`sleep` is \"abc\" (a string)", "give a number of seconds, 0 or more"]),
            (r#"{"sleep": -1}"#, ["`sleep` is -1 (an integer)", "0 or more"]),
            (r#"{"sleep": -0.5}"#, ["`sleep` is -0.5", "0 or more"]),
            (r#"{"sleep": 1e300}"#, ["`sleep` is 1e300", "below 2^64"]),
            (r#"{"sleep": null}"#, ["`sleep` is null", "seconds"]),
            (r#"{"sleep": true}"#, ["`sleep` is true (a boolean)", "seconds"]),
            (r#"{"throughput_time": []}"#, ["`throughput_time` is a list of 0 values", "seconds"]),
            (r#"{"thoughput_time": -1}"#, ["`thoughput_time` is -1", "seconds"]),
            (r#"{"StatusCode": 500}"#, ["`StatusCode` is 500 (an integer)", "give 200"]),
            (r#"{"StatusCode": "200"}"#, ["`StatusCode` is \"200\" (a string)", "give 200"]),
            (r#"{"parallel": 1}"#, ["`parallel` is 1 (an integer)", "true or false"]),
            (r#"{"parent": 7}"#, ["`parent` is 7", "identifier"]),
            (r#"{"level": -1}"#, ["`level` is -1", "from 0"]),
            (r#"{"level": 0.5}"#, ["`level` is 0.5", "integer"]),
            (r#"{"level": 18446744073709551615}"#, ["`level` is 18446744073709551615", "2^63-1"]),
            (r#"{"invoke_nested": {}}"#, ["`invoke_nested` is an object of 0 keys", "a list"]),
            (r#"{"invoke_nested": [1]}"#, ["`invoke_nested[0]` is 1", "an object"]),
            (r#"{"invoke_nested": [{}]}"#, ["`invoke_nested[0].function_name` is missing", "a function's name"]),
            (
                r#"{"invoke_nested": [{"function_name": "a-", "invoke_payload": {}}]}"#,
                ["`invoke_nested[0].function_name` is \"a-\"", "a function's name"],
            ),
            (
                r#"{"invoke_nested": [{"function_name": "function2"}]}"#,
                ["`invoke_nested[0].invoke_payload` is missing", "the callee's event"],
            ),
            (
                r#"{"invoke_nested": [{"function_name": "function2", "invoke_payload": "[1]"}]}"#,
                ["`invoke_nested[0].invoke_payload` is \"[1]\"", "an object"],
            ),
            (
                r#"{"invoke_nested": [{"function_name": "function2", "invoke_payload": {}, "code": []}]}"#,
                ["`invoke_nested[0].code` is a list", "a string"],
            ),
        ] {
            let error = Request::read(&event(text)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadRequest);
            for part in parts {
                assert!(error.message.contains(part), "{text}: {}", error.message);
            }
        }
    }
}
