//! The lab function `function2`: it sleeps, computes and calls other functions, as its event asks.

use lab::{Error, Lab};

/// Serves one invocation.
pub fn handle(lab: &dyn Lab, event: &str) -> Result<String, Error> {
    lab::serve("function2", lab, event)
}

lab::export!(handle);
