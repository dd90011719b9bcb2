//! The processor's events.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_protocol::event_text;
use lab::Error;
use runtime::{Context, Trace};
use serde::Deserialize;
use serde_json::Value;

/// One event. What a function does not see of it is not read.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    #[serde(default)]
    body: String,
    #[serde(default)]
    headers: HashMap<String, Value>,
    #[serde(default)]
    id: Option<String>,
}

/// One line: an event, or a batch of them.
#[derive(Debug)]
pub(crate) enum Message {
    One(Event),
    Batch(Vec<Event>),
}

impl Message {
    /// Reads a line.
    ///
    /// # Errors
    /// A bad request for what is no event.
    pub(crate) fn parse(line: &[u8]) -> Result<Message, Error> {
        let parsed = if line.trim_ascii_start().starts_with(b"[") {
            serde_json::from_slice(line).map(Message::Batch)
        } else {
            serde_json::from_slice(line).map(Message::One)
        };
        parsed.map_err(|error| Error::bad_request(format!("the processor's event is not as expected: {error}")))
    }
}

impl Event {
    /// The processor's name of this event.
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What the function is handed.
    ///
    /// # Errors
    /// A bad request for a body that is not base64, or not text.
    pub(crate) fn unwrap(self) -> Result<(String, Context), Error> {
        let header = |wanted: &str| {
            let (_, value) = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
            value.as_str()
        };
        let trace = Trace::new(header("traceparent"), header("tracestate"));
        let body = STANDARD
            .decode(&self.body)
            .map_err(|error| Error::bad_request(format!("the body of the processor's event is not base64: {error}")))?;
        Ok((event_text(body.into())?, Context { request_id: self.id, trace, deadline: None }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(line: &str) -> Event {
        let Message::One(event) = Message::parse(line.as_bytes()).unwrap() else { panic!("a batch") };
        event
    }

    #[test]
    fn an_event_of_the_processor_is_unwrapped() {
        let line = r#"{"body":"eyJzbGVlcCI6MH0=","content-type":"a","content_type":"a","fields":{"z":"1"},
            "headers":{"Traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","X-N":7},"id":"1-2",
            "method":"POST","num_shards":0,"path":"/p/x","shard_id":-1,"size":7,"timestamp":1795227481,
            "trigger":{"kind":"http","name":"h"},"type":"","type_version":"","url":"","version":""}"#;
        let (event, context) = one(line).unwrap().unwrap();
        assert_eq!((event.as_str(), context.request_id.as_deref()), (r#"{"sleep":0}"#, Some("1-2")));
        assert!(context.trace.parent().is_some());
    }

    #[test]
    fn an_event_without_a_body_is_the_empty_event() {
        assert_eq!(one("{}").unwrap().unwrap().0, "{}");
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for line in ["", "x", "3", "{\"body\": 3}", "[3]", "{\"headers\": []}"] {
            assert!(Message::parse(line.as_bytes()).is_err(), "{line}");
        }
        assert!(one(r#"{"body": "%%"}"#).unwrap().is_err());
        assert!(one(r#"{"body": "/w=="}"#).unwrap().is_err());
    }

    proptest! {
        #[test]
        fn any_text_arrives_as_it_was_sent(text in "\\PC{1,80}") {
            let line = serde_json::json!({ "body": STANDARD.encode(&text) }).to_string();
            let expected = if text.trim_ascii().is_empty() { "{}" } else { text.as_str() };
            prop_assert_eq!(one(&line).unwrap().unwrap().0, expected);
        }
    }
}
