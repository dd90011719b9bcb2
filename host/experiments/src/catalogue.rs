//! The experiments: one line each.

use crate::{Experiment, RequestError, experiments};

/// All of them, in the order of lists and reports.
#[rustfmt::skip]
pub static CATALOGUE: &[&dyn Experiment] = &[
    &experiments::PerfCost,
    &experiments::ColdStart,
    &experiments::KeepAlive,
    &experiments::Lifetime,
    &experiments::ScaleUp,
    &experiments::Concurrency,
    &experiments::Throughput,
    &experiments::Overhead,
    &experiments::Ping,
    &experiments::Chain,
    &experiments::Monolith,
    &experiments::Variance,
    &experiments::TraceReplay,
    &experiments::Isolation,
    &experiments::Regression,
];

/// Their names, for a message.
pub fn names() -> String {
    CATALOGUE.iter().map(|experiment| experiment.name()).collect::<Vec<_>>().join(", ")
}

/// The experiment of that name.
///
/// # Errors
/// When there is none; the error lists those that there are.
pub fn find(name: &str) -> Result<&'static dyn Experiment, RequestError> {
    let found = CATALOGUE.iter().find(|experiment| experiment.name() == name);
    found
        .copied()
        .ok_or_else(|| RequestError(format!("there is no experiment `{name}` on platforms; those are {}", names())))
}
