//! Guest: objects from an S3 endpoint, over `wasi:http/outgoing-handler`.
//!
//! Its settings are environment variables: [`wasi_http_client::settings::Settings`].

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

pub mod date;
pub mod listing;
pub mod sign;

#[cfg(target_family = "wasm")]
mod component;
