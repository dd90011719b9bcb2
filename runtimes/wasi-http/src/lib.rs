//! A component that serves a function's component as wasi:http.
