//! The machine that a run was made on: stored with every run, and what of it will disturb a measurement.

mod cgroup;
mod checks;
mod collect;
mod fact;
mod tools;
mod types;
mod virtualisation;

pub use checks::{Check, Diagnosis, Verdict};
pub use fact::*;
pub use types::*;
