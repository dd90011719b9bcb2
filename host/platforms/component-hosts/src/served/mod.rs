//! Hosts that are a program on this machine: wasmtime serve and Spin.

mod folder;
mod launch;
mod log;
mod options;
mod platform;
mod program;

pub use options::ServedOptions;
pub use platform::{connect_spin, connect_wasmtime_serve};
