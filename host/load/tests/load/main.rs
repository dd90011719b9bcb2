//! The generator against servers whose times are known.

#![allow(clippy::unwrap_used, reason = "tests")]

mod failures;
mod http2;
mod server;
mod truth;
