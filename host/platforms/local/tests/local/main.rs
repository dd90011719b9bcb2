//! The scheduling of instances, against a driver that only pretends: real ones are tested with their drivers.
#![allow(clippy::unwrap_used, reason = "tests")]

mod cold;
mod lives;
mod nested;
mod pretended;
mod queue;
mod updates;
