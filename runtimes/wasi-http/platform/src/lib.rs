//! Guest: nested calls to a URL, and the identity of an instance.
//!
//! Its settings are environment variables with the names that native images have, from whatever environment it is composed
//! with: [`wasi_http_client::settings::Settings`].

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

pub mod nested;

#[cfg(target_family = "wasm")]
mod component;
