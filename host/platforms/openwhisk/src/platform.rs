//! The platform itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use image_kind::ImageKind;
use platform::{
    Allowed, Answer, Billing, CallId, Capabilities, ColdStart, Deployment, DeploymentSpec, Found, HttpCall, Invocation,
    Ledger, LogLine, PlannedRequest, Platform, PlatformError, ProviderMetric, Reached, Resource, Status,
};
use remote_platform::{Api, ApiRequest, ApiSettings, Connection, InvokeWay, Method, Url};
use serde_json::Value;

use crate::credentials::{self, PLATFORM, Properties, Variables};
use crate::{NestedCalls, Options, action};

/// An installation of OpenWhisk, as one key sees it.
pub(crate) struct OpenWhisk {
    pub(crate) connection: Connection,
    pub(crate) options: Options,
    pub(crate) api: Api,
    pub(crate) invoke_way: Option<InvokeWay>,
}

/// The OpenWhisk of a target, with the key that the environment or `~/.wskprops` has. Asks it nothing yet.
///
/// # Errors
/// When the options, the endpoint or the key can't be used.
pub fn connect(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    connect_with(connection, &|name| std::env::var(name).ok())
}

/// The same with an environment of the caller's own.
///
/// # Errors
/// When the options, the endpoint or the key can't be used.
pub fn connect_with(
    connection: Connection,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<Arc<dyn Platform>, PlatformError> {
    let options: Options = connection.options()?;
    check_words(&options)?;
    let properties = Properties::read(variables);
    let endpoint = connection.endpoint.clone().or_else(|| properties.endpoint()).ok_or_else(|| {
        PlatformError::Invalid(format!(
            "the target `{}` does not say where OpenWhisk is; set `endpoint = \"http://127.0.0.1:3233\"`, or `wsk property set --apihost`",
            connection.target
        ))
    })?;
    let basic = credentials::basic(&options.auth_variable, variables, &properties)?;
    let settings = ApiSettings { certificates: options.certificates.clone(), proxy: None };
    let api = Api::with(PLATFORM, &endpoint, Some(credentials::authorization(&basic)?), &settings)?;
    let invoke_way = invoke_way(&options, &api, &basic, variables)?;
    Ok(Arc::new(OpenWhisk { connection, options, api, invoke_way }))
}

/// Refuses what would change the meaning of a path.
fn check_words(options: &Options) -> Result<(), PlatformError> {
    let plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'@' | b'.'))
    };
    for (option, value) in [("namespace", &options.namespace), ("api-version", &options.api_version)] {
        if !plain(value) || value.starts_with('.') {
            return Err(PlatformError::Invalid(format!(
                "the option `{option}` is {value:?}; give letters, digits, `-`, `_`, `@` or `.`"
            )));
        }
    }
    if options.nested_calls == NestedCalls::Web && (!options.web || options.namespace == "_") {
        return Err(PlatformError::Invalid(
            "nested calls through web actions need `web = true` and the namespace's name, as in `namespace = \"guest\"`".to_owned(),
        ));
    }
    if options.nested_calls != NestedCalls::Api && options.invoke_auth_variable.is_some() {
        return Err(PlatformError::Invalid(
            "the option `invoke-auth-variable` is for nested calls with a key; set `nested-calls = \"api\"`, or leave it out"
                .to_owned(),
        ));
    }
    Ok(())
}

/// How functions call each other; `None` where they can't: an image carries no TLS.
fn invoke_way(
    options: &Options,
    api: &Api,
    basic: &str,
    variables: Variables<'_>,
) -> Result<Option<InvokeWay>, PlatformError> {
    let base = match &options.invoke_endpoint {
        None if api.base().scheme() != "http" => return Ok(None),
        None => api.base().clone(),
        Some(text) => {
            Url::parse(text).ok().filter(|url| url.scheme() == "http" && url.has_host()).ok_or_else(|| {
                PlatformError::Invalid(format!(
                    "the option `invoke-endpoint` is {text:?}; give an address as in http://controller:8080"
                ))
            })?
        }
    };
    let (base, version, namespace) = (base.as_str().trim_end_matches('/'), &options.api_version, &options.namespace);
    Ok(match options.nested_calls {
        NestedCalls::Off => None,
        NestedCalls::Web => Some(InvokeWay {
            url: format!("{base}/api/{version}/web/{namespace}/default/{{name}}.json"),
            authorization: None,
        }),
        NestedCalls::Api => {
            let authorization = match &options.invoke_auth_variable {
                None => basic.to_owned(),
                Some(variable) => credentials::basic(variable, variables, &Properties::default())?,
            };
            Some(InvokeWay {
                url: format!("{base}/api/{version}/namespaces/{namespace}/actions/{{name}}?blocking=true&result=true"),
                authorization: Some(authorization),
            })
        }
    })
}

