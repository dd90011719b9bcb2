//! The platform wasm with real components.
#![allow(clippy::unwrap_used, reason = "tests")]

mod hostile;
mod nested;
mod stage;
mod work;
