//! The first argument: the event, or an envelope of it. Or the standard input.

use std::io::{self, Read};

use runtime::MAXIMUM_EVENT_BYTES;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Gestalt's envelopes: `{"data", "context"}` of its first version, `{"eventName", "data"}` of a stream. Nothing else may be in
/// it, so that an event which happens to have such a key is not taken for one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    context: Option<Value>,
    #[serde(rename = "eventName")]
    event_name: Option<Value>,
}

/// The event that a first argument holds; `None` when it is no JSON object.
pub fn event_argument(argument: &str) -> Option<String> {
    let is_object = argument.trim_start().starts_with('{');
    if !is_object || serde_json::from_str::<&RawValue>(argument).is_err() {
        return None;
    }
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(argument) else { return Some(argument.to_owned()) };
    if envelope.context.is_none() && envelope.event_name.is_none() {
        return Some(argument.to_owned());
    }
    // A request's body arrives as a string.
    let data = envelope.data.get();
    let text = serde_json::from_str::<String>(data).unwrap_or_else(|_| data.to_owned());
    Some(if text.trim_ascii().is_empty() || text == "null" { "{}".to_owned() } else { text })
}

/// The event that a process is written: all of its standard input. An empty one is the empty event.
///
/// # Errors
/// When it can't be read, is not UTF-8, or is larger than an event may be.
pub fn event_input(input: impl Read) -> io::Result<String> {
    let mut event = String::new();
    input.take(MAXIMUM_EVENT_BYTES as u64 + 1).read_to_string(&mut event)?;
    if event.len() > MAXIMUM_EVENT_BYTES {
        let message = format!("the event is larger than {MAXIMUM_EVENT_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(if event.trim_ascii().is_empty() { "{}".to_owned() } else { event })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_event_is_taken_as_it_is() {
        for event in [r#"{"sleep": 1.0}"#, "{}", " {\"data\": 1}", r#"{"data": 1, "context": {}, "sleep": 0}"#] {
            assert_eq!(event_argument(event).as_deref(), Some(event));
        }
    }

    #[test]
    fn an_envelope_is_opened() {
        for (argument, event) in [
            (r#"{"data":{"sleep":0},"context":{"user":"u"}}"#, r#"{"sleep":0}"#),
            (r#"{"data":"{\"sleep\":0}","context":{}}"#, r#"{"sleep":0}"#),
            (r#"{"eventName":"e","data":{"sleep":0}}"#, r#"{"sleep":0}"#),
            (r#"{"data":null,"context":{}}"#, "{}"),
            (r#"{"data":"","context":{}}"#, "{}"),
        ] {
            assert_eq!(event_argument(argument).as_deref(), Some(event), "{argument}");
        }
    }

    #[test]
    fn another_argument_is_no_event() {
        for argument in ["", "--help", "7", "[]", "\"{}\"", "{", "{}x", "/tmp/nuclio-rpc-1.sock"] {
            assert_eq!(event_argument(argument), None, "{argument}");
        }
    }

    #[test]
    fn the_standard_input_is_the_event_within_its_limit() {
        assert_eq!(event_input(&b"{\"a\": 1}"[..]).ok().as_deref(), Some("{\"a\": 1}"));
        assert_eq!(event_input(&b" \n"[..]).ok().as_deref(), Some("{}"));
        assert!(event_input(&[0xff_u8][..]).is_err());
        assert!(event_input(io::repeat(b'7')).is_err());
    }

    proptest! {
        #[test]
        fn no_argument_breaks_the_reader(argument in "\\PC{0,60}") {
            let _ = event_argument(&argument);
        }
    }
}
