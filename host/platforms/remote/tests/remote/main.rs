//! Requests and calls against servers that do as they should, and that do not.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod calls;
mod failures;
mod proxies;
mod secrets;
mod server;
mod trust;
