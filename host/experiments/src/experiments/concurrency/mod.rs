//! What do N calls at once get?
//!
//! All calls of a burst are made at one instant; which instances served them is what their identities say.

mod experiment;
mod finding;

pub(crate) use experiment::Concurrency;
