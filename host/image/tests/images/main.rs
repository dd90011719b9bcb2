//! Images that are really built: what is in them, and who else can read them.
#![allow(clippy::unwrap_used, reason = "tests")]

mod caching;
mod shared;
