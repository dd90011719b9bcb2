//! Requests to a platform's API, and calls of its functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use platform::PlatformError;
use reqwest::header::{ACCEPT, AUTHORIZATION, HOST, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, ClientBuilder, Method, StatusCode, Url};
use rustls::ClientConfig;
use tokio::time::{sleep, timeout};

use crate::address::{joined, shown};
use crate::direct::{Answered, Direct, ExchangeError, MAXIMUM_ANSWER_BYTES, Origin};
use crate::hidden::Hidden;
use crate::response::proxy_refusal;
use crate::route::Route;
use crate::{ApiRequest, ApiResponse, ApiSettings, Authorization, Begin, Probe, tls};

/// The longest that a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest that a request of administration may take.
const ANSWER: Duration = Duration::from_secs(60);
/// How often a request that may be repeated is made at most.
const ATTEMPTS: u32 = 4;
/// The pause before the first repetition; it doubles.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest pause that a server can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Who asks.
const AGENT: &str = concat!("faasbench/", env!("CARGO_PKG_VERSION"));

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
    route: Route,
    /// Without a proxy.
    client: Client,
    /// Through the one that applies.
    proxied: Client,
    direct: Arc<Direct>,
    authorization: Option<Authorization>,
    hidden: Hidden,
    /// The longest that a request of administration may take.
    patience: Duration,
    /// How often a request was made again, by this and all that were made of it.
    repeated: Arc<AtomicU64>,
}

impl Api {
    /// The API at an address, `https://host:port/path`.
    ///
    /// # Errors
    /// When that is no address of HTTP.
    pub fn new(platform: &'static str, base: &str, authorization: Option<Authorization>) -> Result<Api, PlatformError> {
        Api::with(platform, base, authorization, &ApiSettings::default())
    }

    /// The API at an address, with certificates or a proxy of its own.
    ///
    /// # Errors
    /// When that is no address of HTTP, or the settings can't be used.
    pub fn with(
        platform: &'static str,
        base: &str,
        authorization: Option<Authorization>,
        settings: &ApiSettings,
    ) -> Result<Api, PlatformError> {
        let base = endpoint(platform, base)?;
        let unusable = |reason: String| {
            PlatformError::Invalid(format!("the endpoint {} of {platform} can't be used: {reason}", shown(&base)))
        };
        // Another part of the program may have chosen one before; each of them will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = tls::configuration(settings.certificates.as_deref()).map_err(unusable)?;
        let route = Route::new(settings.proxy.as_deref()).map_err(unusable)?;
        let failed = |error: reqwest::Error| unusable(error.without_url().to_string());
        let client = builder(&tls).no_proxy().build().map_err(failed)?;
        let proxied = match route.named().map_err(failed)? {
            Some(proxy) => builder(&tls).no_proxy().proxy(proxy),
            None => builder(&tls),
        };
        let proxied = proxied.build().map_err(failed)?;
        let direct = Arc::new(Direct::new(tls, CONNECT));
        let hidden = Hidden::new(authorization.as_ref());
        Ok(Api {
            platform,
            base,
            route,
            client,
            proxied,
            direct,
            authorization,
            hidden,
            patience: ANSWER,
            repeated: Arc::default(),
        })
    }

