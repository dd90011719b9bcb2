//! Probes: everything that measures, and nothing that decides what to measure.
//!
//! A probe imports no other part of the program. A number that could not be read is absent with its reason, never zero.

pub mod callgrind;
pub mod clock;
pub mod counters;
pub mod disk_io;
pub mod memory;
pub mod process_files;
