//! The platform Fn: apps, functions and triggers through its API of version 2.
//!
//! A deployment is one function in an app of ours, and a trigger with which other functions call it by its name. Fn starts
//! containers with the first call, so [`connect`]'s platform proves with a call of its own that a deployment is ready. An
//! agent keeps what it knows of a function for some seconds after an update ([`Options::stale_after_update_ms`]): that long
//! the old image may answer, and nobody is told that the new one does before it is certain.

mod api;
mod check;
mod connect;
mod fn_platform;
mod metrics;
mod objects;
mod options;
mod place;
mod plan;
mod ready;
mod remove;

pub use connect::connect;
pub use options::{ImageSource, Options, Way};
