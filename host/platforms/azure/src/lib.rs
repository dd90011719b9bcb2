//! The platform Azure Functions, through Azure Resource Manager (ARM) and the site's publishing service (Kudu).
//!
//! A deployment is a site with a plan of its own, Flex Consumption or Consumption, a storage account that Functions needs,
//! and Application Insights with its workspace for logs. The package is an archive with a custom handler.
//! Functions call each other at their sites' addresses, by the program that the archive has for that.

mod arm;
mod calls;
mod check;
mod credentials;
mod deploy;
mod documents;
mod names;
mod nested;
mod observe;
mod options;
mod package;
mod platform;
mod publish;
mod steps;

pub use options::{ApiVersions, AuthLevel, Options, Plan};
pub use platform::{connect, connect_with};
