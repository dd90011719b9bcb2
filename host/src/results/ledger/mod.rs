//! The ledger: what is deployed, and what exists because of it. Every entry is on the disk before anything is created.

mod copy;
mod deployment;
mod durable;
mod entries;
mod resource;

pub(super) use copy::copy;
pub use deployment::{Claim, DeploymentEntry, DeploymentStatus, NewDeployment};
pub use durable::DurableLedger;
pub use resource::LeftResource;
