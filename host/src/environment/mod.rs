//! The machine that a run was made on: stored with every run, and what of it will disturb a measurement.

mod cgroup;
mod collect;
mod fact;
mod types;
mod virtualisation;
mod warnings;

pub use fact::*;
pub use types::*;
