//! What a deployer is made from.

use std::collections::BTreeMap;
use std::sync::Arc;

use platform::{DeploymentId, PlatformError, Resource};
use serde::de::DeserializeOwned;

use crate::Registry;

/// One installation of a platform, as the configuration has it.
#[derive(Clone)]
pub struct Connection {
    /// The platform's name.
    pub platform: &'static str,
    /// The installation's name: the configuration's, or the platform's own.
    pub target: String,
    /// Where it is reached: the key `endpoint`.
    pub endpoint: Option<String>,
    /// The table `options` of the target, which only the platform itself understands.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// Object storage of the functions, as instances there reach it: the key `storage`.
    pub storage: Option<String>,
    /// Variables that let instances use the storage. Never shown, stored or logged.
    pub storage_environment: BTreeMap<String, String>,
    /// Where images are pushed, for platforms that pull them: the key `registry`.
    pub registry: Option<Arc<dyn Registry>>,
}

impl Connection {
    /// The table `options` as the platform's own type, which should refuse fields that it does not know.
    ///
    /// # Errors
    /// What is wrong in it, and where.
    pub fn options<T: DeserializeOwned>(&self) -> Result<T, PlatformError> {
        serde_json::from_value(serde_json::Value::Object(self.options.clone())).map_err(|error| {
            PlatformError::Invalid(format!("the options of the target `{}` can't be used: {error}", self.target))
        })
    }

    /// Something there that belongs to a deployment, as the ledger has it.
    pub fn resource(&self, deployment: &DeploymentId, kind: &str, name: &str, details: serde_json::Value) -> Resource {
        Resource {
            deployment: deployment.clone(),
            platform: self.platform.to_owned(),
            target: self.target.clone(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            details,
        }
    }

    /// The registry.
    ///
    /// # Errors
    /// How to name one, where the target has none.
    pub fn registry(&self) -> Result<&Arc<dyn Registry>, PlatformError> {
        self.registry.as_ref().ok_or_else(|| {
            PlatformError::Invalid(format!(
                "{} pulls its images from a registry, and the target `{}` names none; set `registry = \"HOST/PATH\"` in \
                 [targets.{}] of faasbench.toml",
                self.platform, self.target, self.target
            ))
        })
    }
}
