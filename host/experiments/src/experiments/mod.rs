//! The experiments themselves, each in a file or a folder of its own, and what several of them use.

mod cold_start;
pub(crate) mod figures;
mod perf_cost;
mod plan;
mod record;
mod regression;
mod tally;
mod variance;

pub(crate) use cold_start::ColdStart;
pub(crate) use perf_cost::PerfCost;
pub(crate) use plan::deploying_s;
pub(crate) use record::root_record;
pub(crate) use regression::Regression;
pub use regression::{Verdict, verdict};
pub(crate) use variance::Variance;
