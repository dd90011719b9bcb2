//! The record of one call.

use bytes::Bytes;
use jiff::Timestamp;
use lab::ErrorKind;
use platform::{Answer, Billing, CallId, LogLine, LogStream, Timings};
use remote_platform::identity_in_body;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::action::Annotation;

/// An activation as the API tells it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Activation<'a> {
    pub(crate) activation_id: String,
    #[serde(default)]
    pub(crate) version: Option<String>,
    /// Begin, ms since 1970.
    #[serde(default)]
    pub(crate) start: u64,
    /// Of the initialisation and the run together, ms.
    #[serde(default)]
    pub(crate) duration: Option<u64>,
    #[serde(borrow)]
    response: Response<'a>,
    /// `<RFC 3339> stdout: text`.
    #[serde(default)]
    logs: Vec<String>,
    #[serde(default)]
    annotations: Vec<Annotation>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    status_code: Option<u8>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With a result.
    Success,
    /// With the function's own error.
    ApplicationError,
    /// Without a result that OpenWhisk takes: the function died, printed no JSON, or its image is not there.
    DeveloperError,
    /// OpenWhisk itself failed.
    InternalError,
}

impl Activation<'_> {
    /// How it ended.
    pub(crate) fn outcome(&self) -> Outcome {
        match (self.response.status_code, self.response.status.as_deref()) {
            (Some(0), _) | (None, Some("success")) => Outcome::Success,
            (Some(1), _) | (None, Some("application error")) => Outcome::ApplicationError,
            (Some(2), _) | (None, Some("action developer error")) => Outcome::DeveloperError,
            _ => Outcome::InternalError,
        }
    }

    /// The result's text.
    pub(crate) fn result(&self) -> &str {
        self.response.result.map_or("null", RawValue::get)
    }

    /// What its `error` says.
    pub(crate) fn error(&self) -> String {
        let result: Value = serde_json::from_str(self.result()).unwrap_or_default();
        match &result["error"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    fn annotation(&self, key: &str) -> Option<&Value> {
        self.annotations.iter().find(|annotation| annotation.key == key).map(|annotation| &annotation.value)
    }

    /// Waiting for a container, ms.
    pub(crate) fn wait_ms(&self) -> Option<u64> {
        self.annotation("waitTime")?.as_u64()
    }

    /// The initialisation, ms; only a cold start has one.
    pub(crate) fn init_ms(&self) -> Option<u64> {
        self.annotation("initTime")?.as_u64()
    }

    /// The answer that it is for a call which began and took as `timings` says.
    pub(crate) fn answer(&self, timings: Timings) -> Answer {
        let body = Bytes::copy_from_slice(self.result().as_bytes());
        let init_ms = self.init_ms();
        let run_ms = self.duration.map(|duration| duration.saturating_sub(init_ms.unwrap_or(0)));
        let ns = |ms: u64| ms.saturating_mul(1_000_000);
        Answer {
            status: self.status(),
            call: Some(CallId(self.activation_id.clone())),
            instance: identity_in_body(&body),
            timings: Timings {
                queue_ns: self.wait_ms().map(ns),
                start_instance_ns: init_ms.map(ns),
                execution_ns: run_ms.map(ns),
                ..timings
            },
            billing: self.billing(),
            body,
        }
    }

    /// HTTP's status of what it is, as the other platforms have it.
    fn status(&self) -> u16 {
        match self.outcome() {
            Outcome::Success => 200,
            Outcome::ApplicationError => {
                let result: Value = serde_json::from_str(self.result()).unwrap_or_default();
                result["error"]["type"].as_str().and_then(ErrorKind::from_name).map_or(502, status_of)
            }
            Outcome::DeveloperError if self.annotation("timeout") == Some(&Value::Bool(true)) => 504,
            Outcome::DeveloperError => 502,
            Outcome::InternalError => 500,
        }
    }

    /// What is billed: duration times memory. `None` without a duration.
    pub(crate) fn billing(&self) -> Option<Billing> {
        let billed_ms = self.duration?;
        let memory_mib = self.annotation("limits").and_then(|limits| limits["memory"].as_u64());
        let memory_bytes = memory_mib.map(|mib| mib << 20);
        let us = |ms: u64| ms.saturating_mul(1000);
        Some(Billing {
            billed_us: us(billed_ms),
            start_us: self.init_ms().map(us),
            wait_us: self.wait_ms().map(us),
            memory_bytes,
            gigabyte_seconds: memory_bytes.map(|bytes| billed_ms as f64 / 1e3 * bytes as f64 / 1e9),
            peak_memory_bytes: None,
        })
    }

    /// What was written. The container's name is not told: it is the instance in the answer, or else the activation.
    pub(crate) fn log_lines(&self) -> Vec<LogLine> {
        let instance =
            identity_in_body(self.result().as_bytes()).map_or_else(|| self.activation_id.clone(), |its| its.id);
        let begin_ns = self.start.saturating_mul(1_000_000);
        self.logs.iter().map(|line| log_line(line, &instance, begin_ns)).collect()
    }
}

/// The status that functions' own errors have over HTTP (`runtimes/README.md`).
fn status_of(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::BadRequest => 400,
        ErrorKind::Denied => 403,
        ErrorKind::NotFound => 404,
        ErrorKind::Limit => 413,
        ErrorKind::Unavailable => 503,
        ErrorKind::Internal => 500,
    }
}

