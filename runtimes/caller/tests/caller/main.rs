//! The program itself, between an image and servers that stand for its platform's.

#![allow(clippy::unwrap_used, reason = "tests")]

mod azure;
mod google_cloud;
mod lambda;
mod program;
mod server;
