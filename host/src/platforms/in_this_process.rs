//! Platforms of this machine in this process.

use std::path::PathBuf;
use std::sync::Arc;

use platform::{Platform, PlatformError};

use crate::configuration::Target;
use crate::paths::CacheFolders;

/// What a platform in this process needs.
#[derive(Debug, Clone)]
pub struct InProcessOptions {
    /// Where components, images and objects are.
    pub folders: CacheFolders,
    /// A folder of its own, with a short path: for sockets and scratch folders. It is made when it is needed.
    pub state: PathBuf,
}

/// Makes a platform of this machine in this process. It creates nothing before the first deployment.
///
/// # Errors
/// When it can't be made here, or is not of this machine.
pub async fn in_this_process(target: &Target, options: InProcessOptions) -> Result<Arc<dyn Platform>, PlatformError> {
    let _ = (target, options);
    Err(PlatformError::Invalid("TEMPORARY".to_owned()))
}
