//! Requests to a platform's API.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use platform::{PlannedRequest, PlatformError};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use tokio::time::sleep;

use crate::Begin;

/// The longest that a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest that a request of administration may take.
const ANSWER: Duration = Duration::from_secs(60);
/// How often a request that may be repeated is made at most.
const ATTEMPTS: u32 = 4;
/// The pause before the first repetition; it doubles.
const PAUSE: Duration = Duration::from_millis(200);
/// How much of an error's text is shown.
const SHOWN: usize = 500;

/// How requests are allowed in. Its value is never shown.
#[derive(Clone)]
pub struct Authorization(HeaderValue);

impl Authorization {
    /// The header's whole value, as in `Bearer TOKEN`; `None` where a header can't hold it.
    pub fn new(value: &str) -> Option<Authorization> {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        Some(Authorization(value))
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(not shown)")
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct ApiRequest {
    /// What it does, as in "creating the function function1": for errors and for `--dry-run`.
    pub doing: String,
    /// HTTP's method.
    pub method: Method,
    /// The path and the query below the API's address.
    pub path: String,
    /// Further headers.
    pub headers: HeaderMap,
    /// The body, JSON.
    pub json: Option<serde_json::Value>,
    /// The body, of another kind; with its type.
    pub bytes: Option<(Bytes, &'static str)>,
    /// Whether it can be made again after it failed half way: what it does twice is as if done once.
    pub repeatable: bool,
}

impl ApiRequest {
    /// A request without a body. GET, HEAD, PUT and DELETE may be repeated.
    pub fn new(doing: impl Into<String>, method: Method, path: impl Into<String>) -> ApiRequest {
        let repeatable = method.is_idempotent();
        ApiRequest {
            doing: doing.into(),
            method,
            path: path.into(),
            headers: HeaderMap::new(),
            json: None,
            bytes: None,
            repeatable,
        }
    }

    /// With a JSON body.
    pub fn json(mut self, body: serde_json::Value) -> ApiRequest {
        self.json = Some(body);
        self
    }

    /// With a body of another kind.
    pub fn bytes(mut self, body: Bytes, content_type: &'static str) -> ApiRequest {
        self.bytes = Some((body, content_type));
        self
    }

    /// With a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> ApiRequest {
        self.headers.insert(name, value);
        self
    }

    /// As `--dry-run` shows it. The caller has left secrets out of `json`, or replaces them in what this returns.
    pub fn planned(&self, base: &Url, condition: Option<&str>) -> PlannedRequest {
        let body = match (&self.json, &self.bytes) {
            (Some(json), _) => Some(json.clone()),
            (None, Some((bytes, kind))) => Some(format!("{} bytes of {kind}", bytes.len()).into()),
            (None, None) => None,
        };
        PlannedRequest {
            purpose: self.doing.clone(),
            method: self.method.to_string(),
            address: joined(base, &self.path),
            body,
            condition: condition.map(str::to_owned),
        }
    }
}

/// An answer of the API.
#[derive(Debug)]
pub struct ApiResponse {
    /// HTTP's status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How often the request had to be repeated.
    pub repetitions: u32,
    /// What was being done.
    doing: String,
    platform: &'static str,
}

impl ApiResponse {
    /// The body as a type.
    ///
    /// # Errors
    /// When it is not one.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, PlatformError> {
        serde_json::from_slice(&self.body).map_err(|error| PlatformError::Failed {
            platform: self.platform.to_owned(),
            doing: self.doing.clone(),
            reason: format!("its answer is not what was expected: {error}: {}", self.text()),
        })
    }

    /// The beginning of the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim().chars().take(SHOWN).collect()
    }

    /// The answer when its status is one of success, or one of `others`.
    ///
    /// # Errors
    /// What the status means, otherwise.
    pub fn accept(self, others: &[u16]) -> Result<ApiResponse, PlatformError> {
        if self.status.is_success() || others.contains(&self.status.as_u16()) { Ok(self) } else { Err(self.refusal()) }
    }

    /// What an answer without success means.
    pub fn refusal(&self) -> PlatformError {
        let said = self.text();
        let reason =
            if said.is_empty() { format!("status {}", self.status) } else { format!("status {}: {said}", self.status) };
        match self.status.as_u16() {
            401 | 403 => PlatformError::Denied {
                platform: self.platform.to_owned(),
                reason: format!("{}: {reason}", self.doing),
                advice: "look at its credentials and what they allow".to_owned(),
            },
            407 => PlatformError::Denied {
                platform: self.platform.to_owned(),
                reason: format!("the proxy in between asks for credentials ({reason})"),
                advice: "give them in HTTPS_PROXY, or name the host in NO_PROXY".to_owned(),
            },
            _ => PlatformError::Failed { platform: self.platform.to_owned(), doing: self.doing.clone(), reason },
        }
    }
}

/// Why a request brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiError {
    /// No connection.
    Connect,
    /// None in time.
    Timeout,
    /// The connection ended before the answer was whole.
    Broken,
}

/// One platform's API.
#[derive(Debug, Clone)]
pub struct Api {
    platform: &'static str,
    base: Url,
    client: Client,
    authorization: Option<Authorization>,
}

