//! Experiments: procedures over deployments that answer a named question.

mod counting;
mod crew;
mod done;
mod journal;
mod outside;
mod plan;
mod progress;
mod record;
mod runner;
mod sandboxes;
mod schedule;
mod simulated;
mod start;
mod until_interval;
mod venue;
mod workers;

pub use done::Done;
pub use journal::Journal;
pub use plan::{
    Experiment, PLAN_VERSION, Plan, PlanError, PlannedCounters, PlannedExperiment, PlannedWorkload, UntilInterval,
};
pub use progress::Progress;
pub use runner::{Places, ReadyWorkload, RunError, RunSummary, Runner};
pub use schedule::{Unit, generator, units};
pub use venue::Venue;
