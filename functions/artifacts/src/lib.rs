//! The lab functions as WASM components.
