//! What every guest of the wasi:http image needs: memory, and an end.
//!
//! The guests do without the standard library: it would import of its host an environment, an exit and terminals, which a
//! `wasi:http/proxy` host does not have, and it is several times their size.

#![cfg_attr(target_family = "wasm", no_std)]

#[cfg(target_family = "wasm")]
mod runtime;
mod single;

pub use single::Single;
