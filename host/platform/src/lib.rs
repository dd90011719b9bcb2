//! The interface of all platforms, local and remote alike.
//!
//! An experiment is written against [`Platform`] and never names a platform. Whatever a platform creates, its intention goes
//! to the [`Ledger`] first, so that it can be removed after any failure.

mod allowed;
mod answer;
mod capabilities;
mod deployment;
mod error;
mod http_call;
mod interface;
mod ledger;
mod observation;
mod request;
mod undeploy;

pub use allowed::Allowed;
pub use answer::{Answer, CallId, InstanceIdentity, Invocation, Timings};
pub use capabilities::{Capabilities, ColdStart};
pub use deployment::{Deployment, DeploymentId, DeploymentSpec, Limits, Scale};
pub use error::PlatformError;
pub use http_call::HttpCall;
pub use interface::Platform;
pub use ledger::{Ledger, LedgerError, MemoryLedger, Resource, ResourceEntry, ResourceId, ResourceState};
pub use observation::{Billing, Found, InstanceStatus, LogLine, LogStream, ProviderMetric, Reached, Readiness, Status};
pub use request::PlannedRequest;
pub use undeploy::{NotRemoved, undeploy};
