//! The platform that a running server has, over HTTP.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Request};
use image_kind::ImageKind;
use platform::{
    Answer, Billing, CallId, Capabilities, Deployment, DeploymentSpec, Found, Invocation, Ledger, LogLine, Platform,
    PlatformError, ProviderMetric, Reached, Readiness, Resource, Scale, Status,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::connection::{ExchangeError, Exchanged};
use super::endpoint::Endpoint;
use super::pool::{Answered, Pool};
use super::read::{self, Begin};
use crate::Token;
use crate::api::PlatformDescription;
use crate::daemon::{Daemon, SERVER};
use crate::failure::{ERROR_HEADER, told};
use crate::server::{DEPLOYMENT, FUNCTION_STATUS, TIMEOUT};

/// The kind, in a ledger, of a function that a server serves.
pub const SERVED_FUNCTION: &str = "served-function";

/// How long the server may take to answer what takes it no time.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take to deploy or remove.
const LONG_PATIENCE: Duration = Duration::from_secs(300);
/// How much longer than it was told to wait the server may take to say that it waited.
const MARGIN: Duration = Duration::from_secs(5);
/// How long an invocation may take where neither the call nor the deployment says.
const INVOCATION: Duration = Duration::from_secs(600);

/// The platform of a running server.
pub struct ServedPlatform {
    pool: Pool,
    description: PlatformDescription,
    target: String,
    local: Option<Arc<dyn Platform>>,
}

impl ServedPlatform {
    /// Asks the server at `endpoint` which platform it has. `target` is the name of this installation.
    ///
    /// # Errors
    /// When it does not answer, or refuses the token.
    pub async fn connect(
        endpoint: Endpoint,
        token: Option<&Token>,
        target: &str,
    ) -> Result<ServedPlatform, PlatformError> {
        let pool = Pool::new(endpoint, token);
        let request = request(Method::GET, "/faasbench/platform", Bytes::new())?;
        let answered = send(&pool, "the server", "asking which platform it has", request, PATIENCE).await?;
        let description: PlatformDescription = read(answered.exchanged, "the server", "asking which platform it has")?;
        Ok(ServedPlatform { pool, description, target: target.to_owned(), local: None })
    }

    /// Adds the platform itself, for removing what the server made, such as containers, after it has gone.
    #[must_use]
    pub fn with_local(self, local: Arc<dyn Platform>) -> ServedPlatform {
        ServedPlatform { local: Some(local), ..self }
    }

    /// Where the server is.
    pub fn endpoint(&self) -> &Endpoint {
        self.pool.endpoint()
    }

    /// What the server has deployed.
    ///
    /// # Errors
    /// When it can't be asked.
    pub async fn deployments(&self) -> Result<Vec<Deployment>, PlatformError> {
        self.get("/faasbench/deployments", "listing deployments").await
    }

    async fn send(&self, doing: &str, request: Request<Bytes>, patience: Duration) -> Result<Answered, PlatformError> {
        send(&self.pool, &self.description.name, doing, request, patience).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, doing: &str) -> Result<T, PlatformError> {
        let answered = self.send(doing, request(Method::GET, path, Bytes::new())?, PATIENCE).await?;
        read(answered.exchanged, &self.description.name, doing)
    }

    async fn post(
        &self,
        path: &str,
        body: &impl Serialize,
        doing: &str,
        patience: Duration,
    ) -> Result<(), PlatformError> {
        let answered = self.send(doing, request(Method::POST, path, self.written(body, doing)?)?, patience).await?;
        succeeded(answered.exchanged, &self.description.name, doing).map(|_| ())
    }

    fn written(&self, value: &impl Serialize, doing: &str) -> Result<Bytes, PlatformError> {
        let body = serde_json::to_vec(value).map_err(|error| self.failed(doing, &error.to_string()))?;
        Ok(body.into())
    }

    fn failed(&self, doing: &str, reason: &str) -> PlatformError {
        PlatformError::Failed {
            platform: self.description.name.clone(),
            doing: doing.to_owned(),
            reason: reason.to_owned(),
        }
    }

    fn invocation(
        &self,
        path: &str,
        deployment: &Deployment,
        invocation: &Invocation,
    ) -> Result<Request<Bytes>, PlatformError> {
        let mut request = request(Method::POST, path, invocation.event.clone())?;
        let headers = request.headers_mut();
        let texts = [
            (HeaderName::from_static("traceparent"), invocation.traceparent.as_deref()),
            (HeaderName::from_static("tracestate"), invocation.tracestate.as_deref()),
            (DEPLOYMENT, Some(deployment.spec.id.as_str())),
        ];
        for (name, value) in texts {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        if let Some(patience) = invocation.patience
            && let Ok(value) = HeaderValue::from_str(&format!("{}ms", patience.as_millis().max(1)))
        {
            headers.insert(TIMEOUT, value);
        }
        Ok(request)
    }

    async fn remove_function(&self, resource: &Resource) -> Result<(), PlatformError> {
        let path = path(&resource.name, "", &resource.deployment.to_string());
        let doing = "removing a function";
        let request = request(Method::DELETE, &path, Bytes::new())?;
        match self.send(doing, request, LONG_PATIENCE).await {
            // What a server has goes with it.
            Err(PlatformError::Unreachable { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(answered) => match succeeded(answered.exchanged, &self.description.name, doing) {
                Ok(_) | Err(PlatformError::NotFound { .. }) => Ok(()),
                Err(error) => Err(error),
            },
        }
    }
}

/// A path of our own interface for one deployment.
fn path(name: &str, action: &str, id: &str) -> String {
    let action = if action.is_empty() { String::new() } else { format!("/{action}") };
    // Names and ids are letters, digits and dashes; anything else is no path, which is refused.
    format!("/faasbench/deployments/{name}{action}?deployment={id}")
}

fn path_of(deployment: &Deployment, action: &str) -> String {
    path(&deployment.spec.name, action, deployment.spec.id.as_str())
}

fn request(method: Method, path: &str, body: Bytes) -> Result<Request<Bytes>, PlatformError> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() =
        path.parse().map_err(|_| PlatformError::Invalid(format!("{path:?} can't be asked for: check the name")))?;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(request)
}

async fn send(
    pool: &Pool,
    platform: &str,
    doing: &str,
    request: Request<Bytes>,
    patience: Duration,
) -> Result<Answered, PlatformError> {
    let unreachable = |reason: String| PlatformError::Unreachable {
        platform: platform.to_owned(),
        reason: format!("the server at {} does not answer: {reason}", pool.endpoint()),
        advice: "start it with `faasbench serve`, or give the right address".to_owned(),
    };
    match timeout(patience, pool.send(request)).await {
        Ok(Ok(answered)) => Ok(answered),
        Ok(Err(error @ (ExchangeError::Connect(_) | ExchangeError::Ended(_)))) => Err(unreachable(error.to_string())),
        Ok(Err(error)) => Err(PlatformError::Failed {
            platform: platform.to_owned(),
            doing: doing.to_owned(),
            reason: error.to_string(),
        }),
        Err(_) => Err(PlatformError::Failed {
            platform: platform.to_owned(),
            doing: doing.to_owned(),
            reason: format!("no answer of the server at {} within {} s", pool.endpoint(), patience.as_secs_f64()),
        }),
    }
}

fn succeeded(exchanged: Exchanged, platform: &str, doing: &str) -> Result<Exchanged, PlatformError> {
    if (200..300).contains(&exchanged.status) {
        return Ok(exchanged);
    }
    Err(told(exchanged.status, &exchanged.body, platform, doing))
}

fn read<T: DeserializeOwned>(exchanged: Exchanged, platform: &str, doing: &str) -> Result<T, PlatformError> {
    let exchanged = succeeded(exchanged, platform, doing)?;
    serde_json::from_slice(&exchanged.body).map_err(|error| PlatformError::Failed {
        platform: platform.to_owned(),
        doing: doing.to_owned(),
        reason: format!("the server's answer is not one of faasbench's: {error}"),
    })
}

#[async_trait]
impl Platform for ServedPlatform {
    fn name(&self) -> &str {
        &self.description.name
    }

    fn target(&self) -> &str {
        &self.target
    }

    fn capabilities(&self) -> Capabilities {
        self.description.capabilities
    }

    fn image_kind(&self) -> ImageKind {
        self.description.image_kind
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        let mut reached: Reached = self.get("/faasbench/reach", "asking whether it works").await?;
        reached.remarks.push(format!(
            "served at {} by faasbench {}",
            self.pool.endpoint(),
            self.description.server_version
        ));
        Ok(reached)
    }

    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        let resource = Resource {
            deployment: spec.id.clone(),
            platform: self.description.name.clone(),
            target: self.target.clone(),
            kind: SERVED_FUNCTION.to_owned(),
            name: spec.name.clone(),
            details: serde_json::json!({ "server": self.pool.endpoint().to_string() }),
        };
        let known = ledger.resources(&spec.id).await?;
        let id = match known.iter().find(|entry| entry.resource.kind == SERVED_FUNCTION) {
            // An update makes nothing new.
            Some(entry) => entry.id,
            None => ledger.intend(&resource).await?,
        };
        let path = format!("/faasbench/deployments/{}", spec.name);
        let doing = "deploying";
        let mut spec = spec.clone();
        // The server has a working folder of its own.
        if let Ok(absolute) = std::path::absolute(&spec.image.path) {
            spec.image.path = absolute;
        }
        let request = request(Method::PUT, &path, self.written(&spec, doing)?)?;
        let answered = self.send(doing, request, LONG_PATIENCE).await?;
        let deployment: Deployment = read(answered.exchanged, &self.description.name, doing)?;
        ledger.created(id, &resource.details).await?;
        let url = match self.pool.endpoint() {
            Endpoint::Http { .. } => Some(format!("{}/function/{}", self.pool.endpoint(), spec.name)),
            Endpoint::Unix(_) => None,
        };
        Ok(Deployment { target: self.target.clone(), url, ..deployment })
    }

    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        let path = format!("{}&patience_ms={}", path_of(deployment, "wait"), patience.as_millis());
        self.post(&path, &(), "waiting until it is ready", patience + MARGIN).await
    }

    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        let path = format!("/function/{}", deployment.spec.name);
        let request = self.invocation(&path, deployment, invocation)?;
        let patience = invocation.patience.or(deployment.spec.limits.time.map(|time| time + INVOCATION));
        let begin = Begin::now();
        let answered = self.send("invoking", request, patience.unwrap_or(INVOCATION) + MARGIN).await?;
        let Answered { exchanged, connected } = answered;
        if exchanged.headers.contains_key(ERROR_HEADER) {
            return Err(told(exchanged.status, &exchanged.body, &self.description.name, "invoking"));
        }
        let status = exchanged.status;
        Ok(read::answer(exchanged, status, begin, connected))
    }

    async fn invoke_async(&self, deployment: &Deployment, invocation: &Invocation) -> Result<CallId, PlatformError> {
        let path = format!("/async-function/{}", deployment.spec.name);
        let request = self.invocation(&path, deployment, invocation)?;
        let doing = "invoking without waiting";
        let answered = self.send(doing, request, PATIENCE).await?;
        let exchanged = succeeded(answered.exchanged, &self.description.name, doing)?;
        read::call(&exchanged.headers).ok_or_else(|| self.failed(doing, "the server gave the call no name"))
    }

    async fn take_result(&self, _: &Deployment, call: &CallId) -> Result<Option<Answer>, PlatformError> {
        let doing = "fetching a result";
        let begin = Begin::now();
        let request = request(Method::GET, &format!("/async-result/{}", call.0), Bytes::new())?;
        let Answered { exchanged, connected } = self.send(doing, request, PATIENCE).await?;
        let status = exchanged.headers.get(FUNCTION_STATUS).and_then(|status| status.to_str().ok()?.parse().ok());
        match status {
            Some(_) if exchanged.headers.contains_key(ERROR_HEADER) => {
                Err(told(exchanged.status, &exchanged.body, &self.description.name, doing))
            }
            Some(status) => Ok(Some(read::answer(exchanged, status, begin, connected))),
            None if exchanged.status == 202 => Ok(None),
            None => Err(told(exchanged.status, &exchanged.body, &self.description.name, doing)),
        }
    }

    async fn force_cold(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        self.post(&path_of(deployment, "cold"), &(), "forcing a cold start", LONG_PATIENCE).await
    }

    async fn scale(&self, deployment: &Deployment, scale: &Scale) -> Result<(), PlatformError> {
        self.post(&path_of(deployment, "scale"), scale, "changing the number of instances", LONG_PATIENCE).await
    }

    async fn status(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        match self.get(&path_of(deployment, "status"), "asking how it is").await {
            Err(PlatformError::NotFound { .. }) => Ok(Status {
                readiness: Readiness::Missing,
                message: None,
                instances: None,
                waiting: None,
                image_digest: None,
            }),
            result => result,
        }
    }

    async fn logs(&self, deployment: &Deployment, since_unix_ns: u64) -> Result<Vec<LogLine>, PlatformError> {
        let path = format!("{}&since_unix_ns={since_unix_ns}", path_of(deployment, "logs"));
        self.get(&path, "reading logs").await
    }

    async fn metrics(&self, deployment: &Deployment) -> Result<Vec<ProviderMetric>, PlatformError> {
        self.get(&path_of(deployment, "metrics"), "reading metrics").await
    }

    async fn billing(&self, deployment: &Deployment, call: &CallId) -> Result<Option<Billing>, PlatformError> {
        let call: String = form_urlencoded::byte_serialize(call.0.as_bytes()).collect();
        self.get(&format!("{}&call={call}", path_of(deployment, "billing")), "reading what a call costs").await
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        match resource.kind.as_str() {
            SERVED_FUNCTION => self.remove_function(resource).await,
            SERVER => Daemon::remove(resource).await,
            // What the server made: it is asked first, as it may be using it.
            _ => match (
                self.post("/faasbench/remove", resource, "removing what is left", LONG_PATIENCE).await,
                &self.local,
            ) {
                (Err(PlatformError::Unreachable { .. }), Some(local)) => local.remove(resource).await,
                (result, _) => result,
            },
        }
    }

    async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        self.get("/faasbench/marked", "listing what carries our mark").await
    }
}
