//! The experiments against platforms that only pretend, and find there what was set.
#![allow(clippy::unwrap_used, reason = "tests")]

mod cold_start;
mod keep_alive;
mod pretended;
mod runner;
mod stage;
