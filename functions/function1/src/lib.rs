//! The lab function `function1`.

use lab::{Error, Lab};

/// Serves one invocation.
pub fn handle(_lab: &dyn Lab, event: &str) -> Result<String, Error> {
    Ok(event.to_owned())
}

lab::export!(handle);
