//! The platform against real engines: Docker and Podman, as far as they are installed here.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod cold;
mod engines;
mod functions;
mod images;
mod kill;
mod leftovers;
mod limits;
mod lives;
mod nested;
mod scene;
