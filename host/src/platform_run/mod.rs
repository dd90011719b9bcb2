//! Runs of the experiments on platforms: what the crate `experiments` leaves to its user. A plan, the platforms behind the targets,
//! a ledger for what is deployed, and a store for what is measured.

mod answers;
mod deployer;
mod outcomes;
mod plan;
mod sink;
mod sites;

pub use answers::findings;
pub use deployer::LedgerDeployer;
pub use outcomes::{FINDING, SPAN, StoredUnits, UNIT, UNIT_SO_FAR, next_client};
pub use plan::{PLATFORM_PLAN_VERSION, PlannedPlatformExperiment, PlatformPlan};
pub use sink::StoreSink;
pub use sites::{Sites, is_of, local_target};
