//! What is recorded of a call.

use super::format::{Record, ScriptFile, Source};
use crate::Call;
use crate::experiments::root_record;

/// A metric's name, and where it is read, ns.
type BuiltIn = (&'static str, fn(&Call) -> Option<u64>);

/// Metrics of every call: their names and what they are, ns.
const BUILT_IN: [BuiltIn; 9] = [
    ("total", |call| Some(call.total_ns)),
    ("response", |call| Some(call.response_ns())),
    ("connect", |call| call.answer.as_ref()?.timings.connect_ns),
    ("first-byte", |call| call.answer.as_ref()?.timings.first_byte_ns),
    ("queue", |call| call.answer.as_ref()?.timings.queue_ns),
    ("start", |call| call.answer.as_ref()?.timings.start_instance_ns),
    ("execution", |call| call.answer.as_ref()?.timings.execution_ns),
    ("billed", |call| Some(call.answer.as_ref()?.billing?.billed_us.saturating_mul(1_000))),
    ("age", |call| Some(call.instance()?.age_us.saturating_mul(1_000))),
];

/// Names of the metrics that every call has.
pub(super) fn built_in() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// The built-in metric of that name, of a call.
pub(super) fn value(name: &str, call: &Call) -> Option<f64> {
    let (_, read) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
    read(call).map(|ns| ns as f64)
}

/// The unit in which a metric is shown.
pub(super) fn unit(file: &ScriptFile, name: &str) -> String {
    match file.records.iter().find(|record| record.name == name) {
        Some(record) if scale(&record.unit).is_some() => "ns".to_owned(),
        Some(record) => record.unit.clone(),
        None => "ns".to_owned(),
    }
}

/// What a unit of time is multiplied by to be ns.
fn scale(unit: &str) -> Option<f64> {
    match unit {
        "ns" => Some(1.0),
        "us" => Some(1e3),
        "ms" => Some(1e6),
        "s" => Some(1e9),
        _ => None,
    }
}

impl Record {
    /// The number in a call's response, in the unit in which it is shown; `Err`: why there is none.
    pub(super) fn read(&self, call: &Call) -> Result<f64, String> {
        if !call.is_success() {
            return Err("the call failed".to_owned());
        }
        let whole = match self.of {
            Source::Response => call.response(),
            Source::Record => root_record(call),
        };
        let number = match whole.pointer(&self.pointer) {
            None => return Err(format!("the response has no {}", self.pointer)),
            Some(serde_json::Value::Bool(value)) => f64::from(u8::from(*value)),
            Some(value) => value.as_f64().ok_or_else(|| format!("{} is no number", self.pointer))?,
        };
        Ok(number * scale(&self.unit).unwrap_or(1.0))
    }
}
