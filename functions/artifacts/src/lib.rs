//! The lab functions as WASM components.
//!
//! The build script compiles each of them for `wasm32-wasip2` and writes, for every function, a constant with its bytes,
//! the table [`COMPONENTS`], and the macro `foreach_function!`, which hands each function's name to a macro of yours:
//! tests use it so that a function without a test does not compile.

include!(concat!(env!("OUT_DIR"), "/components.rs"));

/// The bytes of the component of a function, by the function's name.
pub fn component(function: &str) -> Option<&'static [u8]> {
    COMPONENTS.iter().find(|(name, _)| *name == function).map(|(_, bytes)| *bytes)
}
