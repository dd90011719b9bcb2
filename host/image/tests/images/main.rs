//! Images that are really built: what is in them, and who else can read them.
#![allow(clippy::unwrap_used, reason = "tests")]

mod caching;
mod containers;
mod errors;
mod layout;
mod packages;
mod registry;
mod sandbox;
mod shared;
