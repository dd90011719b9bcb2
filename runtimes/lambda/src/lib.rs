//! The protocol of AWS Lambda: the loop over its Runtime API, which the `lambda_runtime` crate speaks, also at several
//! invocations at once (`AWS_LAMBDA_MAX_CONCURRENCY`) and around a snapshot.
//!
//! An event is the invocation's payload, or the body of a function URL's request. A function's error is reported as the
//! invocation's error, or as a function URL's answer with its status.

mod event_loop;
mod payload;

pub use event_loop::{LambdaError, event_loop};
