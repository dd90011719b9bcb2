//! Requests to the gateway.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use platform::PlatformError;
use remote_platform::header::HeaderMap;
use remote_platform::{Api, ApiRequest, ApiSettings, Connection, Method, Probe};
use serde_json::json;
use tokio::time::sleep;

use crate::Options;
use crate::credentials::Credentials;
use crate::function::{FunctionDeployment, FunctionStatus, Information};

/// The platform's name.
pub(crate) const PLATFORM: &str = "openfaas";

/// Where faas-cli looks, and where an installation listens by itself.
const ENDPOINT_VARIABLE: &str = "OPENFAAS_URL";
const ENDPOINT: &str = "http://127.0.0.1:8080";

/// How long a request may take: faasd returns from an update when the old instance has ended, and waits 30 s for that.
const PATIENCE: Duration = Duration::from_secs(120);

/// What runs functions on Kubernetes; the community edition says `faas-netes-ce`.
const FAAS_NETES: &str = "faas-netes";
/// How often an update is asked for that fails without a word, and the pause in between.
const UPDATES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(300);

/// The gateway's API.
#[derive(Debug, Clone)]
pub(crate) struct Gateway {
    pub(crate) api: Api,
    namespace: Option<String>,
    /// What to do when the credentials do not do.
    advice: String,
}

