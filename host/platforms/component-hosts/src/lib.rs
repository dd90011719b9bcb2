//! Platforms that serve `wasi:http` components: wasmtime serve, Spin, wasmCloud.
//!
//! wasmtime and Spin are programs without an API: each deployment is a process of theirs on this machine, started and ended
//! here. wasmCloud's hosts are asked over NATS.

mod component;
mod served;
mod spec;
mod wasmcloud;

pub use served::{ServedOptions, connect_spin, connect_wasmtime_serve};
pub use wasmcloud::{WasmcloudOptions, connect_wasmcloud};
