//! What a lab function says of an invocation in its response.

use serde_json::Value;

use crate::Call;

/// The record of the invocation itself, without those that it called; `Null` where the response has none.
pub(crate) fn root_record(call: &Call) -> Value {
    let mut response = call.response();
    let Some(identifier) = response["identifier"].as_str().map(str::to_owned) else { return Value::Null };
    response["records"].get_mut(identifier).map(Value::take).unwrap_or_default()
}

/// How long the handler took by its own clock, ns; `None` where the response does not say.
pub(crate) fn handler_ns(call: &Call) -> Option<u64> {
    root_record(call)["execution_us"].as_u64().map(|us| us.saturating_mul(1_000))
}
