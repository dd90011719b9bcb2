//! The drivers of the platforms of this machine, as a target and the cache's folders have it.

use std::sync::Arc;

use container_platform::{ContainerDriver, ContainerOptions};
use local_platform::Driver;
use platform::PlatformError;
use process_platform::ProcessDriver;
use wasm_platform::{WasmDriver, WasmOptions};

use crate::configuration::Target;
use crate::engine::wasm::ArtefactCache;
use crate::paths::CacheFolders;

/// Makes a driver.
pub type MakeDriver = fn(&Target, &CacheFolders) -> Result<Arc<dyn Driver>, PlatformError>;

pub(super) fn wasm(_: &Target, folders: &CacheFolders) -> Result<Arc<dyn Driver>, PlatformError> {
    let failed = |doing: &str, reason: String| PlatformError::Failed {
        platform: "wasm".to_owned(),
        doing: doing.to_owned(),
        reason,
    };
    let cache = ArtefactCache::open(folders.components())
        .map_err(|error| failed("opening the cache of compiled components", error.to_string()))?;
    let options = WasmOptions { cache: Some(cache), ..WasmOptions::default() };
    let driver = WasmDriver::new(options).map_err(|error| failed("making the engine", error.to_string()))?;
    Ok(Arc::new(driver))
}

pub(super) fn process(target: &Target, _: &CacheFolders) -> Result<Arc<dyn Driver>, PlatformError> {
    Ok(Arc::new(ProcessDriver::new()?.with_target(&target.name)))
}

pub(super) fn container(target: &Target, _: &CacheFolders) -> Result<Arc<dyn Driver>, PlatformError> {
    Ok(Arc::new(ContainerDriver::new(ContainerOptions {
        target: target.name.clone(),
        address: target.endpoint.clone(),
        ..ContainerOptions::default()
    })))
}
