//! Hardware and software counters: which events this processor has, groups of them, sampling, and what follows from
//! the counts.

mod code;
mod cpu;
mod derived;
mod error;
mod group;
mod inventory;
#[cfg(feature = "libpapi")]
mod libpapi;
mod names;
mod plan;
mod pmu;
pub mod presets;
mod process;
mod reading;
mod sampling;
mod self_test;
mod sets;

pub use code::*;
pub use cpu::*;
pub use derived::*;
pub use error::*;
pub use group::*;
pub use inventory::*;
#[cfg(feature = "libpapi")]
pub use libpapi::*;
pub use names::*;
pub use plan::*;
pub use process::*;
pub use reading::*;
pub use sampling::*;
pub use self_test::*;
pub use sets::*;
