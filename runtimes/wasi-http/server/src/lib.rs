//! Guest: HTTP in front of a function, as native images have it (`runtimes/http`).

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

pub mod answer;

#[cfg(target_family = "wasm")]
mod component;
