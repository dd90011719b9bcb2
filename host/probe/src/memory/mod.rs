//! How much memory a process holds: readings at one time, and a series.

mod control_group;
mod reading;
mod sampler;

pub use control_group::*;
pub use reading::*;
pub use sampler::*;
