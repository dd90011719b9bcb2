//! Hosts of components: real ones where they are, stand-ins otherwise.
#![allow(clippy::unwrap_used, reason = "tests")]

mod given;
mod real;
mod served;
mod stand_in;
