//! One process per request: the event in the first argument or on the standard input, the response on the standard output.
//!
//! Gestalt's executors run a packaged program with an argument, and so does OpenWhisk's `dockerskeleton` with an action of kind
//! `native`. Riff's command invoker and OpenFaaS's forking watchdog write the event to it.
//! On an error the output is a JSON object with an `error`, the log says why, and the exit status is 1.

mod argument;
mod one_shot;

pub use argument::{event_argument, event_input};
pub use one_shot::one_shot;
