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

/// What a deployer is made from.
///
/// # Errors
/// When the environment lacks a variable that the target names.
pub fn connection(kind: &'static PlatformKind, target: &Target) -> Result<Connection, PlatformError> {
    let mut storage_environment = BTreeMap::new();
    for name in &target.storage_environment {
        let value = std::env::var(name).map_err(|_| {
            PlatformError::Invalid(format!(
                "the target `{}` gives instances the variable {name} for their storage, and the environment has no text of this name; \
                 set it",
                target.name
            ))
        })?;
        storage_environment.insert(name.clone(), value);
    }
    if target.storage.as_deref().is_some_and(|storage| !storage.contains("://")) {
        return Err(PlatformError::Invalid(format!(
            "the storage of the target `{}` is a folder of this machine, which instances of {} can't see; give a location such as \
             s3://BUCKET, or leave it out",
            target.name, kind.name
        )));
    }
    let registry = target.registry.as_deref().map(|place| Arc::new(TargetRegistry::new(place)) as Arc<dyn Registry>);
    Ok(Connection {
        platform: kind.name,
        target: target.name.clone(),
        endpoint: target.endpoint.clone(),
        options: target.options.clone(),
        storage: target.storage.clone(),
        storage_environment,
        registry,
    })
}
