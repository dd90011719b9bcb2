//! For guests: their settings, and HTTP through `wasi:http/outgoing-handler`.

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

pub mod error;
pub mod names;
pub mod settings;
pub mod url;

#[cfg(target_family = "wasm")]
pub mod exchange;

#[cfg(target_family = "wasm")]
#[allow(missing_docs, unreachable_pub, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({ path: ["../../../wit", "../wit"], world: "faasbench:wasi-http/client", generate_all });
}