impl OpenWhisk {
    /// The path of what a namespace has: `actions/NAME`, `activations`.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/api/{}/namespaces/{}/{rest}", self.options.api_version, self.options.namespace)
    }

    /// How any client calls the action at its address.
    fn http_call_to(&self, url: &str) -> HttpCall {
        if self.options.web {
            return HttpCall::to(url);
        }
        let call = HttpCall::to(format!("{url}?blocking=true&result=true"));
        match self.api.authorization() {
            Some(authorization) => call.with("authorization", authorization.reveal()),
            None => call,
        }
    }

    pub(crate) fn failed(&self, doing: &str, reason: impl Into<String>) -> PlatformError {
        PlatformError::Failed { platform: PLATFORM.to_owned(), doing: doing.to_owned(), reason: reason.into() }
    }
}

#[async_trait]
impl Platform for OpenWhisk {
    fn name(&self) -> &str {
        PLATFORM
    }

    fn target(&self) -> &str {
        &self.connection.target
    }

    fn memory_bytes_allowed(&self) -> Allowed {
        let bytes = |mib: u64| (mib << 20) as f64;
        Allowed::Between {
            least: bytes(self.options.memory_minimum_mib),
            greatest: bytes(self.options.memory_maximum_mib),
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            asynchronous: true,
            // The next revision is never served by an old one's container.
            cold_start: ColdStart::Forced,
            scale: false,
            keep_alive: false,
            memory_limit: true,
            cpu_limit: false,
            concurrency: self.options.concurrency_maximum > 1,
            logs: true,
            metrics: true,
            billing: true,
            nested_calls: self.invoke_way.is_some(),
            local_processes: false,
        }
    }

    fn repeated_requests(&self) -> Option<u64> {
        Some(self.api.repeated())
    }

    fn image_kind(&self) -> ImageKind {
        action::image_kind(&self.options)
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        let version = &self.options.api_version;
        let namespaces: Vec<String> = self.api.ask(&self.get_namespaces(), &[]).await?.json()?;
        let request = ApiRequest::new("asking OpenWhisk for its version", Method::GET, format!("/api/{version}"));
        let about = self.api.call(&request).await?;
        let about: Value = if about.status.is_success() { about.json().unwrap_or_default() } else { Value::Null };
        let build = about["build"].as_str().map_or_else(|| "of unknown build".to_owned(), str::to_owned);
        let mut remarks = vec![format!("the key's namespaces: {}", namespaces.join(", "))];
        if self.options.nested_calls == NestedCalls::Off {
            remarks.push(
                "functions don't call each other, which `faasbench verify` needs: set `nested-calls = \"api\"`, which gives them \
                 the key of `invoke-auth-variable`, or without one the key that deploys; either allows all that there is in its \
                 namespace"
                    .to_owned(),
            );
        } else if self.invoke_way.is_none() {
            remarks.push(
                "functions can't call each other: the address has TLS, which images don't speak; set `invoke-endpoint` to one \
                 without"
                    .to_owned(),
            );
        }
        Ok(Reached { version: format!("OpenWhisk {build}"), remarks })
    }

    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        self.create_or_update(spec, ledger).await
    }

    fn requests(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        self.planned(spec)
    }

    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        self.wait_for_revision(deployment, patience).await
    }

    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        self.call(deployment, invocation).await
    }

    async fn http_call(&self, deployment: &Deployment) -> Result<Option<HttpCall>, PlatformError> {
        Ok(deployment.url.as_ref().map(|url| self.http_call_to(url)))
    }

    async fn invoke_async(&self, deployment: &Deployment, invocation: &Invocation) -> Result<CallId, PlatformError> {
        self.call_without_waiting(deployment, invocation).await
    }

    async fn take_result(&self, _: &Deployment, call: &CallId) -> Result<Option<Answer>, PlatformError> {
        self.result_of(call).await
    }

    async fn force_cold(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        self.new_revision(deployment).await
    }

    async fn status(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        self.status_of(deployment).await
    }

    async fn logs(&self, deployment: &Deployment, since_unix_ns: u64) -> Result<Vec<LogLine>, PlatformError> {
        self.log_of(deployment, since_unix_ns).await
    }

    async fn metrics(&self, deployment: &Deployment) -> Result<Vec<ProviderMetric>, PlatformError> {
        self.metrics_of(deployment).await
    }

    async fn billing(&self, _: &Deployment, call: &CallId) -> Result<Option<Billing>, PlatformError> {
        self.billing_of(call).await
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        self.remove_one(resource).await
    }

    async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        self.marked().await
    }
}
