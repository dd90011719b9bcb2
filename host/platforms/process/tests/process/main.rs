//! The driver against a function that misbehaves, as it runs on this machine.

#![allow(clippy::unwrap_used, reason = "tests")]

mod ends;
mod killed;
mod lacking;
mod limits;
mod refused;
mod serving;
mod support;
