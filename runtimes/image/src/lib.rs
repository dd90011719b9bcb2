//! A native image: one binary per function that speaks every platform's protocol, chosen at start by its arguments and its
//! environment.
//!
//! It is built for `x86_64-unknown-linux-musl` with the profile `image` and needs nothing beside itself: no shell, no user
//! database, no writable root, no particular user.

#[cfg(not(any(
    feature = "azure",
    feature = "fn",
    feature = "gestalt",
    feature = "http",
    feature = "lambda",
    feature = "nuclio",
    feature = "openwhisk",
    feature = "riff"
)))]
compile_error!("an image speaks at least one protocol: choose a feature");

mod detect;
mod platform;
mod run;
mod serve;
mod tools;

pub use run::{run, run_with_storage};
