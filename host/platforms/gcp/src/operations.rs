//! Operations that take their time.

use std::time::{Duration, Instant};

use platform::PlatformError;
use remote_platform::{ApiRequest, ApiResponse, Method};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::sleep;

use crate::credentials::PLATFORM;
use crate::platform::CloudRun;

/// Between two looks at what takes its time; the pause doubles up to the second.
pub(crate) const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// An operation as the API tells it.
#[derive(Debug, Deserialize)]
struct Operation {
    #[serde(default)]
    name: String,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    error: Option<Status>,
}

#[derive(Debug, Deserialize)]
struct Status {
    #[serde(default)]
    code: i32,
    #[serde(default)]
    message: String,
}

impl CloudRun {
    /// Makes a request of administration.
    pub(crate) async fn ask(&self, mut request: ApiRequest, others: &[u16]) -> Result<ApiResponse, PlatformError> {
        let (authorization, headers) = self.tokens.administration().await?;
        request.headers.extend(headers);
        self.api.with_authorization(authorization).ask(&request, others).await
    }

    /// Makes a request whose answer is an operation, and waits until that is done.
    pub(crate) async fn operate(&self, request: ApiRequest, others: &[u16]) -> Result<ApiResponse, PlatformError> {
        let doing = request.doing.clone();
        let response = self.ask(request, others).await?;
        if response.status.is_success() {
            self.wait_until_done(&doing, response.json()?).await?;
        }
        Ok(response)
    }

    async fn wait_until_done(&self, doing: &str, mut operation: Operation) -> Result<(), PlatformError> {
        let begin = Instant::now();
        let patience = Duration::from_secs(self.options.operation_patience_s);
        let (mut pause, longest) = PAUSES;
        while !operation.done {
            let name = operation.name.clone();
            if !name.starts_with("projects/") || name.split('/').any(|part| part.is_empty() || part == "..") {
                return Err(self.failed(doing, format!("its operation's name is {name:?}")));
            }
            let left = patience.saturating_sub(begin.elapsed());
            if left.is_zero() {
                let reason = format!("its operation {name} was not done after {} s", patience.as_secs());
                return Err(self.failed(doing, reason));
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(longest);
            let path = format!("/{}/{name}", self.options.api_version);
            operation = self.ask(ApiRequest::new(doing, Method::GET, path), &[]).await?.json()?;
        }
        match operation.error {
            None => Ok(()),
            Some(Status { code, message }) => Err(self.failed(doing, format!("{message} (code {code})"))),
        }
    }

    pub(crate) fn failed(&self, doing: &str, reason: impl Into<String>) -> PlatformError {
        PlatformError::Failed { platform: PLATFORM.to_owned(), doing: doing.to_owned(), reason: reason.into() }
    }
}

/// A whole answer that is a list in pages.
pub(crate) fn next_page(page: &Value) -> Option<&str> {
    page["nextPageToken"].as_str().filter(|token| !token.is_empty())
}
