//! How long is a cold start, and where does it go?
//!
//! Each cold call is forced, and its instance says that it was its first: one that turns out warm is counted and not used.

mod experiment;
mod finding;
mod padding;
mod parts;

pub(crate) use experiment::ColdStart;
