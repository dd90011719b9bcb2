//! Where an experiment takes place.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use image_kind::Image;
use platform::{Deployment, DeploymentId, DeploymentSpec, Limits, Platform, PlatformError, Scale};

/// One installation of a platform that takes part in a run.
#[derive(Clone)]
pub struct Site {
    /// The installation's name: what reports call it.
    pub target: String,
    /// How it is reached.
    pub platform: Arc<dyn Platform>,
    /// The functions' images, of its kind.
    pub images: BTreeMap<String, Image>,
    /// What the configuration gives every deployment there.
    pub scale: Scale,
    /// What the configuration allows every instance there.
    pub limits: Limits,
    /// Environment variables of every deployment there.
    pub environment: BTreeMap<String, String>,
    /// What is known of its instances from the inside, for platforms of this machine.
    pub known: Option<Arc<dyn KnownLives>>,
}

/// The life of one instance, as its platform knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// The identity that it gives in answers.
    pub instance: String,
    /// When it could serve, Unix time, ns.
    pub start_unix_ns: u64,
    /// When it was gone; `None`: it is there.
    pub end_unix_ns: Option<u64>,
}

/// A platform that knows when its instances started and ended.
pub trait KnownLives: Send + Sync {
    /// Those of a deployment, in the order of their starts.
    fn lives(&self, deployment: &DeploymentId) -> Vec<Life>;
}

/// Deploys for an experiment, with a ledger.
#[async_trait]
pub trait Deployer: Send + Sync {
    /// Deploys and waits until it serves.
    ///
    /// # Errors
    /// When it could not be made; what was made of it stays in the ledger until [`Deployer::remove`].
    async fn deploy(&self, site: &Site, spec: DeploymentSpec) -> Result<Deployment, PlatformError>;

    /// Changes a deployment: the same id, another image or other settings.
    ///
    /// # Errors
    /// When it could not be changed.
    async fn update(&self, site: &Site, spec: DeploymentSpec) -> Result<Deployment, PlatformError>;

    /// Removes a deployment and all that belongs to it.
    ///
    /// # Errors
    /// When something of it is, or may be, still there; it stays in the ledger.
    async fn remove(&self, site: &Site, id: &DeploymentId) -> Result<(), PlatformError>;
}
