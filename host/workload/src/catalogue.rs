//! The catalogue of lab functions: one line each.

use std::fmt;

use lab::Handler;
use thiserror::Error;

/// One lab function, in both of its forms.
#[derive(Clone, Copy)]
pub struct Function {
    /// Its name, in events, flags and results.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Its native code.
    pub handler: Handler,
    /// Its WASM component.
    pub component: &'static [u8],
    /// Whether it reads and writes objects and so needs storage and a scratch folder.
    pub uses_objects: bool,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Function").field(&self.name).finish()
    }
}

/// All lab functions, in the order of reports.
pub const FUNCTIONS: [Function; 6] = [
    Function {
        name: "function1",
        summary: "sleeps, computes and calls others as its event says",
        handler: function1::handle,
        component: artifacts::FUNCTION1,
        uses_objects: false,
    },
    Function {
        name: "function2",
        summary: "the same as function1, to be called from it",
        handler: function2::handle,
        component: artifacts::FUNCTION2,
        uses_objects: false,
    },
    Function {
        name: "function3",
        summary: "the same as function1, to be called from function2",
        handler: function3::handle,
        component: artifacts::FUNCTION3,
        uses_objects: false,
    },
    Function {
        name: "monolith",
        summary: "twenty computations in one large image",
        handler: monolith::handle,
        component: artifacts::MONOLITH,
        uses_objects: false,
    },
    Function {
        name: "thumbnailer",
        summary: "shrinks a JPEG, PNG, WebP or GIF to a JPEG",
        handler: thumbnailer::handle,
        component: artifacts::THUMBNAILER,
        uses_objects: true,
    },
    Function {
        name: "compression",
        summary: "zips a tree of objects through files on a scratch disk",
        handler: compression::handle,
        component: artifacts::COMPRESSION,
        uses_objects: true,
    },
];

/// A name that no lab function has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no function `{name}`; the functions are {}", names())]
pub struct UnknownFunction {
    name: String,
}

fn names() -> String {
    FUNCTIONS.map(|function| function.name).join(", ")
}

/// The function of that name.
///
/// # Errors
/// When there is none; the error lists those that there are.
pub fn find(name: &str) -> Result<&'static Function, UnknownFunction> {
    static CATALOGUE: [Function; 6] = FUNCTIONS;
    CATALOGUE.iter().find(|function| function.name == name).ok_or_else(|| UnknownFunction { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_those_that_exist() {
        let message = find("function4").expect_err("it does not exist").to_string();
        assert!(message.contains("function4") && message.contains("thumbnailer"), "{message}");
    }

    #[test]
    fn every_component_is_in_the_catalogue() {
        for (name, component) in artifacts::COMPONENTS {
            assert_eq!(find(name).expect("it is listed").component.len(), component.len());
        }
        assert_eq!(artifacts::COMPONENTS.len(), FUNCTIONS.len());
    }
}
