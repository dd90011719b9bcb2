//! When are more instances started, and how fast?
//!
//! Arrivals rise in steps, evenly, at once for a while, or to a peak and back. Each call is due when the schedule says, whether
//! or not those before were answered. How many instances there are is what their identities say; what the platform itself
//! says, and on this machine what it knows, stands beside it.

mod alive;
mod experiment;
mod finding;
mod timeline;
mod watcher;

pub(crate) use experiment::ScaleUp;
