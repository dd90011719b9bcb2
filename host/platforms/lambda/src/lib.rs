//! The platform AWS Lambda, through AWS's own SDK.
//!
//! A deployment is a function `PREFIX + name` with a role of its own that may do no more than it must, a log group of its own,
//! and where they are asked for a function URL and provisioned instances. Everything carries the tag
//! [`DEPLOYMENT_TAG`]; nothing without it is ever touched.

mod clients;
mod concurrency;
mod deploy;
mod failure;
mod function;
mod invoke;
mod logs;
mod marked;
mod name;
mod nested;
mod options;
mod plan;
mod platform;
mod policy;
mod public_url;
mod remove;
mod report;
mod requests;
mod role;
mod settings;
mod wait;

pub use clients::defaults;
pub use options::{FunctionUrl, LambdaArchitecture, Options, Package};
pub use plan::{DEPLOYMENT_TAG, NAME_TAG};
pub use platform::{LambdaPlatform, connect};
pub use report::Report;
