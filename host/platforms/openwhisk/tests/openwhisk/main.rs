//! The deployer against an emulator of OpenWhisk's controller and invoker, as strict as they are; and against a real one where
//! `OPENWHISK_ENDPOINT` names it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod calling;
mod deploying;
mod emulator;
mod real;
mod real_functions;
