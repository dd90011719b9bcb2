//! The host's envelope of bindings.

use std::collections::BTreeMap;

use lab::Error;
use runtime::{Context, Failure, Trace};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// A request of the host.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Envelope<'a> {
    #[serde(borrow)]
    data: BTreeMap<String, &'a RawValue>,
    #[serde(borrow, rename = "Metadata")]
    _metadata: &'a RawValue,
}

/// The value of an HTTP trigger.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HttpTrigger<'a> {
    // Every HTTP trigger has one: it tells it from other values.
    #[serde(rename = "Method")]
    _method: String,
    #[serde(default, borrow)]
    body: Option<&'a RawValue>,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
}

/// What an envelope holds for the function.
#[derive(Debug)]
pub(crate) struct Trigger {
    pub(crate) event: String,
    pub(crate) trace: Trace,
    /// Whether an HTTP response is awaited, under the name `res`.
    pub(crate) is_http: bool,
}

impl<'a> Envelope<'a> {
    /// The envelope that `body` is; `None` when it is none.
    pub(crate) fn parse(body: &'a [u8]) -> Option<Envelope<'a>> {
        serde_json::from_slice(body).ok()
    }

    /// What is in it for the function: the body of the HTTP trigger, or else the value of the first binding.
    ///
    /// # Errors
    /// A bad request for an envelope without bindings.
    pub(crate) fn trigger(&self) -> Result<Trigger, Error> {
        let http = |value: &&'a RawValue| serde_json::from_str::<HttpTrigger<'a>>(value.get()).ok();
        if let Some(trigger) = self.data.values().find_map(http) {
            let header = |wanted: &str| {
                let (_, value) = trigger.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
                // The host sends lists of values.
                value.as_str().or_else(|| value.get(0)?.as_str())
            };
            let trace = Trace::new(header("traceparent"), header("tracestate"));
            return Ok(Trigger { event: text(trigger.body), trace, is_http: true });
        }
        match self.data.values().next() {
            Some(value) => Ok(Trigger { event: text(Some(value)), trace: Trace::default(), is_http: false }),
            None => Err(Error::bad_request("the envelope has no binding under `Data`")),
        }
    }
}

/// A binding's value as an event: the host sends a body as a string, or as the JSON that it is.
fn text(value: Option<&RawValue>) -> String {
    let Some(value) = value.filter(|value| value.get() != "null") else { return "{}".to_owned() };
    let text = serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned());
    if text.trim_ascii().is_empty() { "{}".to_owned() } else { text }
}

/// The host's answer: the response under `res` for an HTTP trigger, else as the return value.
pub(crate) fn outputs(status: u16, headers: &[(&str, String)], body: String, is_http: bool) -> String {
    if !is_http {
        return json!({ "Outputs": {}, "Logs": [], "ReturnValue": body }).to_string();
    }
    let mut all: Map<String, Value> = headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    all.insert("Content-Type".to_owned(), json!("application/json"));
    let response = json!({ "statusCode": status.to_string(), "headers": all, "body": body });
    json!({ "Outputs": { "res": response }, "Logs": [], "ReturnValue": null }).to_string()
}

/// Whether the host is to count an invocation as failed. A refusal is an answer to an HTTP caller; to any other trigger it is
/// a failure, and the host tries again.
pub(crate) fn is_failed(failure: &Failure, is_http: bool) -> bool {
    !is_http || !failure.is_orderly()
}

/// What the host says of an invocation.
pub(crate) fn context(mut context: Context, trace: Trace) -> Context {
    if trace.parent().is_some() {
        context.trace = trace;
    }
    context
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn envelope(data: &str) -> String {
        format!(r#"{{"Data":{data},"Metadata":{{"sys":{{"MethodName":"f"}}}}}}"#)
    }

    #[test]
    fn the_body_of_an_http_trigger_is_the_event() {
        let headers = r#""Headers":{"traceparent":["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]}"#;
        for (body, event) in [
            (r#""{\"a\": 1.0}""#, r#"{"a": 1.0}"#),
            (r#"{"a": 1.0}"#, r#"{"a": 1.0}"#),
            ("null", "{}"),
            (r#""""#, "{}"),
        ] {
            let whole = envelope(&format!(r#"{{"req":{{"Url":"u","Method":"POST",{headers},"Body":{body}}}}}"#));
            let trigger = Envelope::parse(whole.as_bytes()).unwrap().trigger().unwrap();
            assert_eq!((trigger.event.as_str(), trigger.is_http), (event, true));
            assert!(trigger.trace.parent().is_some());
        }
    }

    #[test]
    fn another_triggers_value_is_the_event() {
        let whole = envelope(r#"{"myQueueItem":"{\"sleep\":0}"}"#);
        let trigger = Envelope::parse(whole.as_bytes()).unwrap().trigger().unwrap();
        assert_eq!((trigger.event.as_str(), trigger.is_http), (r#"{"sleep":0}"#, false));
        assert!(Envelope::parse(envelope("{}").as_bytes()).unwrap().trigger().is_err());
    }

    #[test]
    fn an_event_is_no_envelope() {
        for body in ["", "{}", r#"{"sleep": 1}"#, r#"{"Data": {}}"#, r#"{"Data": 1, "Metadata": {}}"#, "[]"] {
            assert!(Envelope::parse(body.as_bytes()).is_none(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_body_arrives_as_it_was_sent(body in "\\PC{1,60}") {
            let data = json!({ "req": { "Method": "POST", "Body": body } }).to_string();
            let whole = envelope(&data);
            let trigger = Envelope::parse(whole.as_bytes()).unwrap().trigger().unwrap();
            let expected = if body.trim_ascii().is_empty() { "{}" } else { body.as_str() };
            prop_assert_eq!(trigger.event, expected);
        }
    }
}
