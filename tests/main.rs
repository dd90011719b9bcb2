//! End-to-end tests of faasbench: one file for each capability, one binary for all of them.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod command;
mod experiments;
mod functions;
mod golden;
mod images;
mod interruption;
mod limits;
mod plans;
mod real_files;
mod simulation;
mod support;
mod time;
