//! The HTTP server, as clients of every kind meet it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod client;
mod hostile;
mod rules;
mod runtimes;
mod shutdown;
