//! The deployer against an emulator of Cloud Run's Admin API, Logging and Monitoring; and against the real ones where
//! `GCP_PROJECT` names a project.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod default_credentials;
mod deploying;
mod emulator;
mod observing;
mod real;
