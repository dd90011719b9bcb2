//! The three sizes of a workload.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How much work a generated workload is. The three are different inputs, not one input repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// Enough to see that everything works.
    Test,
    /// A typical request.
    Small,
    /// A heavy request.
    Large,
}

impl Size {
    /// All of them, the smallest first.
    pub const ALL: [Size; 3] = [Size::Test, Size::Small, Size::Large];

    /// Its name in flags and results.
    pub fn name(self) -> &'static str {
        match self {
            Size::Test => "test",
            Size::Small => "small",
            Size::Large => "large",
        }
    }

    /// What one invocation of a function costs at this size, for a reader; `None` for a function that there isn't.
    pub fn cost(self, function_name: &str) -> Option<&'static str> {
        let costs = match function_name {
            "function1" | "function2" | "function3" => {
                ["computes for 0.001 s", "computes for 0.01 s", "computes for 0.1 s"]
            }
            "monolith" => [
                "multiplies two 20 x 20 matrices, 8 thousand products",
                "multiplies two 100 x 100 matrices, 1 million products",
                "multiplies two 220 x 220 matrices, 10.6 million products",
            ],
            "thumbnailer" => [
                "one photograph of 0.3 megapixels (672 x 448)",
                "one photograph of 4 megapixels (2448 x 1632)",
                "one photograph of 24 megapixels (6000 x 4000)",
            ],
            "compression" => ["8 files, 0.5 MB", "40 files, 10 MB", "1,200 files, 100 MB"],
            _ => return None,
        };
        Some(costs[self as usize])
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no size has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no size `{name}`; the sizes are test, small and large")]
pub struct UnknownSize {
    name: String,
}

impl FromStr for Size {
    type Err = UnknownSize;

    fn from_str(name: &str) -> Result<Size, UnknownSize> {
        Size::ALL.into_iter().find(|size| size.name() == name).ok_or_else(|| UnknownSize { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_parsed_from_what_it_prints() {
        for size in Size::ALL {
            assert_eq!(size.to_string().parse(), Ok(size));
        }
        let message = "huge".parse::<Size>().expect_err("there is no such size").to_string();
        assert!(message.contains("huge") && message.contains("large"), "{message}");
    }

    #[test]
    fn the_cost_of_every_size_is_stated_and_different() {
        for function in ["function1", "function2", "function3", "monolith", "thumbnailer", "compression"] {
            let costs = Size::ALL.map(|size| size.cost(function).expect("the function exists"));
            assert!(costs[0] != costs[1] && costs[1] != costs[2] && costs[0] != costs[2], "{function}: {costs:?}");
        }
        assert_eq!(Size::Test.cost("function4"), None);
    }
}
