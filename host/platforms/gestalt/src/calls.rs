//! Calls, which go to Laser.

use std::time::{Duration, Instant};

use platform::{Answer, CallId, Deployment, Invocation, PlatformError, Timings};
use remote_platform::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use remote_platform::{ApiRequest, Begin, Method, identity_in_body};
use serde_json::Value;
use tokio::time::sleep;

use crate::platform::Gestalt;
use crate::token::PLATFORM;

/// A lambda's time limit where none is asked for, which is Meta's.
const DEFAULT_TIME: Duration = Duration::from_secs(180);
/// How long a call may take beyond its limit: waiting for an executor.
const MARGIN: Duration = Duration::from_secs(60);
/// Between two calls of a lambda that is not ready; the pause doubles up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

impl Gestalt {
    async fn post(&self, deployment: &Deployment, way: &str, invocation: &Invocation) -> Result<Answer, PlatformError> {
        let id =
            lambda_id(deployment).ok_or_else(|| self.failed("calling a lambda", "the deployment names no lambda"))?;
        let address = self.laser.address(&format!("/lambdas/{id}/{way}"));
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let patience = deployment.spec.limits.time.unwrap_or(DEFAULT_TIME) + MARGIN;
        let patience = invocation.patience.unwrap_or(patience);
        let name = &deployment.spec.name;
        let answer = self.laser.invoke(name, &address, headers, invocation.event.clone(), false, patience).await?;
        if answer.status == 404 && !is_functions_own(&answer) {
            return Err(PlatformError::NotFound { platform: PLATFORM.to_owned(), name: name.clone() });
        }
        Ok(answer)
    }

    pub(crate) async fn call(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        self.post(deployment, "invokeSync", invocation).await
    }

    pub(crate) async fn call_without_waiting(
        &self,
        deployment: &Deployment,
        invocation: &Invocation,
    ) -> Result<CallId, PlatformError> {
        let answer = self.post(deployment, "invoke", invocation).await?;
        let doing = "calling a lambda without waiting";
        if !(200..300).contains(&answer.status) {
            return Err(self.failed(doing, &format!("status {}", answer.status)));
        }
        result_id(&answer.body).map(CallId).ok_or_else(|| self.failed(doing, "its answer names no result"))
    }

    pub(crate) async fn result_of(&self, call: &CallId) -> Result<Option<Answer>, PlatformError> {
        if !is_id(&call.0) {
            return Err(PlatformError::Invalid(format!("{:?} is not the name of a result", call.0)));
        }
        let request = ApiRequest::new("fetching a result", Method::GET, format!("/results/{}", call.0));
        let response = self.laser.call(&request).await?;
        if matches!(response.status.as_u16(), 202 | 404) {
            return Ok(None);
        }
        let body = response.body;
        // Laser does not say when it began, nor how long it took.
        let timings = Timings { start_unix_ns: Begin::now().unix_ns, ..Timings::default() };
        Ok(Some(Answer {
            status: response.status.as_u16(),
            call: Some(call.clone()),
            instance: identity_in_body(&body),
            timings,
            billing: None,
            body,
        }))
    }

    /// Calls the lambda until the function answers, with the image that was deployed.
    pub(crate) async fn wait_for_function(
        &self,
        deployment: &Deployment,
        patience: Duration,
    ) -> Result<(), PlatformError> {
        let begin = Instant::now();
        let (mut pause, longest) = PAUSES;
        loop {
            let left = patience.saturating_sub(begin.elapsed());
            let lambda = self.own(deployment).await?;
            let mut said = "it still has another image".to_owned();
            if self.has_image(&lambda, deployment) {
                let invocation = Invocation { patience: Some(left.max(pause)), ..Invocation::new("{}") };
                match self.call(deployment, &invocation).await {
                    Ok(answer) if answer.status < 300 || is_functions_own(&answer) => return Ok(()),
                    Ok(answer) => said = format!("status {}: {}", answer.status, begin_of(&answer.body)),
                    Err(PlatformError::NoAnswer { .. }) => said = "it does not answer".to_owned(),
                    Err(error) => return Err(error),
                }
            }
            if begin.elapsed() >= patience {
                let name = deployment.spec.name.clone();
                return Err(PlatformError::NotReady { name, waited: patience, logs: said });
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(longest);
        }
    }
}

/// The begin of what an error says, without what could command a terminal.
fn begin_of(body: &[u8]) -> String {
    String::from_utf8_lossy(body).trim().chars().filter(|letter| !letter.is_control()).take(200).collect()
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn lambda_id(deployment: &Deployment) -> Option<&str> {
    deployment.details["id"].as_str().filter(|id| is_id(id))
}

/// The result's id in an answer: a text, or a field `id`.
fn result_id(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body).trim().to_owned();
    let id = match serde_json::from_slice::<Value>(body) {
        Ok(Value::String(id)) => id,
        Ok(document) if document["id"].is_string() => document["id"].as_str()?.to_owned(),
        _ => text,
    };
    is_id(&id).then_some(id)
}

/// Whether an error is the function's own.
fn is_functions_own(answer: &Answer) -> bool {
    serde_json::from_slice::<Value>(&answer.body).is_ok_and(|body| body["error"]["type"].is_string())
}
