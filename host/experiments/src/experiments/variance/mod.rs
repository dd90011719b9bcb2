//! `variance`: is today like yesterday?

mod experiment;
mod finding;

pub(crate) use experiment::Variance;
