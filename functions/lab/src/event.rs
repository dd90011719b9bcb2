//! Reading an event: typed access to its keys, with errors that say the key, what was found and what is accepted.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::Error;
use crate::json::{write_text, write_value};

/// Longest piece of a caller's value that an error repeats, characters.
const SHOWN_CHARACTERS: usize = 60;

/// An event: a JSON object whose known keys are read by type. Unknown keys are ignored.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    keys: Map<String, Value>,
    /// Where this object stands in the whole event, as errors name it: empty, or `invoke_nested[0].`.
    place: String,
}

impl Event {
    /// Reads an event. Text that is not JSON, or JSON that is not an object, is a bad request.
    #[inline(never)]
    pub fn parse(text: &str) -> Result<Event, Error> {
        match serde_json::from_str(text) {
            Ok(Value::Object(keys)) => Ok(Event { keys, place: String::new() }),
            Ok(other) => Err(Error::bad_request(format!("the event is {}: give a JSON object", describe(&other)))),
            Err(error) => Err(refuse_text(text, &error)),
        }
    }

    /// An object inside an event; `place` is its path there, with the dot that stands before a key.
    pub(crate) fn inner(keys: Map<String, Value>, place: String) -> Event {
        Event { keys, place }
    }

    /// The value under `key` as it is.
    // Not inlined: a search in the map is large and there are many keys.
    #[inline(never)]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.keys.get(key)
    }

    /// The error for `key`: what stands there, and what is `accepted`.
    #[cold]
    pub fn refuse(&self, key: &str, accepted: &str) -> Error {
        refuse(&self.place, key, self.get(key), accepted)
    }

    /// What `read` makes of the value under `key`; `None` when the key is absent, an error when `read` refuses it.
    pub fn optional<'a, T>(
        &'a self,
        key: &str,
        accepted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| self.refuse(key, accepted)),
        }
    }

    /// Like [`Event::optional`], for a key that must be there.
    pub fn required<'a, T>(
        &'a self,
        key: &str,
        accepted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, Error> {
        self.optional(key, accepted, read)?.ok_or_else(|| self.refuse(key, accepted))
    }

    /// A number of seconds, 0 or more, as it was given.
    #[inline(never)]
    pub(crate) fn seconds(&self, key: &str) -> Result<Option<Seconds<'_>>, Error> {
        self.optional(key, "a number of seconds, 0 or more and below 2^64", |value| {
            let Value::Number(number) = value else { return None };
            let duration = Duration::try_from_secs_f64(number.as_f64()?).ok()?;
            Some(Seconds { given: value, duration })
        })
    }
}

/// A duration of an event: the number that was given, to repeat it in the record, and its meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seconds<'e> {
    pub(crate) given: &'e Value,
    pub(crate) duration: Duration,
}

/// The error for `key` of the object at `place`: what was found there, and what is accepted.
#[cold]
#[inline(never)]
pub(crate) fn refuse(place: &str, key: &str, found: Option<&Value>, accepted: &str) -> Error {
    Error::bad_request(match found {
        Some(found) => format!("`{place}{key}` is {}: give {accepted}", describe(found)),
        None => format!("`{place}{key}` is missing: give {accepted}"),
    })
}

/// A value and its type, for an error: `"abc" (a string)`.
#[cold]
pub(crate) fn describe(value: &Value) -> String {
    let kind = match value {
        Value::Null => return "null".to_owned(),
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number with a fraction or beyond 64 bits",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(items) => return format!("a list of {} values", items.len()),
        Value::Object(keys) => return format!("an object of {} keys", keys.len()),
    };
    let mut shown = String::new();
    if let Value::String(text) = value
        && let Some((end, _)) = text.char_indices().nth(SHOWN_CHARACTERS)
    {
        write_text(&mut shown, text.get(..end).unwrap_or_default());
        return format!("{shown}... ({kind} of {} bytes)", text.len());
    }
    write_value(&mut shown, value);
    format!("{shown} ({kind})")
}

/// The error for an event that could not be parsed.
#[cold]
fn refuse_text(text: &str, error: &serde_json::Error) -> Error {
    let reason = error.to_string();
    if reason.starts_with("recursion limit exceeded") {
        return Error::bad_request(format!(
            "the event nests too deep ({reason}): give at most 127 lists and objects inside one another, some 42 nested calls"
        ));
    }
    Error::bad_request(match key_before(text, error.line(), error.column()) {
        Some(key) => format!("the event is not JSON, in or after `{key}`: {reason}; give a JSON object"),
        None => format!("the event is not JSON: {reason}; give a JSON object"),
    })
}

/// The key that the fault at `line` and `column` (both from 1, the column in bytes) belongs to, as far as it can be told.
fn key_before(text: &str, line: usize, column: usize) -> Option<&str> {
    let line_start: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let read = text.as_bytes().get(..line_start + column).unwrap_or(text.as_bytes());
    let colon = read.iter().rposition(|&byte| byte == b':')?;
    let close = read[..colon].iter().rposition(|&byte| byte == b'"')?;
    let open = read[..close].iter().rposition(|&byte| byte == b'"')?;
    text.get(open + 1..close).filter(|key| key.len() <= SHOWN_CHARACTERS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn what_is_no_json_object_is_refused_with_the_place_of_the_fault() {
        for (event, part) in [
            ("", "the event is not JSON: EOF"),
            ("[1, 2]", "the event is a list of 2 values: give a JSON object"),
            ("null", "the event is null"),
            ("\"text\"", "the event is \"text\" (a string)"),
            ("{} {}", "trailing characters"),
            ("{\"sleep\": NaN}", "in or after `sleep`"),
            ("{\"a\": 1,\n \"sleep\": 1e999}", "in or after `sleep`"),
            ("{\"sleep\": ", "in or after `sleep`"),
        ] {
            let error = Event::parse(event).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadRequest);
            assert!(error.message.contains(part), "{event}: {}", error.message);
        }
    }

    #[test]
    fn json_that_nests_too_deep_is_refused() {
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let error = Event::parse(&deep).unwrap_err();
        assert!(error.message.starts_with("the event nests too deep"), "{}", error.message);
    }

    #[test]
    fn an_error_repeats_no_more_than_the_start_of_a_long_value() {
        let error = Event::parse(&format!("\"{}\"", "x".repeat(100_000))).unwrap_err();
        assert!(error.message.len() < 200 && error.message.contains("of 100000 bytes"), "{}", error.message);
    }
}
