//! Variables and their values, in one unit of a script.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::value::{Number, Scalar};

/// The values that hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Variables(pub(super) BTreeMap<String, Value>);

impl Variables {
    /// A number; an error names the variable that is none.
    pub(super) fn number(&self, number: &Number) -> Result<f64, String> {
        match number {
            Number::Fixed(number) => Ok(*number),
            Number::Variable(name) => match self.0.get(name) {
                Some(value) => value.as_f64().ok_or_else(|| format!("the variable `{name}` is {value}, no number")),
                None => Err(format!("there is no variable `{name}`; {}", self.known())),
            },
        }
    }

    /// A number of things.
    pub(super) fn count(&self, number: &Number) -> Result<u32, String> {
        let value = self.number(number)?;
        if (0.0..=1e9).contains(&value) && value.fract() == 0.0 {
            return Ok(value as u32);
        }
        Err(format!("{value} is no number of things; give 0, 1, 2, …"))
    }

    /// A time of so many seconds.
    pub(super) fn seconds(&self, number: &Number) -> Result<Duration, String> {
        let value = self.number(number)?;
        if (0.0..=31_536_000.0).contains(&value) {
            return Ok(Duration::from_secs_f64(value));
        }
        Err(format!("{value} s is no time to wait; give 0 to a year"))
    }

    /// A text with `{NAME}` replaced; braces around what is no variable stay.
    pub(super) fn text(&self, text: &str) -> String {
        let mut replaced = text.to_owned();
        for (name, value) in &self.0 {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            replaced = replaced.replace(&format!("{{{name}}}"), &value);
        }
        replaced
    }

    /// An event with its texts that are `$NAME` replaced by the variables' values.
    pub(super) fn event(&self, event: &Value) -> Value {
        match event {
            Value::String(text) => {
                let named = text.strip_prefix('$').and_then(|name| self.0.get(name));
                named.cloned().unwrap_or_else(|| Value::String(self.text(text)))
            }
            Value::Array(values) => values.iter().map(|value| self.event(value)).collect(),
            Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), self.event(value))).collect(),
            other => other.clone(),
        }
    }

    fn known(&self) -> String {
        let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        if names.is_empty() { "there are none".to_owned() } else { format!("there are {}", names.join(", ")) }
    }
}

/// Every combination of the variables' values.
pub(super) fn combinations(variables: &BTreeMap<String, Vec<Scalar>>) -> Vec<Variables> {
    let mut all = vec![Variables::default()];
    for (name, values) in variables {
        let longer = all.iter().flat_map(|one| {
            values.iter().map(|value| {
                let mut one = one.clone();
                one.0.insert(name.clone(), value.0.clone());
                one
            })
        });
        all = longer.collect();
    }
    all
}

/// What a combination is called: `memory=128 size=1`.
pub(super) fn name(variables: &Variables) -> String {
    let words = variables.0.iter().map(|(name, value)| match value {
        Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn variables() -> Variables {
        Variables(BTreeMap::from([("idle".to_owned(), json!(2)), ("mode".to_owned(), json!("fast"))]))
    }

    #[test]
    fn names_are_replaced_by_values_of_their_type() {
        let event = variables().event(&json!({"a": "$idle", "b": ["$mode", "in {mode} mode", "$other"], "c": 1}));
        assert_eq!(event, json!({"a": 2, "b": ["fast", "in fast mode", "$other"], "c": 1}));
        assert_eq!(variables().text("idle {idle} {none}"), "idle 2 {none}");
        assert_eq!(variables().number(&Number::Variable("idle".into())), Ok(2.0));
        assert!(variables().number(&Number::Variable("mode".into())).unwrap_err().contains("fast"));
        assert!(variables().number(&Number::Variable("x".into())).unwrap_err().contains("idle, mode"));
        assert!(variables().count(&Number::Fixed(1.5)).is_err());
        assert!(variables().seconds(&Number::Fixed(-1.0)).is_err());
    }

    #[test]
    fn a_sweep_has_every_combination() {
        let two = BTreeMap::from([
            ("a".to_owned(), vec![Scalar(json!(1)), Scalar(json!(2))]),
            ("b".to_owned(), vec![Scalar(json!("x")), Scalar(json!("y")), Scalar(json!("z"))]),
        ]);
        let names: Vec<String> = combinations(&two).iter().map(name).collect();
        assert_eq!(names.len(), 6);
        assert!(names.contains(&"a=2 b=y".to_owned()));
        assert_eq!(combinations(&BTreeMap::new()).len(), 1);
    }
}
