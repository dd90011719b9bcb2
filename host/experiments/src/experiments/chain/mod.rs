//! `chain`: what does it cost to call functions from functions?

mod clocks;
mod experiment;
mod finding;
mod spans;
mod tree;
mod waterfall;

pub(crate) use experiment::Chain;
