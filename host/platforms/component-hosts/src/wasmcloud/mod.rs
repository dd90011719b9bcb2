//! wasmCloud: hosts that are told over NATS what to serve.

mod control;
mod messages;
mod options;
mod platform;

pub use options::WasmcloudOptions;
pub use platform::connect_wasmcloud;