impl Gateway {
    pub(crate) fn new(connection: &Connection, options: &Options) -> Result<Gateway, PlatformError> {
        let endpoint = match &connection.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => std::env::var(ENDPOINT_VARIABLE).unwrap_or_else(|_| ENDPOINT.to_owned()),
        };
        let Credentials { authorization, advice } = Credentials::find(options, &endpoint)?;
        let settings = ApiSettings { certificates: options.certificates.clone(), proxy: None };
        let api = Api::with(PLATFORM, &endpoint, authorization, &settings)?
            .with_patience(PATIENCE)
            .hiding(connection.storage_environment.values().cloned());
        Ok(Gateway { api, namespace: options.namespace.clone(), advice })
    }

    /// The address at which a function is called.
    pub(crate) fn function(&self, name: &str) -> String {
        self.api.address(&format!("/function/{}", self.full_name(name)))
    }

    /// The address of asynchronous calls.
    pub(crate) fn queue(&self, name: &str) -> String {
        self.api.address(&format!("/async-function/{}", self.full_name(name)))
    }

    /// `NAME.NAMESPACE`, or the name alone.
    pub(crate) fn full_name(&self, name: &str) -> String {
        match &self.namespace {
            Some(namespace) => format!("{name}.{namespace}"),
            None => name.to_owned(),
        }
    }

    /// Which instance answers, without invoking it.
    pub(crate) async fn probe(&self, name: &str, patience: Duration) -> Result<Probe, PlatformError> {
        let address = format!("{}/_/health", self.function(name));
        self.api.probe(name, &address, HeaderMap::new(), patience).await
    }

    /// What the gateway says of itself.
    pub(crate) async fn information(&self) -> Result<Information, PlatformError> {
        let answer = self.ask(&self.information_request(), &[]).await?;
        // Some providers have nothing to say.
        Ok(answer.json().unwrap_or_default())
    }

    pub(crate) fn information_request(&self) -> ApiRequest {
        ApiRequest::new("asking what runs functions there", Method::GET, "/system/info")
    }

    /// A function; `None` where there is none of that name.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<FunctionStatus>, PlatformError> {
        let answer = self.ask(&self.find_request(name, false), &[404]).await?;
        if answer.status == 404 { Ok(None) } else { answer.json().map(Some) }
    }

    /// The same, with what its instances use.
    pub(crate) async fn find_with_usage(&self, name: &str) -> Result<Option<FunctionStatus>, PlatformError> {
        let answer = self.ask(&self.find_request(name, true), &[404]).await?;
        if answer.status == 404 { Ok(None) } else { answer.json().map(Some) }
    }

    pub(crate) fn find_request(&self, name: &str, usage: bool) -> ApiRequest {
        let mut query = self.namespace.iter().map(|namespace| format!("namespace={namespace}")).collect::<Vec<_>>();
        if usage {
            query.push("usage=1".to_owned());
        }
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        ApiRequest::new(
            format!("asking for the function {name}"),
            Method::GET,
            format!("/system/function/{name}{query}"),
        )
    }

    /// All functions of the namespace. A gateway whose Prometheus is away does not answer this.
    pub(crate) async fn list(&self) -> Result<Vec<FunctionStatus>, PlatformError> {
        let query = self.namespace.as_ref().map(|namespace| format!("?namespace={namespace}")).unwrap_or_default();
        let mut request = ApiRequest::new("listing functions", Method::GET, format!("/system/functions{query}"));
        request.repeatable = false;
        let unlisted = |platform: String, reason: String| PlatformError::Unreachable {
            platform,
            reason,
            advice: "the gateway lists its functions only while it reaches its Prometheus: look whether that runs"
                .to_owned(),
        };
        match self.ask(&request, &[]).await {
            Ok(answer) if answer.body.is_empty() => {
                Err(unlisted(PLATFORM.to_owned(), "listing functions: its answer is empty".to_owned()))
            }
            Ok(answer) => Ok(answer.json::<Option<Vec<FunctionStatus>>>()?.unwrap_or_default()),
            Err(PlatformError::Unreachable { platform, reason, .. }) if reason.contains("broke") => {
                Err(unlisted(platform, reason))
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn create_request(&self, function: &FunctionDeployment) -> ApiRequest {
        self.body(format!("creating the function {}", function.service), Method::POST, function)
    }

    pub(crate) fn update_request(&self, function: &FunctionDeployment) -> ApiRequest {
        self.body(format!("updating the function {}", function.service), Method::PUT, function)
    }

    /// Updates a function. faas-netes answers 200 instead of 202 where the update failed, such as when something else changed
    /// the function at the same time, and says why only in its own log: then it is asked again.
    pub(crate) async fn update(&self, function: &FunctionDeployment, provider: &str) -> Result<(), PlatformError> {
        let request = self.update_request(function);
        for _ in 0..UPDATES {
            let answer = self.ask(&request, &[]).await?;
            if !provider.starts_with(FAAS_NETES) || answer.status != 200 {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
        Err(PlatformError::Failed {
            platform: PLATFORM.to_owned(),
            doing: request.doing,
            reason: format!("{provider} failed {UPDATES} times without saying why; its own log does"),
        })
    }

    fn body(&self, doing: String, method: Method, function: &FunctionDeployment) -> ApiRequest {
        // Texts and maps of texts.
        ApiRequest::new(doing, method, "/system/functions").json(serde_json::to_value(function).unwrap_or_default())
    }

    /// Removes a function; whether there was one.
    pub(crate) async fn delete(&self, name: &str) -> Result<bool, PlatformError> {
        let mut body = json!({ "functionName": name });
        if let Some(namespace) = &self.namespace {
            body["namespace"] = namespace.as_str().into();
        }
        let request =
            ApiRequest::new(format!("removing the function {name}"), Method::DELETE, "/system/functions").json(body);
        Ok(self.ask(&request, &[404]).await?.status != 404)
    }

    /// Sets how many instances there are.
    pub(crate) async fn set_replicas(&self, name: &str, replicas: u32) -> Result<(), PlatformError> {
        let mut body = json!({ "serviceName": name, "replicas": replicas });
        if let Some(namespace) = &self.namespace {
            body["namespace"] = namespace.as_str().into();
        }
        let doing = format!("setting {name} to {replicas} instances");
        let mut request = ApiRequest::new(doing, Method::POST, format!("/system/scale-function/{name}")).json(body);
        // The same number twice is as once.
        request.repeatable = true;
        self.ask(&request, &[]).await.map(drop)
    }

    /// What a function's instances wrote, a JSON object a line.
    pub(crate) async fn logs(&self, name: &str, since: &str) -> Result<String, PlatformError> {
        let since = utf8_percent_encode(since, NON_ALPHANUMERIC);
        let namespace = self.namespace.as_ref().map(|name| format!("&namespace={name}")).unwrap_or_default();
        let path = format!("/system/logs?name={name}{namespace}&since={since}&follow=false");
        let answer =
            self.ask(&ApiRequest::new(format!("reading the logs of {name}"), Method::GET, path), &[501]).await?;
        if answer.status == 501 {
            return Err(PlatformError::Unsupported { platform: PLATFORM.to_owned(), what: "show logs here" });
        }
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// Makes a request; credentials that do not do are told with where they come from.
    pub(crate) async fn ask(
        &self,
        request: &ApiRequest,
        others: &[u16],
    ) -> Result<remote_platform::ApiResponse, PlatformError> {
        self.api.ask(request, others).await.map_err(|error| match error {
            PlatformError::Denied { platform, reason, advice } if advice.contains("credentials") => {
                PlatformError::Denied { platform, reason, advice: self.advice.clone() }
            }
            error => error,
        })
    }
}
