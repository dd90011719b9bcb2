//! A server of HTTP that tests' emulators of platforms are made of.
//!
//! What a platform answers is a function from a [`Request`] to a [`Response`]; what it was asked stays readable, so that a test
//! can say what must have been asked, and what must not.

mod client;
mod deployed;
mod message;
mod registry;
mod server;

pub use client::status_over_http;
pub use deployed::{connection, image, spec};
pub use hyper::Method;
pub use message::{Request, Response};
pub use registry::PretendedRegistry;
pub use server::Server;
