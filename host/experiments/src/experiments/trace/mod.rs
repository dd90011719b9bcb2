//! `trace`: how does it do under real traffic?

mod experiment;
mod finding;
mod plan;

pub(crate) use experiment::TraceReplay;
