//! A fact about the machine, or why it isn't known.

use std::fs;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A value, or the reason why there is none. Exactly one of the two is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact<Value> {
    /// What was found.
    pub value: Option<Value>,
    /// Why nothing was.
    pub absent_reason: Option<String>,
}

impl<Value> Fact<Value> {
    /// A fact that is known.
    #[must_use]
    pub fn known(value: Value) -> Self {
        Self { value: Some(value), absent_reason: None }
    }

    /// A fact that isn't, and why.
    #[must_use]
    pub fn absent(reason: impl Into<String>) -> Self {
        Self { value: None, absent_reason: Some(reason.into()) }
    }

    /// A fact that is known, or absent for `reason`.
    #[must_use]
    pub fn or_absent(value: Option<Value>, reason: &str) -> Self {
        value.map_or_else(|| Self::absent(reason), Self::known)
    }

    /// The value, when it is known.
    #[must_use]
    pub fn get(&self) -> Option<&Value> {
        self.value.as_ref()
    }

    /// What `make` makes of the value; a value that it can't make anything of is absent as malformed.
    pub(super) fn then<Made>(self, make: impl FnOnce(Value) -> Option<Made>) -> Fact<Made> {
        match (self.value, self.absent_reason) {
            (Some(value), _) => Fact::or_absent(make(value), "the kernel's text isn't understood"),
            (None, reason) => Fact { value: None, absent_reason: reason },
        }
    }
}

/// The text of a small file of the kernel's, without the white space around it.
pub(super) fn text(path: &Path) -> Fact<String> {
    match fs::read_to_string(path) {
        Ok(text) => Fact::known(text.trim().to_owned()),
        Err(error) => Fact::absent(format!("{}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_has_a_value_or_a_reason() {
        assert_eq!(Fact::known(3).then(|n| Some(n + 1)), Fact::known(4));
        assert_eq!(Fact::<u8>::absent("gone").then(Some), Fact::absent("gone"));
        assert!(Fact::known("x").then(|_| None::<u8>).absent_reason.is_some());
        let missing = text(Path::new("/no/such/file"));
        assert!(missing.absent_reason.is_some_and(|reason| reason.contains("/no/such/file")));
    }
}