    /// With another bound on how long a request of administration may take than a minute: for those that return only when
    /// what they do is done.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Api {
        Api { patience, ..self }
    }

    /// The same, let in by something else: for tokens that don't last.
    #[must_use]
    pub fn with_authorization(&self, authorization: Authorization) -> Api {
        let hidden = self.hidden.and_of(&authorization);
        Api { authorization: Some(authorization), hidden, ..self.clone() }
    }

    /// Hides these texts, too, wherever an error shows what the API answered: values that requests hold, such as those of
    /// [`crate::Connection::storage_environment`]. Texts of less than 8 letters are not hidden.
    #[must_use]
    pub fn hiding(self, values: impl IntoIterator<Item = String>) -> Api {
        let hidden = self.hidden.and(values);
        Api { hidden, ..self }
    }

    /// How its requests are allowed in; `None`: they need no leave.
    pub fn authorization(&self) -> Option<&Authorization> {
        self.authorization.as_ref()
    }

    /// How often [`Api::call`] made a request again, of this API and its clones. Calls of functions are never repeated.
    pub fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
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
            let asked = match self.once(request).await {
                Ok(response) if !last && matches!(response.status.as_u16(), 429 | 502 | 503 | 504) => {
                    asked_pause(&response.headers)
                }
                Ok(mut response) => {
                    response.repetitions = attempt - 1;
                    return Ok(response);
                }
                Err(failure) if !last && failure.kind != ApiError::Timeout && !failure.is_final => None,
                Err(failure) => return Err(failure.after(attempt - 1)),
            };
            sleep(asked.unwrap_or(pause).max(pause)).await;
            self.repeated.fetch_add(1, Ordering::Relaxed);
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

    async fn once(&self, request: &ApiRequest) -> Result<ApiResponse, Failure> {
        let address = Url::parse(&joined(&self.base, &request.path)).map_err(|error| Failure {
            kind: ApiError::Broken,
            error: PlatformError::Invalid(format!("{}: `{}` is no path: {error}", request.doing, request.path)),
            is_final: true,
        })?;
        let mut builder = self
            .client_to(&address)
            .request(request.method.clone(), address.clone())
            .headers(request.headers.clone())
            .timeout(self.patience);
        if let Some(authorization) = &self.authorization {
            builder = builder.header(AUTHORIZATION, authorization.header());
        }
        if let Some(json) = &request.json {
            builder = builder.json(json);
        } else if let Some((bytes, kind)) = &request.bytes {
            builder = builder.header(reqwest::header::CONTENT_TYPE, *kind).body(bytes.clone());
        }
        let failed = |error: reqwest::Error| self.failed(&request.doing, &address, self.patience, error);
        let response = builder.send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.whole(&request.doing, &address, self.patience, response).await?;
        Ok(ApiResponse {
            status,
            headers,
            body,
            repetitions: 0,
            doing: request.doing.clone(),
            platform: self.platform,
            hidden: self.hidden.clone(),
        })
    }

    fn client_to(&self, address: &Url) -> &Client {
        if self.route.is_proxied(address) { &self.proxied } else { &self.client }
    }

    /// A whole body, unless it is larger than is taken.
    async fn whole(
        &self,
        doing: &str,
        address: &Url,
        patience: Duration,
        mut response: reqwest::Response,
    ) -> Result<Bytes, Failure> {
        let mut parts: Vec<Bytes> = Vec::new();
        let mut length = 0_usize;
        while let Some(part) = response.chunk().await.map_err(|error| self.failed(doing, address, patience, error))? {
            length += part.len();
            if length > MAXIMUM_ANSWER_BYTES {
                return Err(Failure {
                    kind: ApiError::Broken,
                    error: PlatformError::Failed {
                        platform: self.platform.to_owned(),
                        doing: doing.to_owned(),
                        reason: format!("the answer is larger than {} MiB", MAXIMUM_ANSWER_BYTES >> 20),
                    },
                    is_final: true,
                });
            }
            parts.push(part);
        }
        Ok(match <[Bytes; 1]>::try_from(parts) {
            Ok([whole]) => whole,
            Err(parts) => parts.concat().into(),
        })
    }

    /// Calls a function: one POST of `body` to `address`, which may be outside of the API and gets its credentials only when
    /// `with_authorization`. Never repeated, except when a kept connection had ended before any of the call was sent. The
    /// time of a new connection is known unless a proxy is in between.
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
        let call = Call { method: Method::POST, name, headers, body, with_authorization, patience };
        let called = self.exchange(call, address).await?;
        let first_byte = Some(called.first_byte);
        Ok(crate::answer_of(called.status, &called.headers, called.body, called.begin, called.connected, first_byte))
    }

    /// Asks at `address`, a health path of a native image, which instance answers. That is no invocation: a cold instance
    /// stays cold. The API's credentials are not sent.
    ///
    /// # Errors
    /// When there is no answer within `patience`.
    pub async fn probe(
        &self,
        name: &str,
        address: &str,
        headers: HeaderMap,
        patience: Duration,
    ) -> Result<Probe, PlatformError> {
        let call = Call { method: Method::GET, name, headers, body: Bytes::new(), with_authorization: false, patience };
        let called = self.exchange(call, address).await?;
        Ok(Probe::new(called.status, &called.headers, &called.body, called.begin))
    }

    async fn exchange(&self, call: Call<'_>, address: &str) -> Result<Called, PlatformError> {
        let Call { method, name, mut headers, body, with_authorization, patience } = call;
        let invalid = || PlatformError::Invalid(format!("{name} can't be called: its address is not one of HTTP"));
        let url = Url::parse(address).map_err(|_| invalid())?;
        if let Some(authorization) = self.authorization.as_ref().filter(|_| with_authorization) {
            headers.insert(AUTHORIZATION, authorization.header());
        }
        if self.route.is_proxied(&url) {
            let call = Call { method, name, headers, body, with_authorization, patience };
            return self.exchange_through_proxy(call, url).await;
        }
        let origin = Origin::of(&url).ok_or_else(invalid)?;
        let request = direct_request(method, &url, headers, body).ok_or_else(invalid)?;
        let begin = Begin::now();
        match timeout(patience, self.direct.send(&origin, request)).await {
            Ok(Ok(Answered { exchanged, connected })) => Ok(Called {
                status: exchanged.status,
                headers: exchanged.headers,
                body: exchanged.body,
                begin,
                connected,
                first_byte: exchanged.first_byte,
            }),
            Ok(Err(error)) => {
                let kind = match error {
                    ExchangeError::Connect(_) => ApiError::Connect,
                    ExchangeError::Ended(_) | ExchangeError::Broken(_) => ApiError::Broken,
                };
                Err(self.unreachable(kind, &format!("calling {name}"), &url, patience, &error.to_string()))
            }
            Err(_) => Err(PlatformError::NoAnswer { name: name.to_owned(), waited: patience }),
        }
    }

    async fn exchange_through_proxy(&self, call: Call<'_>, url: Url) -> Result<Called, PlatformError> {
        let Call { method, name, headers, body, patience, .. } = call;
        let doing = format!("calling {name}");
        let timed_out = |failure: Failure| match failure.kind {
            ApiError::Timeout => PlatformError::NoAnswer { name: name.to_owned(), waited: patience },
            _ => failure.error,
        };
        let builder = self.proxied.request(method, url.clone()).headers(headers).timeout(patience).body(body);
        let begin = Begin::now();
        let response = builder.send().await.map_err(|error| timed_out(self.failed(&doing, &url, patience, error)))?;
        let first_byte = Instant::now();
        let (status, headers) = (response.status(), response.headers().clone());
        if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(proxy_refusal(self.platform, &format!("status {status}")));
        }
        let body = self.whole(&doing, &url, patience, response).await.map_err(timed_out)?;
        Ok(Called { status: status.as_u16(), headers, body, begin, connected: None, first_byte })
    }

    fn failed(&self, doing: &str, address: &Url, patience: Duration, error: reqwest::Error) -> Failure {
        let error = error.without_url();
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            reason = cause.to_string();
            source = cause.source();
        }
        let kind = if error.is_timeout() {
            ApiError::Timeout
        } else if error.is_connect() {
            ApiError::Connect
        } else {
            ApiError::Broken
        };
        // The words of hyper-util's tunnel when a proxy answers 407.
        if kind == ApiError::Connect && reason.contains("proxy authorization required") {
            return Failure { kind, error: proxy_refusal(self.platform, "status 407"), is_final: true };
        }
        Failure { kind, error: self.unreachable(kind, doing, address, patience, &reason), is_final: false }
    }

    fn unreachable(
        &self,
        kind: ApiError,
        doing: &str,
        address: &Url,
        patience: Duration,
        reason: &str,
    ) -> PlatformError {
        let place = shown(address);
        let reason = match kind {
            ApiError::Timeout => format!("{doing}: no answer of {place} within {} s", patience.as_secs_f64()),
            ApiError::Connect => format!("{doing}: no connection to {place}: {reason}"),
            ApiError::Broken => format!("{doing}: the connection to {place} broke: {reason}"),
        };
        let advice = if reason.contains("certificate") {
            "name the file with its CA's certificate (SSL_CERT_FILE), or give the name that its certificate is for"
        } else if self.route.is_proxied(address) {
            "look whether the proxy in between lets this through, or name the host in NO_PROXY"
        } else {
            "look whether it runs there, and whether a proxy is in between"
        };
        PlatformError::Unreachable { platform: self.platform.to_owned(), reason, advice: advice.to_owned() }
    }
}

