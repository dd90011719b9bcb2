//! Trees of nested calls.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The functions that call each other: the root is the first, each level below it the next; after the last comes the first.
pub(super) const FUNCTIONS: [&str; 3] = ["function1", "function2", "function3"];

/// The shape of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Shape {
    /// Levels of nested calls below the root.
    pub(super) depth: u32,
    /// Calls that each function makes which is not on the last level.
    pub(super) fan_out: u32,
    /// Whether it makes them all at once.
    pub(super) parallel: bool,
}

impl Shape {
    /// Invocations of a whole tree, with the root; `None` beyond 2^32.
    pub(super) fn invocations(self) -> Option<u32> {
        (0..=self.depth).try_fold(0_u32, |sum, level| sum.checked_add(self.fan_out.checked_pow(level)?))
    }

    /// The functions that it needs.
    pub(super) fn functions(self) -> impl Iterator<Item = &'static str> {
        FUNCTIONS.into_iter().take(self.depth as usize + 1)
    }

    /// The event of its root; every invocation computes for `work_s`.
    pub(super) fn event(self, work_s: f64) -> Value {
        self.below(0, work_s)
    }

    fn below(self, level: u32, work_s: f64) -> Value {
        let mut event = json!({});
        if work_s > 0.0 {
            event["throughput_time"] = work_s.into();
        }
        if level < self.depth {
            let name = FUNCTIONS[(level as usize + 1) % FUNCTIONS.len()];
            let call = json!({"function_name": name, "invoke_payload": self.below(level + 1, work_s)});
            event["invoke_nested"] = Value::Array(vec![call; self.fan_out as usize]);
            event["parallel"] = self.parallel.into();
        }
        event
    }

    pub(super) fn name(self) -> String {
        match (self.depth, self.fan_out) {
            (0, _) => "no nested call".to_owned(),
            (depth, 1) => format!("{depth} deep"),
            (depth, fan_out) => {
                format!("{depth} deep, {fan_out} calls each, {}", if self.parallel { "at once" } else { "in turn" })
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn count(event: &Value) -> u32 {
        let nested = event["invoke_nested"].as_array().into_iter().flatten();
        1 + nested.map(|call| count(&call["invoke_payload"])).sum::<u32>()
    }

    #[test]
    fn an_event_asks_for_as_many_invocations_as_its_shape_has() {
        for (depth, fan_out, invocations) in [(0, 1, 1), (3, 1, 4), (2, 2, 7), (1, 5, 6), (2, 3, 13)] {
            let shape = Shape { depth, fan_out, parallel: false };
            assert_eq!(shape.invocations(), Some(invocations));
            assert_eq!(count(&shape.event(0.0)), invocations);
        }
        assert_eq!(Shape { depth: 40, fan_out: 9, parallel: true }.invocations(), None);
    }

    #[test]
    fn each_level_calls_the_next_function() {
        let event = Shape { depth: 3, fan_out: 1, parallel: true }.event(0.5);
        let second = &event["invoke_nested"][0];
        let third = &second["invoke_payload"]["invoke_nested"][0];
        let first = &third["invoke_payload"]["invoke_nested"][0];
        assert_eq!(
            [&second["function_name"], &third["function_name"], &first["function_name"]],
            ["function2", "function3", "function1"]
        );
        assert_eq!(first["invoke_payload"], json!({"throughput_time": 0.5}));
        assert_eq!(event["parallel"], true);
    }
}
