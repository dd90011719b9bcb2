//! End-to-end tests of faasbench: one file for each capability, one binary for all of them.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod browser;
mod command;
mod compare;
mod configuration;
mod deploy;
mod doctor;
mod experiments;
mod export;
mod functions;
mod golden;
mod images;
mod interruption;
mod lab_on_platforms;
mod ledger;
mod limits;
mod load;
mod plans;
mod platform_experiments;
mod platforms;
mod postgres;
mod real_files;
mod report;
mod remote;
mod resume;
mod serve;
mod simulation;
mod storage;
mod stored;
mod support;
mod time;
mod verify;
