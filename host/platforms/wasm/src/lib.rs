//! The platform wasm: instances of components in this process.

mod calls;
mod driver;
mod guest_threads;
mod instance;
mod prepared;

pub use driver::{WasmDriver, WasmOptions};
