//! Where images go that a platform pulls.

use async_trait::async_trait;
use image_kind::Image;
use platform::{DeploymentId, PlatformError};

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedImage {
    /// By its tag, which carries the deployment's id: `127.0.0.1:5000/faasbench/function1:0123456789-abcdef012345`.
    pub tagged: String,
    /// By its digest, for ever the same: `127.0.0.1:5000/faasbench/function1@sha256:...`.
    pub pinned: String,
}

/// A place that images are pushed to.
#[async_trait]
pub trait Registry: Send + Sync {
    /// What [`Registry::push`] will make of an image: known before, so that it can be in the ledger before.
    fn reference(&self, image: &Image, deployment: &DeploymentId) -> PushedImage;

    /// Pushes it.
    ///
    /// # Errors
    /// When the registry can't be reached, or refuses.
    async fn push(&self, image: &Image, deployment: &DeploymentId) -> Result<PushedImage, PlatformError>;

    /// Removes a tag; a success when it is gone already.
    ///
    /// # Errors
    /// When it is, or may be, still there: many registries refuse.
    async fn remove(&self, tagged: &str) -> Result<(), PlatformError>;
}
