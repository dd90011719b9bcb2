//! Platforms that are elsewhere, or have servers of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use platform::{Platform, PlatformError};
use remote_platform::{Connection, Registry};

use super::catalogue::PlatformKind;
use super::registry::TargetRegistry;
use crate::configuration::Target;

/// Reaches an installation of a platform.
pub type Connect = fn(Connection) -> BoxFuture<'static, Result<Arc<dyn Platform>, PlatformError>>;

/// What a platform is reached for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To deploy: everything that instances need must be there.
    Deploy,
    /// To look at what is deployed, to call it, to remove it: which must not fail for the want of what only deploying needs.
    Use,
}

/// What a deployer is made from.
///
/// # Errors
/// When the target's registry is none, or, to deploy, when what instances need is not there.
pub fn connection(
    kind: &'static PlatformKind,
    target: &Target,
    purpose: Purpose,
) -> Result<Connection, PlatformError> {
    let is_folder = target.storage.as_deref().is_some_and(|storage| !storage.contains("://"));
    let mut storage_environment = BTreeMap::new();
    if purpose == Purpose::Deploy {
        for name in &target.storage_environment {
            let value = std::env::var(name).map_err(|_| {
                PlatformError::Invalid(format!(
                    "the target `{}` gives instances the variable {name} for their storage, and the environment has no text of this \
                     name; set it",
                    target.name
                ))
            })?;
            storage_environment.insert(name.clone(), value);
        }
        if is_folder {
            return Err(PlatformError::Invalid(format!(
                "the storage of the target `{}` is a folder of this machine, which instances of {} can't see; give a location such \
                 as s3://BUCKET in its table",
                target.name, kind.name
            )));
        }
    }
    let registry = match target.registry.as_deref() {
        Some(place) => Some(Arc::new(TargetRegistry::new(place)?) as Arc<dyn Registry>),
        None => None,
    };
    Ok(Connection {
        platform: kind.name,
        target: target.name.clone(),
        endpoint: target.endpoint.clone(),
        options: target.options.clone(),
        storage: target.storage.clone().filter(|_| !is_folder),
        storage_environment,
        registry,
    })
}
