//! How long does a busy instance live?
//!
//! One call at a time, at half the keep-alive time or more often, so that no instance is reclaimed for being idle. A life ends
//! when another instance answers and the one before never does again; one that is still there at the end is censored.

mod experiment;
mod finding;
mod lives;

pub(crate) use experiment::Lifetime;
