//! What the platforms on this machine share: pools of instances, limits, queue, accounting, logs.

mod driver;

pub use driver::{CallOthers, Driver, Instance, InstanceExit, Prepared, Served, StartRequest, Surroundings};
