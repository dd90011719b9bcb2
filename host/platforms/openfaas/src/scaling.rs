//! How many instances there are.

use std::time::{Duration, Instant};

use platform::PlatformError;
use tokio::time::sleep;

use crate::gateway::{Gateway, PLATFORM};

/// How long the gateway may take to have as many instances as it was told to.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the gateway may take to write down how many there should be.
const WRITTEN: Duration = Duration::from_secs(3);
/// Between looks.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the gateway believes that there are instances: `CacheExpiry` of its scaler, 250 ms, and some more.
const BELIEVED: Duration = Duration::from_millis(400);

/// Sets how many instances there are, and waits until so many are ready.
///
/// # Errors
/// When it is refused, or the gateway sets another number: it has bounds of its own.
pub(crate) async fn set(gateway: &Gateway, name: &str, replicas: u32) -> Result<(), PlatformError> {
    gateway.set_replicas(name, replicas).await?;
    let begin = Instant::now();
    let failed = |reason: String| PlatformError::Failed {
        platform: PLATFORM.to_owned(),
        doing: format!("setting {name} to {replicas} instances"),
        reason,
    };
    loop {
        let status = gateway.find(name).await?;
        let status =
            status.ok_or_else(|| PlatformError::NotFound { platform: PLATFORM.to_owned(), name: name.to_owned() })?;
        if status.replicas == replicas && status.available_replicas == replicas {
            if replicas == 0 {
                sleep(BELIEVED).await;
            }
            return Ok(());
        }
        if status.replicas != replicas && begin.elapsed() > WRITTEN {
            return Err(failed(format!(
                "the gateway set {} instead; the community edition keeps 1 to 5, and faasd 1",
                status.replicas
            )));
        }
        if begin.elapsed() > PATIENCE {
            return Err(failed(format!("{} are ready after {} s", status.available_replicas, PATIENCE.as_secs())));
        }
        sleep(PAUSE).await;
    }
}
