//! The registry that a target names.

use async_trait::async_trait;
use image_build::{Image, PushError, PushOptions, check_place, push, remove_tag, tag};
use platform::{DeploymentId, PlatformError};
use remote_platform::{PushedImage, Registry};

/// A place in a registry, `REGISTRY/PATH`, below which every function has a repository.
#[derive(Debug, Clone)]
pub(super) struct TargetRegistry {
    place: String,
}

impl TargetRegistry {
    /// Below this place.
    ///
    /// # Errors
    /// When that can't be a place in a registry.
    pub(super) fn new(place: &str) -> Result<TargetRegistry, PlatformError> {
        check_place(place).map_err(|error| PlatformError::Invalid(error.to_string()))?;
        Ok(TargetRegistry { place: place.trim_end_matches('/').to_owned() })
    }

    fn failed(&self, doing: &str, error: PushError) -> PlatformError {
        match error {
            PushError::Reference { .. } | PushError::At | PushError::NotForRegistries { .. } => {
                PlatformError::Invalid(error.to_string())
            }
            error => PlatformError::Failed {
                platform: format!("the registry {}", self.place),
                doing: doing.to_owned(),
                reason: error.to_string(),
            },
        }
    }
}

#[async_trait]
impl Registry for TargetRegistry {
    fn reference(&self, image: &Image, deployment: &DeploymentId) -> PushedImage {
        let repository = format!("{}/{}", self.place, image.function);
        PushedImage {
            // A tag of its own for each deployment: another one's removal does not take it away.
            tagged: format!("{repository}:{deployment}-{}", tag(&image.digest)),
            pinned: format!("{repository}@{}", image.digest),
        }
    }

    async fn push(&self, image: &Image, deployment: &DeploymentId) -> Result<PushedImage, PlatformError> {
        let place = self.reference(image, deployment).tagged;
        let pushed = push(image, &place, &PushOptions::default())
            .await
            .map_err(|error| self.failed(&format!("pushing the image of {}", image.function), error))?;
        Ok(PushedImage { tagged: pushed.tagged, pinned: pushed.pinned })
    }

    async fn remove(&self, tagged: &str) -> Result<(), PlatformError> {
        let removed = match remove_tag(tagged, &PushOptions::default()).await {
            // What no registry could have was never pushed.
            Err(PushError::Reference { .. } | PushError::At) => Ok(()),
            removed => removed,
        };
        removed.map_err(|error| self.failed(&format!("removing the tag {tagged}"), error))
    }
}
