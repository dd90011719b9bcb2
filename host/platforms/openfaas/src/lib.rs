//! The platform OpenFaaS: a gateway with functions on faasd or on Kubernetes (faas-netes).
//!
//! Everything goes through the gateway's API. A function there carries our mark as a label, [`DEPLOYMENT_LABEL`]. The
//! platform says that an update is done before it is: old instances are told from new ones by asking them how long they have
//! existed.

mod callback;
mod credentials;
mod function;
mod gateway;
mod logs;
mod metrics;
mod options;
mod platform;
mod ready;
mod resources;
mod scaling;
mod template;

pub use options::{ColdStartWay, Options};
pub use platform::{OpenFaas, connect};
pub use template::DEPLOYMENT_LABEL;
