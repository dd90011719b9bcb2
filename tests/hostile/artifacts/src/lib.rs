//! Where the hostile function is, as a WASM component and as a native image.
//!
//! The build script compiles both, so that tests that depend on this crate find them.

include!(concat!(env!("OUT_DIR"), "/paths.rs"));
