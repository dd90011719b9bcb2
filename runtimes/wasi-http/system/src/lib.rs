//! Guest: what Rust's standard library asks of a system and a `wasi:http/proxy` host lacks.
//!
//! Its environment is a block of bytes that composing the image fills in (`image-build`); arguments and terminals there are
//! none, and an exit ends the instance.

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

pub mod block;

#[cfg(target_family = "wasm")]
mod component;
