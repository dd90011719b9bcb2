//! How much work an event asks for.

use serde_json::Value;

/// The longest sleep or throughput loop that a fuzzer waits for, seconds.
const SECONDS_MAX: f64 = 0.001;
/// Arguments of the monolith between these are accepted by some computation and take it long.
const SLOW_ARGUMENTS: std::ops::RangeInclusive<f64> = 12.0..=1_000_000.0;

/// Whether the event `text` asks for so little work of its own that a fuzzer needn't wait. What is no event is quick.
#[must_use]
pub fn is_quick(text: &str) -> bool {
    let Ok(Value::Object(event)) = serde_json::from_str(text) else { return true };
    let number = |key: &str| event.get(key).and_then(Value::as_f64);
    ["sleep", "throughput_time", "thoughput_time"].into_iter().filter_map(number).all(|seconds| seconds <= SECONDS_MAX)
        && number("args").is_none_or(|argument| !SLOW_ARGUMENTS.contains(&argument))
}