impl Api {
    /// The API at an address, `https://host:port/path`.
    ///
    /// # Errors
    /// When that is no address of HTTP.
    pub fn new(platform: &'static str, base: &str, authorization: Option<Authorization>) -> Result<Api, PlatformError> {
        let wrong = |reason: String| {
            PlatformError::Invalid(format!(
                "`{base}` can't be the endpoint of {platform}: {reason}; give one as in `endpoint = \"http://127.0.0.1:8080\"`"
            ))
        };
        let url = Url::parse(base).map_err(|error| wrong(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("it is not http:// or https:// and a host".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it holds credentials, which belong in the environment".to_owned()));
        }
        // Another part of the program may have chosen one before; each of them will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .user_agent(concat!("faasbench/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Api { platform, base: url, client, authorization })
    }

    /// Its address.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The address of a path below it.
    pub fn address(&self, path: &str) -> String {
        joined(&self.base, path)
    }

    /// Makes a request and returns its answer, whatever its status. A request that may be repeated is, up to three times, when
    /// there is no connection, it breaks, or the status is 429, 502, 503 or 504.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn call(&self, request: &ApiRequest) -> Result<ApiResponse, PlatformError> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let last = attempt >= ATTEMPTS || !request.repeatable;
            match self.once(request).await {
                Ok(response) if !last && matches!(response.status.as_u16(), 429 | 502 | 503 | 504) => {}
                Ok(mut response) => {
                    response.repetitions = attempt - 1;
                    return Ok(response);
                }
                Err((ApiError::Connect | ApiError::Broken, _)) if !last => {}
                Err((_, error)) => return Err(error),
            }
            sleep(pause).await;
            pause *= 2;
        }
        unreachable!("the loop only ends by returning")
    }

    /// [`Api::call`], with the answer refused unless its status is one of success or one of `others`.
    ///
    /// # Errors
    /// When there is no answer, or another one.
    pub async fn ask(&self, request: &ApiRequest, others: &[u16]) -> Result<ApiResponse, PlatformError> {
        self.call(request).await?.accept(others)
    }

    async fn once(&self, request: &ApiRequest) -> Result<ApiResponse, (ApiError, PlatformError)> {
        let mut builder = self
            .client
            .request(request.method.clone(), joined(&self.base, &request.path))
            .headers(request.headers.clone())
            .timeout(ANSWER);
        if let Some(Authorization(value)) = &self.authorization {
            builder = builder.header(AUTHORIZATION, value.clone());
        }
        if let Some(json) = &request.json {
            builder = builder.json(json);
        } else if let Some((bytes, kind)) = &request.bytes {
            builder = builder.header(reqwest::header::CONTENT_TYPE, *kind).body(bytes.clone());
        }
        let failed = |error: reqwest::Error| self.failed(&request.doing, ANSWER, &error);
        let response = builder.send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(failed)?;
        Ok(ApiResponse { status, headers, body, repetitions: 0, doing: request.doing.clone(), platform: self.platform })
    }

    /// Calls a function: one POST of `body` to `address`, which may be outside of the API and gets its credentials only when
    /// `with_authorization`. Never repeated.
    ///
    /// # Errors
    /// When there is no answer within `patience`.
    pub async fn invoke(
        &self,
        name: &str,
        address: &str,
        headers: HeaderMap,
        body: Bytes,
        with_authorization: bool,
        patience: Duration,
    ) -> Result<platform::Answer, PlatformError> {
        let mut builder = self.client.post(address).headers(headers).timeout(patience).body(body);
        if let Some(Authorization(value)) = self.authorization.as_ref().filter(|_| with_authorization) {
            builder = builder.header(AUTHORIZATION, value.clone());
        }
        let doing = format!("calling {name}");
        let begin = Begin::now();
        let failed = |error: reqwest::Error| match self.failed(&doing, patience, &error) {
            (ApiError::Timeout, _) => PlatformError::NoAnswer { name: name.to_owned(), waited: patience },
            (_, error) => error,
        };
        let response = builder.send().await.map_err(failed)?;
        let first_byte = Instant::now();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.map_err(failed)?;
        Ok(crate::answer_of(status, &headers, body, begin, None, Some(first_byte)))
    }

    fn failed(&self, doing: &str, patience: Duration, error: &reqwest::Error) -> (ApiError, PlatformError) {
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            reason = cause.to_string();
            source = cause.source();
        }
        let host = self.base.host_str().unwrap_or_default();
        let kind = if error.is_timeout() {
            ApiError::Timeout
        } else if error.is_connect() {
            ApiError::Connect
        } else {
            ApiError::Broken
        };
        let reason = match kind {
            ApiError::Timeout => format!("{doing}: no answer of {host} within {} s", patience.as_secs_f64()),
            ApiError::Connect => format!("no connection to {}: {reason}", self.base),
            ApiError::Broken => format!("{doing}: the connection to {host} broke: {reason}"),
        };
        let advice = "look whether it runs there, and whether a proxy is in between".to_owned();
        (kind, PlatformError::Unreachable { platform: self.platform.to_owned(), reason, advice })
    }
}

/// An address with a path below it, whether or not either has a slash.
fn joined(base: &Url, path: &str) -> String {
    format!("{}/{}", base.as_str().trim_end_matches('/'), path.trim_start_matches('/'))
}
