//! What is deployed: making it, removing it, and what commands say of it.

mod documents;
mod removal;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod removal_tests;
mod steps;
mod verification;

pub use documents::{
    BuiltDocument, CleanedDocument, DeployedDocument, InvocationDocument, ObjectDocument, PlatformDocument,
    RemovalDocument, RemovalFailure, RemovedDocument, StatusDocument, UploadedDocument,
};
pub use removal::{Removal, Selection, Way, remove_all, select};
pub use steps::{DeployError, Deployed, Deploying, deploy, remove};
pub use verification::{Case, CaseResult, Expectations, Verification, cases, verify};
