//! Bringing a cold start about, in whatever way a platform has.

use platform::{ColdStart, Deployment};

use crate::{Bench, ExperimentError};

/// A variable whose change makes a new version of a deployment.
const VERSION: &str = "EXPERIMENT_VERSION";

/// Makes the next call of a deployment a cold one; `false` where only waiting would. Whether it was one, the function says itself.
///
/// # Errors
/// When the platform could not.
pub(crate) async fn make_cold(
    bench: &Bench<'_>,
    deployment: &mut Deployment,
    number: u32,
) -> Result<bool, ExperimentError> {
    match bench.site.platform.capabilities().cold_start {
        ColdStart::Forced => bench.force_cold(deployment).await?,
        ColdStart::ByUpdate => {
            let version = number.to_string();
            *deployment = bench
                .update(deployment, |spec| {
                    spec.environment.insert(VERSION.to_owned(), version);
                })
                .await?;
        }
        ColdStart::Always => {}
        ColdStart::ByWaiting => return Ok(false),
    }
    Ok(true)
}

/// Why there are no cold calls.
pub(crate) const ONLY_BY_WAITING: &str = "a cold start can only be had by waiting there";