/// A call of an instance.
struct Call<'a> {
    method: Method,
    name: &'a str,
    headers: HeaderMap,
    body: Bytes,
    with_authorization: bool,
    patience: Duration,
}

/// What came back from it.
struct Called {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
    begin: Begin,
    connected: Option<Instant>,
    first_byte: Instant,
}

/// A request that brought no answer.
struct Failure {
    kind: ApiError,
    error: PlatformError,
    /// Whether it would be the same again.
    is_final: bool,
}

impl Failure {
    /// The error, with how often the request was repeated before.
    fn after(self, repetitions: u32) -> PlatformError {
        match self.error {
            PlatformError::Unreachable { platform, reason, advice } if repetitions > 0 => {
                let reason = format!("{reason} (also after {repetitions} repetitions)");
                PlatformError::Unreachable { platform, reason, advice }
            }
            error => error,
        }
    }
}

/// An endpoint's address.
fn endpoint(platform: &str, base: &str) -> Result<Url, PlatformError> {
    let wrong = |shown: &str, reason: String| {
        PlatformError::Invalid(format!(
            "`{shown}` can't be the endpoint of {platform}: {reason}; give one as in `endpoint = \"http://127.0.0.1:8080\"`"
        ))
    };
    // Whatever is before an `@` may be a password.
    let hidden = match base.rsplit_once('@') {
        Some((_, rest)) => format!("(not shown)@{rest}"),
        None => base.to_owned(),
    };
    let url = Url::parse(base).map_err(|error| wrong(&hidden, error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong(&hidden, "it is not http:// or https:// and a host".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(&hidden, "it holds credentials, which belong in the environment".to_owned()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        let shown = hidden.split(['?', '#']).next().unwrap_or_default();
        return Err(wrong(shown, "it has a query, and paths are put below it".to_owned()));
    }
    Ok(url)
}

fn builder(tls: &ClientConfig) -> ClientBuilder {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT)
        .user_agent(AGENT)
        .redirect(reqwest::redirect::Policy::none())
        // Repetitions are ours, and counted.
        .retry(reqwest::retry::never())
}

/// The request of a call.
fn direct_request(method: Method, url: &Url, headers: HeaderMap, body: Bytes) -> Option<hyper::Request<Full<Bytes>>> {
    let mut request = hyper::Request::new(Full::new(body));
    *request.method_mut() = method;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    *request.uri_mut() = format!("{}{query}", url.path()).parse().ok()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let host = HeaderValue::from_str(&format!("{}{port}", url.host_str()?)).ok()?;
    let all = request.headers_mut();
    all.insert(HOST, host);
    all.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    all.insert(ACCEPT, HeaderValue::from_static("*/*"));
    // The caller's own go before.
    all.extend(headers);
    Some(request)
}

/// How long a server asks to wait before the next request, within bounds.
fn asked_pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}
