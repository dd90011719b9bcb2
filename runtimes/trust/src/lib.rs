//! Whom connections with TLS trust.

mod client;

pub use client::{client_config, system_roots};
