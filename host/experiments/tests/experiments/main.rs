//! The experiments against platforms that only pretend, and find there what was set.
#![allow(clippy::unwrap_used, reason = "tests")]

mod chain;
mod cold_start;
mod concurrency;
mod isolation;
mod keep_alive;
mod lifetime;
mod made_up;
mod monolith;
mod otlp;
mod overhead;
mod perf_cost;
mod ping;
mod plans;
mod pretended;
mod receiver;
mod regression;
mod runner;
mod scale_up;
mod script;
mod stage;
mod throughput;
mod trace;
mod variance;
