//! `ping`: what is the network's part?

mod address;
mod experiment;
mod finding;

pub(crate) use experiment::Ping;
