//! Runs of the experiments on platforms: what the crate `experiments` leaves to its user. A plan, the platforms behind the targets,
//! a ledger for what is deployed, and a store for what is measured.

mod deployer;
mod outcomes;
mod plan;
mod sink;
mod sites;

pub use deployer::LedgerDeployer;
pub use outcomes::{FINDING, SPAN, UNIT, next_client, units_done};
pub use plan::{PLATFORM_PLAN_VERSION, PlannedPlatformExperiment, PlatformPlan};
pub use sink::StoreSink;
pub use sites::{Sites, local_target};
