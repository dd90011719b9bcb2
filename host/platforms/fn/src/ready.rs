//! When a deployment is ready: when its own image has answered a call.

use std::time::Duration;

use bytes::Bytes;
use platform::{Answer, Deployment, Invocation, PlatformError};
use remote_platform::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::fn_platform::{FnPlatform, unix_ms};
use crate::plan::Details;

/// What is added to the time that an agent may be stale: to read its database, and for clocks that are coarse.
const STALE_MARGIN: Duration = Duration::from_millis(250);
/// Between two calls.
const PAUSE: Duration = Duration::from_millis(200);
/// How much older than the time since its update a new instance may seem: what clocks and the network make of it.
const AGE_MARGIN: Duration = Duration::from_secs(1);

impl FnPlatform {
    /// How long the server may go on with the old function after an update.
    pub(crate) fn stale(&self) -> Duration {
        Duration::from_millis(self.options.stale_after_update_ms) + STALE_MARGIN
    }

    /// Waits until the deployment's own image has answered a call with the event `{}`, which no lab function does anything
    /// for: Fn starts nothing before the first call, and tells of no failure before that. After an update nothing that is
    /// answered counts before every agent has the new state; then the instance that answers must be younger than the update,
    /// and a server that tells of which images containers have served calls must name this one.
    pub(crate) async fn wait(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        let details = self.details(deployment)?;
        let begin = Instant::now();
        let not_ready = |logs: String| PlatformError::NotReady {
            name: deployment.spec.name.clone(),
            waited: begin.elapsed(),
            logs,
        };
        if let Some(updated) = details.updated_unix_ms {
            let since = Duration::from_millis(unix_ms().saturating_sub(updated));
            let stale = self.stale().saturating_sub(since);
            if stale > patience {
                return Err(not_ready(format!(
                    "after an update Fn may use the old image for {} s",
                    stale.as_secs_f64()
                )));
            }
            sleep(stale).await;
        }
        let mut said = String::new();
        loop {
            let left = patience.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Err(not_ready(said));
            }
            match self.probe(deployment, &details, left).await? {
                Probe::Answered => return Ok(()),
                Probe::Failed(reason) => {
                    return Err(PlatformError::ExitedAtStart {
                        name: deployment.spec.name.clone(),
                        reason: format!("Fn says: {reason}"),
                        logs: String::new(),
                    });
                }
                Probe::NotYet(reason) => said = reason,
            }
            sleep(PAUSE.min(patience.saturating_sub(begin.elapsed()))).await;
        }
    }

    async fn probe(&self, deployment: &Deployment, details: &Details, left: Duration) -> Result<Probe, PlatformError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let invocation = Invocation { patience: Some(left), ..Invocation::new(Bytes::from_static(b"{}")) };
        let answer = match self.call(deployment, &details.invoke_url, headers, &invocation).await {
            Ok(answer) => answer,
            // A function that was made just now may not be known everywhere.
            Err(PlatformError::NotFound { .. }) => return Ok(Probe::NotYet("Fn does not know it yet".to_owned())),
            Err(PlatformError::NoAnswer { .. }) => return Ok(Probe::NotYet("Fn did not answer a call".to_owned())),
            Err(error) => return Err(error),
        };
        if !is_functions(&answer) {
            let reason = message(&answer);
            return Ok(match answer.status {
                // The server is busy, or is being updated itself.
                429 | 500 | 503 => Probe::NotYet(reason),
                _ => Probe::Failed(reason),
            });
        }
        let Some(updated) = details.updated_unix_ms else { return Ok(Probe::Answered) };
        let since = Duration::from_millis(unix_ms().saturating_sub(updated));
        let age = answer.instance.as_ref().map(|instance| Duration::from_micros(instance.age_us));
        if age.is_some_and(|age| age > since + AGE_MARGIN) {
            return Ok(Probe::NotYet("an instance from before the update answered".to_owned()));
        }
        match self.api.served(&details.function_id).await {
            Some(served) if served.get(&details.image).is_none_or(|served| *served == 0) => {
                Ok(Probe::NotYet(format!("{} has not served a call", details.image)))
            }
            _ => Ok(Probe::Answered),
        }
    }
}

enum Probe {
    /// The deployment's image answered.
    Answered,
    /// It will not.
    Failed(String),
    /// It did not, but may.
    NotYet(String),
}

/// What Fn says where the function has answered with an error of its own, of which it passes on nothing (`ErrFunctionFailed`
/// in `api/models/error.go`). Where there is no function that answers, it says something else.
const FUNCTION_FAILED: &str = "function failed";

/// Whether the function itself answered, be it with an error of its own, and not its platform.
fn is_functions(answer: &Answer) -> bool {
    if (200..300).contains(&answer.status) || answer.instance.is_some() {
        return true;
    }
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    body.is_some_and(|body| {
        body["error"]["type"].is_string() || (answer.status == 502 && body["message"] == FUNCTION_FAILED)
    })
}

/// What Fn says: `{"message"}`.
fn message(answer: &Answer) -> String {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let said = body.and_then(|body| Some(body["message"].as_str()?.to_owned()));
    let text = || String::from_utf8_lossy(&answer.body).trim().chars().take(200).collect();
    format!("status {}: {}", answer.status, said.unwrap_or_else(text))
}
