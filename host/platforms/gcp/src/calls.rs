//! Calls.

use std::time::Duration;

use platform::{Answer, Deployment, Invocation, PlatformError};
use remote_platform::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::Access;
use crate::credentials::PLATFORM;
use crate::platform::CloudRun;

/// Cloud Run's own time limit of a request.
const DEFAULT_TIME: Duration = Duration::from_secs(300);
/// How long a call may take beyond its limit: waiting for an instance.
const MARGIN: Duration = Duration::from_secs(60);

impl CloudRun {
    pub(crate) async fn call(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        let name = &deployment.spec.name;
        let address =
            deployment.url.as_deref().ok_or_else(|| self.failed("calling a service", "it has no address yet"))?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let traces =
            [("traceparent", invocation.traceparent.as_deref()), ("tracestate", invocation.tracestate.as_deref())];
        for (header, value) in traces {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(HeaderName::from_static(header), value);
            }
        }
        if let Some(token) = self.caller_token(address).await? {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| PlatformError::Invalid("the ID token can't stand in a header".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let limit = deployment.spec.limits.time.unwrap_or(DEFAULT_TIME);
        let patience = invocation.patience.unwrap_or(limit + MARGIN);
        let answer = self.api.invoke(name, address, headers, invocation.event.clone(), false, patience).await?;
        if matches!(answer.status, 401 | 403) && !is_functions_own(&answer) {
            return Err(PlatformError::Denied {
                platform: PLATFORM.to_owned(),
                reason: format!("calling {name}: status {}", answer.status),
                advice:
                    "give the caller the role roles/run.invoker (the option `invokers`), or set `access = \"public\"`"
                        .to_owned(),
            });
        }
        Ok(answer)
    }
}

impl CloudRun {
    /// The ID token that a private service asks for; `None`: it asks for none.
    pub(crate) async fn caller_token(&self, address: &str) -> Result<Option<String>, PlatformError> {
        if self.options.access != Access::Private {
            return Ok(None);
        }
        Ok(Some(self.tokens.call(address).await?.trim().to_owned()))
    }
}

/// Whether an answer is the function's, and not Google's in front of it.
fn is_functions_own(answer: &Answer) -> bool {
    answer.instance.is_some()
        || serde_json::from_slice::<serde_json::Value>(&answer.body).is_ok_and(|body| body["error"]["type"].is_string())
}
