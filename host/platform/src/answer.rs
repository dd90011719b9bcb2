//! One call and its answer.

use std::time::Duration;

use bytes::Bytes;
use lab::{Error, ErrorKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is sent to a function.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invocation {
    /// The event, UTF-8 JSON.
    pub event: Bytes,
    /// W3C `traceparent`, which the function's nested calls carry on.
    pub traceparent: Option<String>,
    /// W3C `tracestate`.
    pub tracestate: Option<String>,
    /// How long the caller waits; `None`: as long as the deployment's time limit and some more.
    pub patience: Option<Duration>,
}

impl Invocation {
    /// An invocation with nothing but its event.
    pub fn new(event: impl Into<Bytes>) -> Invocation {
        Invocation { event: event.into(), ..Invocation::default() }
    }
}

/// Which instance served a call, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceIdentity {
    /// Stable for the life of one instance.
    pub id: String,
    /// 1 for the first invocation that the instance served: a cold one.
    pub invocation_index: u64,
    /// How long the instance had existed, us.
    pub age_us: u64,
}

impl InstanceIdentity {
    /// Whether this was the instance's first invocation.
    pub fn is_cold(&self) -> bool {
        self.invocation_index == 1
    }
}

/// When the parts of a call happened, by the caller's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Timings {
    /// Unix time of the call, ns: to place it, not to measure by.
    pub start_unix_ns: u64,
    /// From the call until the answer was complete, ns, by a monotonic clock.
    pub total_ns: u64,
    /// From the call until a connection stood, ns; `None` for a kept one or where there is none.
    pub connect_ns: Option<u64>,
    /// From the call until the answer's first byte, ns.
    pub first_byte_ns: Option<u64>,
    /// Waiting for an instance, ns, where the platform says so.
    pub queue_ns: Option<u64>,
    /// Starting the instance that served it, ns, where the platform says so; `None` for a warm one.
    pub start_instance_ns: Option<u64>,
    /// In the instance, ns, where the platform says so.
    pub execution_ns: Option<u64>,
}

/// Names one call on its platform.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CallId(pub String);

/// What came back from a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status, or what it would be.
    pub status: u16,
    /// The body: the function's response, or `{"error": {"type", "message"}}`.
    pub body: Bytes,
    /// The platform's name of the call.
    pub call: Option<CallId>,
    /// The instance that served it; `None` where nothing says.
    pub instance: Option<InstanceIdentity>,
    /// How long it took.
    pub timings: Timings,
    /// What the platform bills, where it says so with the answer.
    pub billing: Option<crate::Billing>,
}

impl Answer {
    /// The function's response, or its error. A body that is no error of a function becomes one by its status.
    ///
    /// # Errors
    /// When the status is not one of success, or the response is not UTF-8.
    pub fn response(&self) -> Result<&str, Error> {
        if (200..300).contains(&self.status) {
            return std::str::from_utf8(&self.body).map_err(|_| Error::internal("the response is not UTF-8 text"));
        }
        Err(own_error(&self.body).unwrap_or_else(|| {
            let said: String = String::from_utf8_lossy(&self.body).trim().chars().take(200).collect();
            let said = if said.is_empty() { String::new() } else { format!(": {said}") };
            Error::new(ErrorKind::from_http_status(self.status), format!("status {}{said}", self.status))
        }))
    }
}

/// The error that a body `{"error": {"type", "message"}}` holds.
fn own_error(body: &[u8]) -> Option<Error> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error")?;
    let kind = ErrorKind::from_name(error.get("type")?.as_str()?)?;
    Some(Error::new(kind, error.get("message")?.as_str()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Answer {
        Answer {
            status,
            body: Bytes::from_static(body.as_bytes()),
            call: None,
            instance: None,
            timings: Timings::default(),
            billing: None,
        }
    }

    #[test]
    fn a_functions_own_error_keeps_its_kind_and_message() {
        let error = answer(500, r#"{"error":{"type":"limit","message":"too much"}}"#).response().unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Limit, "too much"));
    }

    #[test]
    fn another_error_is_one_by_its_status() {
        let error = answer(429, "slow down").response().unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Limit, "status 429: slow down"));
    }

    #[test]
    fn a_success_is_its_body() {
        assert_eq!(answer(200, "{}").response().unwrap(), "{}");
    }
}