/// `<RFC 3339> stdout: text`; what is not is the platform's own remark, at the activation's begin.
fn log_line(line: &str, instance: &str, begin_ns: u64) -> LogLine {
    let parsed = || {
        let (time, rest) = line.split_once(' ')?;
        let time: Timestamp = time.parse().ok()?;
        let (stream, text) =
            rest.trim_start().split_once(": ").or_else(|| Some((rest.trim().strip_suffix(':')?, "")))?;
        let stream = match stream {
            "stdout" => LogStream::Output,
            "stderr" => LogStream::Error,
            _ => return None,
        };
        Some((u64::try_from(time.as_nanosecond()).ok()?, stream, text))
    };
    let (unix_ns, stream, text) = parsed().unwrap_or((begin_ns, LogStream::Platform, line));
    LogLine { unix_ns, instance: instance.to_owned(), stream, text: text.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLD: &str = r#"{"activationId":"a1","version":"0.0.2","start":1000,"end":1020,"duration":20,
        "response":{"status":"success","statusCode":0,"success":true,"result":{"n":1.0}},
        "logs":["2026-11-28T10:00:00.000000001Z stdout: one","2026-11-28T10:00:00Z stderr: two: three","odd"],
        "annotations":[{"key":"waitTime","value":5},{"key":"initTime","value":8},
            {"key":"limits","value":{"memory":256,"timeout":60000}},{"key":"kind","value":"blackbox"}]}"#;

    #[test]
    fn a_cold_call_tells_its_parts_and_what_it_costs() {
        let activation: Activation<'_> = serde_json::from_str(COLD).unwrap();
        let answer = activation.answer(Timings::default());
        // Numbers stay as they were written.
        assert_eq!((answer.status, &answer.body[..]), (200, br#"{"n":1.0}"#.as_slice()));
        let timings = answer.timings;
        assert_eq!((timings.queue_ns, timings.start_instance_ns), (Some(5_000_000), Some(8_000_000)));
        assert_eq!(timings.execution_ns, Some(12_000_000));
        let billing = answer.billing.unwrap();
        assert_eq!((billing.billed_us, billing.start_us, billing.wait_us), (20_000, Some(8_000), Some(5_000)));
        assert!((billing.gigabyte_seconds.unwrap() - 0.02 * 0.268_435_456).abs() < 1e-12);
    }

    #[test]
    fn lines_have_their_time_and_stream() {
        let activation: Activation<'_> = serde_json::from_str(COLD).unwrap();
        let lines = activation.log_lines();
        let streams: Vec<_> = lines.iter().map(|line| (line.stream, line.text.as_str())).collect();
        let expected = [(LogStream::Output, "one"), (LogStream::Error, "two: three"), (LogStream::Platform, "odd")];
        assert_eq!(streams, expected);
        assert_eq!(lines[0].unix_ns - lines[1].unix_ns, 1);
        assert_eq!(lines[2].unix_ns, 1_000_000_000);
    }

    #[test]
    fn errors_have_the_status_that_other_platforms_give_them() {
        for (code, result, annotations, status) in [
            (1, r#"{"error":{"type":"bad-request","message":"no"}}"#, "[]", 400),
            (1, r#"{"error":"no"}"#, "[]", 502),
            (2, r#"{"error":"died"}"#, "[]", 502),
            (2, r#"{"error":"late"}"#, r#"[{"key":"timeout","value":true}]"#, 504),
            (3, r#"{"error":"ours"}"#, "[]", 500),
        ] {
            let text = format!(
                r#"{{"activationId":"a","response":{{"statusCode":{code},"result":{result}}},"annotations":{annotations}}}"#
            );
            let activation: Activation<'_> = serde_json::from_str(&text).unwrap();
            assert_eq!(activation.answer(Timings::default()).status, status, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_line_breaks_the_reader(line in "\\PC*") {
            let read = log_line(&line, "i", 1);
            prop_assert!(line.ends_with(&read.text));
        }
    }
}
