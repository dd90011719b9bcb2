//! The lab function `monolith`: what function1 does, and then one of twenty computations. It is large on purpose: an image
//! that links a generator, matrices, trees, texts, a data frame and a date-time library with its time zones.

mod catalogue;
mod dates;
mod fibonacci;
mod frame;
mod matrix;
mod python;
mod random;
mod request;
mod text;
mod tree;

use std::time::Instant;

use lab::{Error, Lab, OwnFields, cpu_time_between_us};
use serde_json::Value;

use crate::catalogue::MATRIX_MULTIPLICATION;
use crate::request::Request;

/// Serves one invocation.
///
/// # Errors
/// A bad request for an event that is not as documented.
pub fn handle(lab: &dyn Lab, event: &str) -> Result<String, Error> {
    lab::serve_with("monolith", lab, event, |event| {
        let request = Request::read(event)?;
        Ok(Some(Box::new(|lab: &dyn Lab| Ok(run(lab, request)))))
    })
}

/// Runs what was asked for; all fields are null when nothing was.
fn run(lab: &dyn Lab, request: Option<Request>) -> OwnFields {
    let Some(Request { computation, argument, seed, mut random }) = request else {
        return ["function_called", "function_argument", "seed", "monolith_result"]
            .map(|key| (key, Value::Null))
            .into();
    };
    let is_timed = computation.name == MATRIX_MULTIPLICATION;
    let cpu_start_us = if is_timed { lab.cpu_time_us() } else { None };
    let start = Instant::now();
    let result = (computation.run)(&mut random, argument);
    let mut fields: OwnFields = vec![
        ("function_called", computation.name.into()),
        ("function_argument", argument.into()),
        ("seed", seed),
        ("monolith_result", result.into()),
    ];
    if is_timed {
        let running_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        fields.push(("process_time_matrix_us", cpu_time_between_us(cpu_start_us, lab.cpu_time_us()).into()));
        fields.push(("running_time_matrix_us", running_us.into()));
    }
    fields
}

lab::export!(handle);
