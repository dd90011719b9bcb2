//! Tokens of gestalt-security.

use std::time::{Duration, Instant};

use platform::PlatformError;
use remote_platform::{Api, ApiRequest, Authorization, Method};
use serde_json::Value;
use tokio::sync::Mutex;

/// The platform's name.
pub(crate) const PLATFORM: &str = "gestalt";

/// How long a token is used: less than the shortest that was ever given out.
const LIFE: Duration = Duration::from_secs(300);

/// Makes tokens for Meta.
pub(crate) struct Security {
    api: Api,
    user: String,
    password: String,
    token: Mutex<Option<(Instant, Authorization)>>,
}

impl Security {
    /// For one user.
    pub(crate) fn new(api: Api, user: String, password: String) -> Security {
        Security { api, user, password, token: Mutex::default() }
    }

    /// How requests are let in now.
    pub(crate) async fn authorization(&self) -> Result<Authorization, PlatformError> {
        let mut token = self.token.lock().await;
        if let Some((since, authorization)) = &*token
            && since.elapsed() < LIFE
        {
            return Ok(authorization.clone());
        }
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "password")
            .append_pair("username", &self.user)
            .append_pair("password", &self.password)
            .finish();
        let mut request = ApiRequest::new("asking gestalt-security for a token", Method::POST, "/root/oauth/issue")
            .bytes(form.into_bytes().into(), "application/x-www-form-urlencoded");
        request.repeatable = true;
        let response = self.api.call(&request).await?;
        if !response.status.is_success() {
            return Err(PlatformError::Denied {
                platform: PLATFORM.to_owned(),
                // It may repeat what it was sent.
                reason: format!("gestalt-security gives no token: status {}", response.status),
                advice: "look at the user's name and password".to_owned(),
            });
        }
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let authorization =
            answer["access_token"].as_str().and_then(|text| Authorization::new(&format!("Bearer {text}")));
        let authorization = authorization.ok_or_else(|| PlatformError::Failed {
            platform: PLATFORM.to_owned(),
            doing: "asking gestalt-security for a token".to_owned(),
            reason: "its answer holds none".to_owned(),
        })?;
        *token = Some((Instant::now(), authorization.clone()));
        Ok(authorization)
    }
}
