//! The platform Google Cloud Run, through its Admin API over REST.
//!
//! A function is a service of a container image in a registry that Cloud Run pulls from. Changes are long-running operations,
//! which are waited for with a bound. Calls carry an ID token unless the service is public; those of functions among each other do
//! so, too, by the program that their image has for that.

mod calls;
mod check;
mod credentials;
mod deploy;
mod lifetime;
mod nested;
mod observe;
mod operations;
mod options;
mod platform;
mod policy;
mod regions;
mod service;

pub use options::{Access, ExecutionEnvironment, ForceCold, Ingress, Options};
pub use platform::{connect, connect_with};
