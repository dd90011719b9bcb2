//! Calls with a patience of the experiment's own.

use std::time::Duration;

use bytes::Bytes;
use platform::{Deployment, Invocation};

use crate::timed_call::TimedCall;
use crate::{Bench, ExperimentError};

/// Makes one call, which ends within `patience` whatever the function does, and keeps its times.
///
/// # Errors
/// When it was stopped, or could not be recorded. A failure is a call too.
pub(crate) async fn timed(
    bench: &Bench<'_>,
    deployment: &Deployment,
    event: Bytes,
    label: &str,
    repetition: u32,
    patience: Duration,
) -> Result<TimedCall, ExperimentError> {
    let invocation = Invocation { patience: Some(patience), ..Invocation::new(event) };
    let (call, _) = bench.invoke(deployment, &invocation, label, repetition).await?;
    Ok(TimedCall::of(&call))
}

/// A number of seconds of a setting, if it is one that can be waited for: more than 0, at most a day.
pub(crate) fn seconds(number: f64) -> Option<Duration> {
    (number > 0.0 && number <= 86_400.0).then(|| Duration::from_secs_f64(number))
}
