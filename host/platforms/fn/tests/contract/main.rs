//! Fn's deployer against a strict emulator of its server, and against a real one where `FAASBENCH_TEST_FN_ENDPOINT` names it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod agent;
mod bad_input;
mod deployments;
mod emulator;
mod exposition;
mod real;
mod scene;
mod store;
