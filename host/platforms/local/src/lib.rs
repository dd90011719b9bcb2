//! What the platforms on this machine share: pools of instances, limits, queue, accounting, logs.
//!
//! A [`Driver`] starts, invokes and ends single instances; [`LocalPlatform`] makes a [`platform::Platform`] of it.

mod accounts;
mod book;
mod check;
mod deployed;
mod driver;
mod failure;
mod flight;
mod history;
mod interface;
mod invocation;
mod journal;
mod later;
mod local_platform;
mod member;
mod others;
mod persistent;
mod pool;
mod schedule;
mod socket;

pub use driver::{
    CallOthers, Driver, Instance, InstanceExit, Log, Prepared, Purpose, Served, StartRequest, Surroundings,
};
pub use failure::{error_body, status_of};
pub use history::{InstanceChange, InstanceEvent};
pub use local_platform::{DEPLOYMENT, LocalOptions, LocalPlatform, MAX_EVENT_BYTES};
