//! Requests to Azure Resource Manager, and its operations that take their time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use platform::PlatformError;
use remote_platform::header::{HeaderMap, LOCATION, RETRY_AFTER};
use remote_platform::{Api, ApiRequest, ApiResponse, Method};
use serde_json::Value;
use tokio::time::sleep;

use crate::credentials::{PLATFORM, Tokens};

/// Between two looks at an operation where Azure names no pause.
const PAUSE: Duration = Duration::from_secs(2);
/// The first pause where it is not an operation that is looked at; it doubles up to [`PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause that is taken from an answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// ARM as one credential sees it.
pub(crate) struct Arm {
    pub(crate) api: Api,
    pub(crate) tokens: Tokens,
    pub(crate) scope: String,
    /// How long an operation may take.
    pub(crate) patience: Duration,
    /// What requests hold and no error may show.
    pub(crate) secrets: Mutex<Vec<String>>,
}

impl Arm {
    /// Shows a text in no error from now on.
    pub(crate) fn hide(&self, secret: &str) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if !secrets.iter().any(|known| known == secret) {
            secrets.push(secret.to_owned());
        }
    }

    /// Makes a request, whose answer is one of success or one of `others`.
    pub(crate) async fn ask(&self, request: &ApiRequest, others: &[u16]) -> Result<ApiResponse, PlatformError> {
        let authorization = self.tokens.authorization(&self.scope).await?;
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.api.with_authorization(authorization).hiding(secrets).ask(request, others).await
    }

    /// A resource; `None` where there is none.
    pub(crate) async fn get(&self, doing: &str, id: &str, version: &str) -> Result<Option<Value>, PlatformError> {
        let request = ApiRequest::new(doing, Method::GET, path(id, version));
        let response = self.ask(&request, &[404]).await?;
        if response.status.as_u16() == 404 { Ok(None) } else { response.json().map(Some) }
    }

    /// Makes a request and waits until what it began is done: by `Azure-AsyncOperation`, by `Location`, or by the resource's own
    /// `provisioningState`. Returns the first answer.
    pub(crate) async fn operate(&self, request: &ApiRequest, others: &[u16]) -> Result<ApiResponse, PlatformError> {
        let doing = &request.doing;
        let response = self.ask(request, others).await?;
        if !response.status.is_success() {
            return Ok(response);
        }
        let begin = Instant::now();
        let place = |name: &str| response.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        if let Some(operation) = place("azure-asyncoperation") {
            self.wait_for_operation(doing, &operation, &response.headers, begin).await?;
        } else if let (202, Some(location)) = (response.status.as_u16(), place(LOCATION.as_str())) {
            self.wait_for_location(doing, &location, &response.headers, begin).await?;
        } else if request.method == Method::PUT {
            let document: Value = serde_json::from_slice(&response.body).unwrap_or_default();
            self.wait_for_state(request, document, begin).await?;
        }
        Ok(response)
    }

    async fn wait_for_operation(
        &self,
        doing: &str,
        operation: &str,
        headers: &HeaderMap,
        begin: Instant,
    ) -> Result<(), PlatformError> {
        let request = ApiRequest::new(doing, Method::GET, self.below(doing, operation)?);
        let mut pause = asked_pause(headers);
        loop {
            self.pause(doing, pause, begin).await?;
            let response = self.ask(&request, &[]).await?;
            pause = asked_pause(&response.headers);
            let operation: Value = response.json()?;
            match operation["status"].as_str() {
                Some("Succeeded") => return Ok(()),
                Some("Failed" | "Canceled" | "Cancelled") => return Err(failed(doing, &reason(&operation))),
                _ => {}
            }
        }
    }

    async fn wait_for_location(
        &self,
        doing: &str,
        location: &str,
        headers: &HeaderMap,
        begin: Instant,
    ) -> Result<(), PlatformError> {
        let request = ApiRequest::new(doing, Method::GET, self.below(doing, location)?);
        let mut pause = asked_pause(headers);
        loop {
            self.pause(doing, pause, begin).await?;
            // A thing that was removed is not found in the end.
            let response = self.ask(&request, &[404]).await?;
            if response.status.as_u16() != 202 {
                return Ok(());
            }
            pause = asked_pause(&response.headers);
        }
    }

    async fn wait_for_state(
        &self,
        request: &ApiRequest,
        mut document: Value,
        begin: Instant,
    ) -> Result<(), PlatformError> {
        let doing = &request.doing;
        let mut pause = FIRST_PAUSE;
        loop {
            match document["properties"]["provisioningState"].as_str() {
                None | Some("Succeeded") => return Ok(()),
                Some("Failed" | "Canceled") => return Err(failed(doing, &reason(&document))),
                Some(_) => {}
            }
            self.pause(doing, pause, begin).await?;
            pause = (pause * 2).min(PAUSE);
            let look = ApiRequest::new(doing, Method::GET, request.path.clone());
            document = self.ask(&look, &[]).await?.json()?;
        }
    }

    /// Waits, unless it has been long enough.
    pub(crate) async fn pause(&self, doing: &str, pause: Duration, begin: Instant) -> Result<(), PlatformError> {
        let left = self.patience.saturating_sub(begin.elapsed());
        if left.is_zero() {
            return Err(failed(doing, &format!("it was not done after {} s", self.patience.as_secs())));
        }
        sleep(pause.min(left)).await;
        Ok(())
    }

    /// An address that ARM gave, as a path of its own: a token goes nowhere else.
    pub(crate) fn below(&self, doing: &str, address: &str) -> Result<String, PlatformError> {
        let base = self.api.base().as_str().trim_end_matches('/');
        match address.strip_prefix(base) {
            Some(path) if path.starts_with('/') => Ok(path.to_owned()),
            _ => {
                let shown = address.split('?').next().unwrap_or_default();
                Err(failed(doing, &format!("its operation is at {shown}, which is not below {base}")))
            }
        }
    }
}

/// The path of a resource in one version of its API.
pub(crate) fn path(id: &str, version: &str) -> String {
    format!("{id}?api-version={version}")
}

/// How long an answer asks to wait before the next look.
fn asked_pause(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    // Asked for at once still leaves the others their turn.
    seconds.map_or(PAUSE, Duration::from_secs).clamp(Duration::from_millis(50), LONGEST_PAUSE)
}

/// What an operation or a resource says of its failure.
fn reason(document: &Value) -> String {
    let error = &document["error"];
    match (error["code"].as_str(), error["message"].as_str()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => "Azure says only that it failed; look at the resource group's activity log".to_owned(),
    }
}

pub(crate) fn failed(doing: &str, reason: &str) -> PlatformError {
    PlatformError::Failed { platform: PLATFORM.to_owned(), doing: doing.to_owned(), reason: reason.to_owned() }
}
