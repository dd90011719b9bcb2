//! One process per request: the event in the first argument, the response on the standard output.
//!
//! Gestalt's executors run a packaged program so, and so does OpenWhisk's `dockerskeleton` with an action of kind `native`.
//! On an error the output is a JSON object with an `error`, the log says why, and the exit status is 1.

mod argument;
mod one_shot;

pub use argument::event_argument;
pub use one_shot::one_shot;
