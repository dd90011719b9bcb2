//! End-to-end tests of faasbench: one file for each capability, one binary for all of them.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod browser;
mod command;
mod compare;
mod doctor;
mod experiments;
mod export;
mod functions;
mod golden;
mod images;
mod interruption;
mod limits;
mod plans;
mod postgres;
mod real_files;
mod report;
mod resume;
mod simulation;
mod stored;
mod support;
mod time;
