//! `overhead`: what does the platform add to the function's own time?

mod experiment;
mod finding;

pub(crate) use experiment::Overhead;
