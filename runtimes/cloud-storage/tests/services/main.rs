//! How the client behaves towards services that are down, slow, wrong or refuse.

#![allow(clippy::unwrap_used, reason = "tests")]

mod failures;
mod scripted;
mod secrets;
