//! A registry that remembers what it was given.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use image_kind::{Image, tag};
use platform::{DeploymentId, PlatformError};
use remote_platform::{PushedImage, Registry};

/// A registry without a server: tags with the digests that they mean.
#[derive(Debug)]
pub struct PretendedRegistry {
    host: &'static str,
    tags: Mutex<BTreeMap<String, String>>,
    refuses: bool,
}

impl PretendedRegistry {
    /// An empty one at `HOST/PATH`.
    pub fn new(host: &'static str) -> PretendedRegistry {
        PretendedRegistry { host, tags: Mutex::default(), refuses: false }
    }

    /// One that refuses every push.
    pub fn refusing(host: &'static str) -> PretendedRegistry {
        PretendedRegistry { refuses: true, ..PretendedRegistry::new(host) }
    }

    /// What is in it: tags with their digests.
    pub fn tags(&self) -> BTreeMap<String, String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Registry for PretendedRegistry {
    fn reference(&self, image: &Image, deployment: &DeploymentId) -> PushedImage {
        let repository = format!("{}/{}", self.host, image.function);
        PushedImage {
            tagged: format!("{repository}:{deployment}-{}", tag(&image.digest)),
            pinned: format!("{repository}@{}", image.digest),
        }
    }

    async fn push(&self, image: &Image, deployment: &DeploymentId) -> Result<PushedImage, PlatformError> {
        if self.refuses {
            return Err(PlatformError::Denied {
                platform: "the registry".to_owned(),
                reason: "it takes nothing".to_owned(),
                advice: "log in".to_owned(),
            });
        }
        let pushed = self.reference(image, deployment);
        self.lock().insert(pushed.tagged.clone(), image.digest.clone());
        Ok(pushed)
    }

    async fn remove(&self, tagged: &str) -> Result<(), PlatformError> {
        self.lock().remove(tagged);
        Ok(())
    }
}
