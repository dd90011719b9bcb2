//! The platform Azure Functions.
