//! What a record function says of itself and of those that it called.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One invocation, as its record tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hop {
    pub(crate) identifier: String,
    pub(crate) function: String,
    /// The record of its caller; `None` for the root.
    pub(crate) caller: Option<usize>,
    /// Its own clock's readings; `None` for one that failed or does not tell.
    pub(crate) executed: Option<Executed>,
    /// Its caller's clock's readings; `None` for the root.
    pub(crate) invoked: Option<Invoked>,
    /// The instance that served it.
    pub(crate) instance: Option<String>,
    pub(crate) is_cold: Option<bool>,
    /// Units of work that it did.
    pub(crate) iterations: u64,
    /// Why its caller got no answer of success.
    pub(crate) error: Option<String>,
}

/// When it ran, by its own clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Executed {
    pub(crate) start_unix_ns: u64,
    pub(crate) length_ns: u64,
}

/// When it was called, by its caller's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invoked {
    pub(crate) start_unix_ns: u64,
    pub(crate) length_ns: u64,
}

/// The records of a response, the root's first and each after its caller; `None` where this is no response of a record
/// function, or its records are no tree.
pub(crate) fn read(response: &Value) -> Option<Vec<Hop>> {
    let root = response.get("identifier")?.as_str()?;
    let records = response.get("records")?.as_object()?;
    let mut hops = vec![hop(records.get(root)?, None)?];
    let mut next = 0;
    while next < hops.len() {
        let children = records.iter().filter(|(identifier, record)| {
            identifier.as_str() != root && record.get("parent").and_then(Value::as_str) == Some(&hops[next].identifier)
        });
        let mut children: Vec<Hop> = children.filter_map(|(_, record)| hop(record, Some(next))).collect();
        children.sort_by_key(|child| child.invoked.map(|invoked| invoked.start_unix_ns));
        hops.extend(children);
        // A record is the child of one other, so this ends; one that names itself would not be reached.
        if hops.len() > records.len() {
            return None;
        }
        next += 1;
    }
    (hops.len() == records.len()).then_some(hops)
}

fn hop(record: &Value, caller: Option<usize>) -> Option<Hop> {
    let number = |key: &str| record.get(key).and_then(Value::as_u64);
    let words = |key: &str| record.get(key).and_then(Value::as_str).map(str::to_owned);
    let times = |start: &str, length_us: &str| Some((number(start)?, number(length_us)?.checked_mul(1000)?));
    Some(Hop {
        identifier: words("identifier")?,
        function: words("function_name")?,
        caller,
        executed: times("execution_start_ns", "execution_us")
            .map(|(start_unix_ns, length_ns)| Executed { start_unix_ns, length_ns }),
        invoked: times("invocation_start_ns", "invocation_us")
            .map(|(start_unix_ns, length_ns)| Invoked { start_unix_ns, length_ns }),
        instance: words("instance_identifier"),
        is_cold: record.get("is_cold").and_then(Value::as_bool),
        iterations: number("throughput").unwrap_or(0),
        error: record.get("error").map(|error| {
            let part = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
            format!("{}: {}", part("type"), part("message"))
        }),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(identifier: &str, parent: &str, level: u64) -> Value {
        json!({"identifier": identifier, "function_name": "f", "parent": parent, "level": level,
            "execution_start_ns": 5, "execution_us": 2, "invocation_start_ns": 1, "invocation_us": 9})
    }

    #[test]
    fn the_tree_is_rebuilt_from_the_flat_map() {
        let response = json!({"identifier": "a", "records": {
            "c": record("c", "b", 2), "b": record("b", "a", 1), "a": record("a", "root", 0),
            "d": {"identifier": "d", "function_name": "g", "parent": "a", "level": 1,
                "error": {"type": "limit", "message": "too long"}},
        }});
        let hops = read(&response).unwrap();
        let told: Vec<(&str, Option<usize>)> = hops.iter().map(|hop| (hop.identifier.as_str(), hop.caller)).collect();
        assert_eq!(told, [("a", None), ("d", Some(0)), ("b", Some(0)), ("c", Some(2))]);
        assert_eq!(hops[0].executed.unwrap().length_ns, 2_000);
        assert_eq!(hops[1].error.as_deref(), Some("limit: too long"));
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        for response in [
            json!(null),
            json!({"result": 1}),
            json!({"identifier": "a", "records": {"b": record("b", "a", 1)}}),
            json!({"identifier": "a", "records": {"a": record("a", "root", 0), "b": record("b", "b", 1)}}),
            json!({"identifier": "a", "records": {"a": record("a", "a", 0), "b": record("b", "c", 1), "c": record("c", "b", 1)}}),
        ] {
            assert_eq!(read(&response), None, "{response}");
        }
    }
}
