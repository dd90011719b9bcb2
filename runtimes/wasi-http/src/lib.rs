//! The guests that serve a function's component as `wasi:http/incoming-handler`, built once.
//!
//! A function's component imports `wit/lab.wit` and, for Rust's standard library, parts of WASI that a plain
//! `wasi:http/proxy` host lacks. `image-build` composes it with these guests to one component that such a host takes.

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

pub use wasi_http_system::block::{BLOCK_BYTES, MARK};
