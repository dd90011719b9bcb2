//! Nuclio's deployer against a strict emulator of its dashboard, and against a real one where
//! `FAASBENCH_TEST_NUCLIO_ENDPOINT` names it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod deployments;
mod emulator;
mod kubernetes;
mod processor;
mod real;
mod scene;
