//! The deployer against an emulator of Azure Resource Manager, of Kudu and of a site; and against the real ones where
//! `AZURE_TEST_SUBSCRIPTION` names a subscription.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod command_line;
mod deploying;
mod emulator;
mod nested;
mod observing;
mod real;
