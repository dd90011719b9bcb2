//! The deployer against an emulator of Meta, gestalt-security and Laser, written from what is left of Gestalt; and against a real
//! Laser where `GESTALT_LASER_ENDPOINT` names one.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod emulator;
mod living;
mod real;
