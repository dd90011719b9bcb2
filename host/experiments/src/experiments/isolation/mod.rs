//! Do neighbours disturb each other?
//!
//! A victim is called alone and beside neighbours of ours by turns, so that what changes meanwhile meets both alike: neighbours
//! that compute, that stream through memory, that write and read files.

mod experiment;
mod finding;
mod kind;

pub(crate) use experiment::Isolation;
