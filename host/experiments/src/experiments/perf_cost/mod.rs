//! `perf-cost`: what does a call cost in time and money at each memory size?

mod billing;
mod economy;
mod experiment;
mod finding;
mod settings;

pub(crate) use experiment::PerfCost;
