//! Asking the platform for its instances while a schedule runs.

use std::time::Duration;

use platform::Deployment;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::bench::unix_ns;
use crate::{Bench, ExperimentError};

/// What the platform said at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Sample {
    /// When it was asked, s since the schedule began, or before it.
    pub(super) at_s: f64,
    /// Its instances.
    pub(super) instances: u64,
    /// Calls that wait for one, where it says so.
    pub(super) waiting: Option<u64>,
}

/// Times that a platform may not know in a row before it is asked no more.
const GIVEN_UP_AFTER: u32 = 3;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Samples of one unit.
const MOST: usize = 100_000;

/// Asks every `period` until it is over. Times are Unix time, ns, until it is known when the schedule began.
pub(super) async fn watch_instances(
    bench: &Bench<'_>,
    deployment: &Deployment,
    period: Duration,
    mut over: watch::Receiver<bool>,
) -> Result<Vec<(u64, Sample)>, ExperimentError> {
    let mut samples = Vec::new();
    let mut unknown = 0;
    let labels = [("target", bench.site.target.as_str()), ("deployment", deployment.spec.name.as_str())];
    while !*over.borrow() && samples.len() < MOST && unknown < GIVEN_UP_AFTER {
        let asked = Instant::now();
        let at_unix_ns = unix_ns();
        // Who does not answer for so long does not know.
        let status = tokio::time::timeout(PATIENCE, bench.site.platform.status(deployment)).await;
        match status.ok().and_then(Result::ok).and_then(|status| Some((status.instances?.len() as u64, status.waiting)))
        {
            Some((instances, waiting)) => {
                unknown = 0;
                bench.sink().sample("instances", at_unix_ns, Ok(instances as f64), "1", &labels)?;
                samples.push((at_unix_ns, Sample { at_s: 0.0, instances, waiting: waiting.map(u64::from) }));
            }
            None => unknown += 1,
        }
        let next = tokio::time::sleep_until(asked + period);
        tokio::select! {
            () = next => {}
            // Its sender outlives this.
            _ = over.wait_for(|over| *over) => {}
        }
    }
    Ok(samples)
}
