//! The lab function `function1`: it sleeps, computes and calls other functions, as its event asks.

use lab::{Error, Lab};

/// Serves one invocation.
pub fn handle(lab: &dyn Lab, event: &str) -> Result<String, Error> {
    lab::serve("function1", lab, event)
}

lab::export!(handle);
