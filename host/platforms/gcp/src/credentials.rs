//! Tokens: of a variable, or of Application Default Credentials.

use std::collections::HashMap;
use std::path::PathBuf;

use google_cloud_auth::credentials::idtoken::{self, IDTokenCredentials};
use google_cloud_auth::credentials::{Builder, CacheableResource, Credentials};
use platform::PlatformError;
use remote_platform::Authorization;
use remote_platform::header::{AUTHORIZATION, HeaderMap, HeaderName};
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};

/// The platform's name.
pub(crate) const PLATFORM: &str = "gcp";

/// What an access token may be used for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Makes the tokens of administration and of calls.
pub(crate) struct Tokens {
    access_token: Option<String>,
    id_token: Option<String>,
    credentials: OnceCell<Credentials>,
    /// By the address of the service.
    callers: Mutex<HashMap<String, IDTokenCredentials>>,
}

impl Tokens {
    /// With tokens that are given, and those that are made where they are not.
    pub(crate) fn new(access_token: Option<String>, id_token: Option<String>) -> Tokens {
        Tokens { access_token, id_token, credentials: OnceCell::new(), callers: Mutex::default() }
    }

    /// How a request of administration is let in, with what else goes along: the project that pays for quota.
    pub(crate) async fn administration(&self) -> Result<(Authorization, HeaderMap), PlatformError> {
        if let Some(token) = &self.access_token {
            return Ok((bearer(token)?, HeaderMap::new()));
        }
        let make = async || {
            let builder = Builder::default().with_scopes([SCOPE]);
            builder.build().map_err(|error| denied(&error.to_string()))
        };
        let credentials = self.credentials.get_or_try_init(make).await?;
        let headers = match credentials.headers(Default::default()).await {
            Ok(CacheableResource::New { data, .. }) => data,
            Ok(CacheableResource::NotModified) => return Err(denied("the credentials made no token")),
            Err(error) => return Err(denied(&said(&error))),
        };
        let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let authorization =
            value.and_then(Authorization::new).ok_or_else(|| denied("the credentials made no token"))?;
        let quota = HeaderName::from_static("x-goog-user-project");
        let quota = headers.get(&quota).cloned().map(|project| (quota, project));
        Ok((authorization, quota.into_iter().collect()))
    }

    /// The ID token for calls of the service at `audience`.
    pub(crate) async fn call(&self, audience: &str) -> Result<String, PlatformError> {
        if let Some(token) = &self.id_token {
            return Ok(token.clone());
        }
        let mut callers = self.callers.lock().await;
        if !callers.contains_key(audience) {
            callers.insert(audience.to_owned(), caller(audience).await?);
        }
        // Only what was put in just now, or before.
        let Some(caller) = callers.get(audience).cloned() else { return Err(denied("there is no ID token")) };
        drop(callers);
        caller.id_token().await.map_err(|error| denied(&said(&error)))
    }
}

/// The credentials of calls. Those of a person, which `gcloud auth application-default login` makes, have to be named apart.
async fn caller(audience: &str) -> Result<IDTokenCredentials, PlatformError> {
    let refused = |error: google_cloud_auth::build_errors::Error| denied(&error.to_string());
    match persons_credentials().await {
        Some(person) => idtoken::user_account::Builder::new(person).build().map_err(refused),
        None => idtoken::Builder::new(audience).build().map_err(refused),
    }
}

/// The file of Application Default Credentials, where it is a person's.
async fn persons_credentials() -> Option<Value> {
    let well_known = || {
        std::env::var_os("HOME")
            .map(|home| PathBuf::from(home).join(".config/gcloud/application_default_credentials.json"))
    };
    let path = std::env::var_os("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from).or_else(well_known)?;
    let text = tokio::fs::read_to_string(path).await.ok()?;
    let credentials: Value = serde_json::from_str(&text).ok()?;
    (credentials["type"] == "authorized_user").then_some(credentials)
}

/// An access token as a header.
fn bearer(token: &str) -> Result<Authorization, PlatformError> {
    Authorization::new(&format!("Bearer {}", token.trim()))
        .ok_or_else(|| PlatformError::Invalid("the access token can't stand in a header".to_owned()))
}

/// An error with its causes; Google's don't hold tokens.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn denied(reason: &str) -> PlatformError {
    PlatformError::Denied {
        platform: PLATFORM.to_owned(),
        reason: format!("Application Default Credentials: {reason}"),
        advice: "log in with `gcloud auth application-default login`, or name a service account's file in \
                 GOOGLE_APPLICATION_CREDENTIALS"
            .to_owned(),
    }
}
