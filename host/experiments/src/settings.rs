//! An experiment's own settings: what the user set over its defaults.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Request, RequestError};

/// The settings of an experiment: `defaults` with what the request sets. The type should refuse fields that it does not know
/// (`#[serde(deny_unknown_fields, rename_all = "kebab-case")]`), and keep durations as numbers with their unit in the name.
///
/// # Errors
/// When one is not known, or its value is not of its type; the message lists what can be set.
pub fn settings<T: Serialize + DeserializeOwned>(
    experiment: &str,
    defaults: &T,
    request: &Request,
) -> Result<T, RequestError> {
    let wrong = |reason: String| RequestError(format!("the settings of {experiment} can't be used: {reason}"));
    let mut values = serde_json::to_value(defaults).map_err(|error| wrong(error.to_string()))?;
    let Some(table) = values.as_object_mut() else { return Err(wrong("it has none".to_owned())) };
    for (name, value) in &request.settings {
        if !table.contains_key(name) {
            let known: Vec<String> = table.iter().map(|(name, value)| format!("{name} ({value})")).collect();
            return Err(wrong(format!("there is no `{name}`; those, with their defaults, are {}", known.join(", "))));
        }
        table.insert(name.clone(), value.clone());
    }
    serde_json::from_value(values).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    struct Some {
        rounds: u32,
        longest_idle_s: f64,
    }

    fn set(name: &str, value: serde_json::Value) -> Result<Some, RequestError> {
        let mut map = serde_json::Map::new();
        map.insert(name.to_owned(), value);
        let request = Request { seed: 1, quick: false, subjects: Vec::new(), targets: Vec::new(), settings: map };
        settings("some", &Some { rounds: 3, longest_idle_s: 60.0 }, &request)
    }

    #[test]
    fn what_is_set_replaces_the_default_and_the_rest_stays() {
        assert_eq!(set("rounds", 5.into()).unwrap(), Some { rounds: 5, longest_idle_s: 60.0 });
    }

    #[test]
    fn an_unknown_name_and_a_wrong_type_are_refused_with_what_there_is() {
        let unknown = set("round", 5.into()).unwrap_err().to_string();
        assert!(unknown.contains("`round`") && unknown.contains("rounds (3)"), "{unknown}");
        assert!(set("rounds", "many".into()).unwrap_err().to_string().contains("invalid type"));
    }
}
