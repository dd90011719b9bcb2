//! `regression`: is the new image, runtime or platform slower than the old?

mod experiment;
mod finding;
mod settings;
mod verdict;

pub(crate) use experiment::Regression;
pub use verdict::{Verdict, verdict};
