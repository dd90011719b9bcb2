//! Calls.

use std::time::{Duration, Instant};

use platform::{Answer, Deployment, Invocation, PlatformError};
use remote_platform::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use remote_platform::{ApiRequest, Begin, Method};
use serde_json::Value;
use tokio::time::sleep;

use crate::AuthLevel;
use crate::arm::{failed, path};
use crate::credentials::PLATFORM;
use crate::deploy::site_id;
use crate::platform::Azure;

/// The longest that Azure's load balancer waits for an answer.
const LOAD_BALANCER: Duration = Duration::from_secs(230);
/// How long a call may take beyond its limit: waiting for an instance.
const MARGIN: Duration = Duration::from_secs(60);
/// Between two calls of a site that is not ready; the pause doubles up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

impl Azure {
    pub(crate) async fn call(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        let name = &deployment.spec.name;
        let address =
            deployment.url.as_deref().ok_or_else(|| failed("calling a function", "the site has no address yet"))?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let traces =
            [("traceparent", invocation.traceparent.as_deref()), ("tracestate", invocation.tracestate.as_deref())];
        for (header, value) in traces {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(HeaderName::from_static(header), value);
            }
        }
        if self.options.auth_level == AuthLevel::Function {
            let key = self.key(deployment).await?;
            let mut value = HeaderValue::from_str(&key)
                .map_err(|_| failed("calling a function", "its key can't stand in a header"))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static("x-functions-key"), value);
        }
        let limit = deployment.spec.limits.time.unwrap_or(LOAD_BALANCER).min(LOAD_BALANCER);
        let patience = invocation.patience.unwrap_or(limit + MARGIN);
        let answer = self.arm.api.invoke(name, address, headers, invocation.event.clone(), false, patience).await?;
        // Functions themselves never answer so.
        if answer.status == 401 {
            self.keys.lock().await.remove(address);
            return Err(PlatformError::Denied {
                platform: PLATFORM.to_owned(),
                reason: format!("calling {name}: status 401"),
                advice: "its key may have been renewed: call again".to_owned(),
            });
        }
        Ok(answer)
    }

    /// The function's key.
    pub(crate) async fn key(&self, deployment: &Deployment) -> Result<String, PlatformError> {
        let address = deployment.url.clone().unwrap_or_default();
        let mut keys = self.keys.lock().await;
        if let Some(key) = keys.get(&address) {
            return Ok(key.clone());
        }
        let doing = "reading the function's key";
        let id = format!("{}/functions/{}/listKeys", site_id(deployment)?, deployment.spec.function);
        let mut request = ApiRequest::new(doing, Method::POST, path(&id, &self.options.api_versions.web));
        request.repeatable = true;
        let response = self.arm.ask(&request, &[404]).await?;
        let listed: Value = if response.status.is_success() { response.json()? } else { Value::Null };
        let Some(key) = listed["default"].as_str() else {
            return Err(failed(doing, "Azure does not know the function yet"));
        };
        keys.insert(address, key.to_owned());
        Ok(key.to_owned())
    }

    /// Calls the function until an instance answers that began after the package was published.
    pub(crate) async fn wait_for_new_instance(
        &self,
        deployment: &Deployment,
        patience: Duration,
    ) -> Result<(), PlatformError> {
        let begin = Instant::now();
        let published_unix_ns = deployment.details["published-unix-ns"].as_u64().unwrap_or(0);
        let (mut pause, longest) = PAUSES;
        loop {
            let left = patience.saturating_sub(begin.elapsed());
            let invocation = Invocation { patience: Some(left.max(pause)), ..Invocation::new("{}") };
            let said = match self.call(deployment, &invocation).await {
                Ok(answer) => match &answer.instance {
                    Some(instance) => {
                        let age_ns = instance.age_us.saturating_mul(1000);
                        if Begin::now().unix_ns.saturating_sub(age_ns) >= published_unix_ns {
                            return Ok(());
                        }
                        format!("the instance {} is older than the package", instance.id)
                    }
                    None => format!("status {}, without an instance's name", answer.status),
                },
                // Azure learns of functions, hosts' names and keys some time after they are made.
                Err(
                    error @ (PlatformError::Denied { .. }
                    | PlatformError::Failed { .. }
                    | PlatformError::Unreachable { .. }
                    | PlatformError::NoAnswer { .. }),
                ) => error.to_string(),
                Err(error) => return Err(error),
            };
            if begin.elapsed() >= patience {
                let name = deployment.spec.name.clone();
                return Err(PlatformError::NotReady { name, waited: patience, logs: said });
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(longest);
        }
    }
}
