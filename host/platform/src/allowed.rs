//! Values that a limit can have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Values that a platform takes for a limit. A plan leaves out what would be refused; whether several limits go together shows
/// when a function is deployed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Allowed {
    /// Every one that makes sense.
    #[default]
    Any,
    /// Those from one to another, both included.
    Between {
        /// The least.
        least: f64,
        /// The greatest.
        greatest: f64,
    },
    /// These alone.
    OneOf(Vec<f64>),
}

impl Allowed {
    /// Whether the limit can have that value.
    pub fn has(&self, value: f64) -> bool {
        match self {
            Allowed::Any => true,
            Allowed::Between { least, greatest } => (*least..=*greatest).contains(&value),
            Allowed::OneOf(values) => values.contains(&value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_within() {
        let between = Allowed::Between { least: 1.0, greatest: 2.0 };
        assert_eq!([0.9, 1.0, 2.0, 2.1].map(|value| between.has(value)), [false, true, true, false]);
        assert_eq!([1.0, 1.5].map(|value| Allowed::OneOf(vec![1.0, 2.0]).has(value)), [true, false]);
        assert!(Allowed::default().has(1e9));
    }
}
