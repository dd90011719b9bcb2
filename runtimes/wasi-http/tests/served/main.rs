//! Functions' components composed with the guests, served by hosts: a plain `wasi:http/proxy` one in this process, and
//! `wasmtime serve` where it is installed.

#![allow(clippy::unwrap_used, reason = "tests")]

mod client;
mod errors;
mod functions;
mod host;
mod imports;
mod nested;
mod proxy;
mod storage;
mod wasmtime_serve;
