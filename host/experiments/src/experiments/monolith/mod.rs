//! `monolith`: one big function or many small ones?

mod experiment;
mod finding;

pub(crate) use experiment::Monolith;
