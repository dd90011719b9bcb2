//! The native image as a process, under emulators of its platforms that are as strict as these are.

#![allow(clippy::unwrap_used, reason = "tests")]

mod actionloop;
mod cargo_lambda;
mod container;
mod host;
mod lambda;
mod nested;
mod nuclio;
mod oneshot;
mod process;
