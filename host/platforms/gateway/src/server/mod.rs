//! The server: connections in, invocations of the platform, answers out.

mod callback;
mod calls;
mod functions;
mod headers;
mod invoke;
mod listeners;
mod metrics;
mod pages;
mod serve;
mod service;
mod trace;
mod workers;

pub(crate) use functions::{About, Function};
pub(crate) use headers::{
    BILLING, CALL_ID, DEPLOYMENT, EXECUTION, FUNCTION_STATUS, INSTANCE_ID, INSTANCE_SEQUENCE, INSTANCE_UPTIME,
    PLATFORM_CALL, QUEUE, START, TIMEOUT, microseconds,
};
pub(crate) use metrics::NAMESPACE;
pub use serve::{Ended, Running, ServeError, serve};
pub(crate) use service::{Gateway, method_not_allowed};
