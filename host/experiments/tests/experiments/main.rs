//! The experiments against platforms that only pretend, and find there what was set.
#![allow(clippy::unwrap_used, reason = "tests")]

mod cold_start;
mod perf_cost;
mod pretended;
mod regression;
mod runner;
mod script;
mod stage;
mod variance;
