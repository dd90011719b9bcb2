//! The platforms on Kubernetes against a strict emulator of what they use of its API, and against a real cluster where one is
//! given.

#![allow(clippy::unwrap_used, reason = "tests")]

mod emulator;
mod failures;
mod lives;
mod plans;
mod real;
mod scene;
mod world;
