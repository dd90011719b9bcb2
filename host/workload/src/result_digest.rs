//! The digest of what a function computed, without what may differ from one invocation to the next.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Fields of a record that follow from the event alone. Everything else in it is a time, an identity, a place, or the
/// number of iterations that a machine managed in a given time.
const RESULT_FIELDS: [&str; 11] = [
    "function_name",
    "level",
    "sleep",
    "throughput_time",
    "random_seed",
    "function_called",
    "function_argument",
    "seed",
    "monolith_result",
    "StatusCode",
    "error",
];

/// The digest of a response: `sha256:` and 64 hexadecimal digits. It is equal on every engine and platform for the same
/// event and the same stored objects. `None` when the response is not one of a lab function.
///
/// A function that writes an object states the object's digest; for the others it is taken over the tree of records.
pub fn result_digest(response: &str) -> Option<String> {
    let response: Value = serde_json::from_str(response).ok()?;
    if let Some(digest) = response.get("digest").and_then(Value::as_str) {
        return Some(digest.to_owned());
    }
    let records = response.get("records")?.as_object()?;
    let root = response.get("identifier")?.as_str()?;
    let tree = canonical(root, records, records.len())?;
    Some(format!("sha256:{}", hex::encode(Sha256::digest(tree.to_string()))))
}

/// A record with its descendants, identities left out. Calls made together may end in any order, so they are sorted.
fn canonical(identifier: &str, records: &Map<String, Value>, depth: usize) -> Option<Value> {
    // No tree is deeper than it has records; a ring of parents would be.
    let depth = depth.checked_sub(1)?;
    let record = records.get(identifier)?.as_object()?;
    let mut result = Map::new();
    for field in RESULT_FIELDS {
        if let Some(value) = record.get(field) {
            result.insert(field.to_owned(), value.clone());
        }
    }
    let mut children = Vec::new();
    for (child, record) in records {
        if record.get("parent").and_then(Value::as_str) == Some(identifier) {
            children.push(canonical(child, records, depth)?.to_string());
        }
    }
    children.sort_unstable();
    Some(json!({ "result": result, "children": children }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn response(root: &str, child: &str, result: &str, time: u64) -> String {
        json!({"identifier": root, "records": {
            root: {"function_name": "monolith", "parent": "root", "level": 0, "monolith_result": result, "execution_us": time},
            child: {"function_name": "function1", "parent": root, "level": 1, "instance_identifier": child},
        }})
        .to_string()
    }

    #[test]
    fn identities_and_times_do_not_count_and_results_do() {
        let first = result_digest(&response("a", "b", "[1]", 5)).unwrap();
        assert_eq!(result_digest(&response("x", "y", "[1]", 9)).unwrap(), first);
        assert_ne!(result_digest(&response("a", "b", "[2]", 5)).unwrap(), first);
    }

    #[test]
    fn a_function_that_writes_an_object_states_its_digest() {
        assert_eq!(result_digest(r#"{"digest": "sha256:00"}"#).unwrap(), "sha256:00");
    }

    #[test]
    fn what_is_no_response_has_no_digest() {
        assert_eq!(result_digest("hello"), None);
        assert_eq!(result_digest("{}"), None);
        assert_eq!(result_digest(r#"{"identifier": "a", "records": {"a": {"parent": "a"}}}"#), None);
    }
}
