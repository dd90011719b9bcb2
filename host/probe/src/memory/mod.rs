//! How much memory a process holds: readings at one time, and a series.

mod reading;
mod sampler;

pub use reading::*;
pub use sampler::*;
