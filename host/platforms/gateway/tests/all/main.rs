//! The server and its client, over real connections.
#![allow(clippy::unwrap_used, reason = "tests")]

mod administration;
mod asynchronous;
mod daemon;
mod fake;
mod hostile;
mod invoking;
mod raw;
mod served;
mod server;
mod wasm;
