//! The platform wasm: instances of components in this process.
