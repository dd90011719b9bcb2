//! Platforms that serve wasi:http components: wasmtime serve, Spin, wasmCloud.
