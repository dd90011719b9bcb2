//! Guest: a scratch folder in memory, `/scratch`, with bounds on what it holds.
//!
//! WASI's files hand out streams, and a guest can't make streams of its host's kind: so this one provides all of
//! `wasi:io/streams`, and passes standard output and error on to the host's. Only functions that import files get it.

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

pub mod contents;
pub mod tree;

#[cfg(target_family = "wasm")]
mod component;
