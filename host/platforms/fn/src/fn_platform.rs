//! The platform.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use image_kind::ImageKind;
use local_daemon::LocalDaemon;
use platform::{
    Answer, CallId, Capabilities, ColdStart, Deployment, DeploymentSpec, Found, HttpCall, Invocation, Ledger,
    PlannedRequest, Platform, PlatformError, ProviderMetric, Reached, Readiness, Resource, ResourceEntry, ResourceId,
    Scale, Status,
};
use remote_platform::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use remote_platform::{Connection, Registry, Url};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{FnApi, PLATFORM, failed};
use crate::check::{completed, idle_timeout_s, no_other_scale};
use crate::objects::{App, Function, Trigger};
use crate::options::{Options, Way};
use crate::plan::{APPLICATION, Details, FUNCTION, IMAGE, REVISION, TRIGGER, image_name};

/// What starting an instance, with its image pulled, may take above the time limit of a call.
const START: Duration = Duration::from_secs(60);

/// The platform Fn.
pub(crate) struct FnPlatform {
    pub(crate) connection: Connection,
    pub(crate) options: Options,
    pub(crate) api: FnApi,
    /// How functions there call each other.
    pub(crate) nested: Option<String>,
    /// The daemon that images are loaded into; `None`: they are pushed.
    pub(crate) daemon: Option<Arc<LocalDaemon>>,
}

impl FnPlatform {
    /// Where images go.
    pub(crate) fn registry(&self) -> Result<Arc<dyn Registry>, PlatformError> {
        match &self.daemon {
            Some(daemon) => Ok(daemon.clone()),
            None => self.connection.registry().cloned(),
        }
    }

    /// What is known of a deployment.
    pub(crate) fn details(&self, deployment: &Deployment) -> Result<Details, PlatformError> {
        serde_json::from_value(deployment.details.clone()).map_err(|error| {
            failed(
                &format!("reading what is known of {}", deployment.spec.name),
                format!("it is not of this version: {error}; deploy it again"),
            )
        })
    }

    async fn push(
        &self,
        spec: &DeploymentSpec,
        ledger: &dyn Ledger,
        known: &[ResourceEntry],
    ) -> Result<String, PlatformError> {
        let registry = self.registry()?;
        let reference = registry.reference(&spec.image, &spec.id);
        let details = json!({ "daemon": self.daemon.as_ref().map(|daemon| daemon.address()) });
        let resource = self.connection.resource(&spec.id, IMAGE, &reference.tagged, details.clone());
        self.check_daemon(spec, &resource, known)?;
        if let Some(daemon) = &self.daemon {
            // A daemon that is not there has nothing to remove, and its address may be mended.
            daemon.version().await?;
        }
        let entry = entry(ledger, known, &resource).await?;
        let pushed = registry.push(&spec.image, &spec.id).await?;
        ledger.created(entry, &details).await?;
        Ok(image_name(&pushed))
    }

    /// The app, made when it is not there. It stands in the ledger of every deployment that is in it: the last one to go
    /// takes it away.
    async fn app(
        &self,
        spec: &DeploymentSpec,
        ledger: &dyn Ledger,
        known: &[ResourceEntry],
    ) -> Result<App, PlatformError> {
        let name = &self.options.app;
        let mut found = self.api.app(name).await?;
        if let Some(app) = found.as_ref().filter(|app| app.made_by().is_none()) {
            return Err(taken(&app.name));
        }
        let resource = self.connection.resource(&spec.id, APPLICATION, name, json!({ "endpoint": self.endpoint() }));
        let entry = entry(ledger, known, &resource).await?;
        if found.is_none() {
            found = self.api.create(&self.create_app(spec)).await?;
        }
        if found.is_none() {
            // Another deployment was faster.
            found = self.api.app(name).await?.filter(|app| app.made_by().is_some());
        }
        let app = found.ok_or_else(|| taken(name))?;
        ledger.created(entry, &json!({ "endpoint": self.endpoint(), "id": app.id })).await?;
        Ok(app)
    }

    /// The function, made or updated, and when an update was accepted.
    async fn function(
        &self,
        app: &App,
        found: Option<Function>,
        spec: &DeploymentSpec,
        body: Value,
        (ledger, known): (&dyn Ledger, &[ResourceEntry]),
    ) -> Result<(Function, Option<u64>), PlatformError> {
        let resource = self.connection.resource(&spec.id, FUNCTION, &spec.name, self.place());
        let entry = entry(ledger, known, &resource).await?;
        let (function, updated) = match found {
            Some(old) => {
                let updated = self.api.update_function(&old.id, without(body, &old)).await?;
                // Where it is invoked, only the list tells.
                let annotations = old.annotations;
                (Function { annotations, ..updated }, Some(unix_ms()))
            }
            None => match self.api.create(&self.create_function(&app.id, spec, body)).await? {
                Some(created) => (created, None),
                None => return Err(taken(&spec.name)),
            },
        };
        let details = json!({ "endpoint": self.endpoint(), "app": app.name, "id": function.id });
        ledger.created(entry, &details).await?;
        Ok((function, updated))
    }

    async fn trigger(
        &self,
        app: &App,
        function: &Function,
        spec: &DeploymentSpec,
        (ledger, known): (&dyn Ledger, &[ResourceEntry]),
    ) -> Result<Trigger, PlatformError> {
        let found = self.api.trigger(app, &spec.name).await?;
        if found.as_ref().is_some_and(|trigger| !trigger.is_of(&spec.id)) {
            return Err(taken(&spec.name));
        }
        let resource = self.connection.resource(&spec.id, TRIGGER, &spec.name, self.place());
        let entry = entry(ledger, known, &resource).await?;
        let source = format!("/{}", spec.name);
        let trigger = match found {
            Some(trigger) if trigger.fn_id == function.id && trigger.source == source => trigger,
            old => {
                if let Some(old) = old {
                    self.api.delete("triggers", &old.id, &old.name).await?;
                }
                let created = self.api.create(&self.create_trigger(&app.id, &function.id, spec)).await?;
                created.ok_or_else(|| taken(&spec.name))?
            }
        };
        let details = json!({ "endpoint": self.endpoint(), "app": app.name, "id": trigger.id });
        ledger.created(entry, &details).await?;
        Ok(trigger)
    }

    /// Makes the function's next instances others than those that it has. The old ones may answer for some seconds.
    async fn renew(&self, deployment: &Deployment, mut change: Value) -> Result<(), PlatformError> {
        let details = self.details(deployment)?;
        let found = self.api.function_by_id(&details.function_id).await?;
        if !found.is_some_and(|function| function.is_of(&deployment.spec.id)) {
            return Err(missing(deployment));
        }
        change["config"] = json!({ REVISION: revision() });
        self.api.update_function(&details.function_id, change).await?;
        tokio::time::sleep(self.stale()).await;
        Ok(())
    }

    fn headers(invocation: &Invocation) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let trace = [("traceparent", &invocation.traceparent), ("tracestate", &invocation.tracestate)];
        for (name, value) in trace {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers
    }

    /// Where calls of the function go.
    fn way_to<'a>(&self, details: &'a Details) -> &'a str {
        match self.options.way {
            Way::Invoke => &details.invoke_url,
            Way::Trigger => &details.trigger_url,
        }
    }

    /// Whether an address is the API's own. Another host, as a load balancer, gets no token of ours.
    fn is_ours(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| url.origin() == self.api.api.base().origin())
    }

    pub(crate) async fn call(
        &self,
        deployment: &Deployment,
        url: &str,
        headers: HeaderMap,
        invocation: &Invocation,
    ) -> Result<Answer, PlatformError> {
        let limit = deployment.spec.limits.time.unwrap_or_default();
        let patience = invocation.patience.unwrap_or(limit + START);
        let name = &deployment.spec.name;
        let answer =
            self.api.api.invoke(name, url, headers, invocation.event.clone(), self.is_ours(url), patience).await?;
        let said = || String::from_utf8_lossy(&answer.body).trim().chars().take(200).collect::<String>();
        // A function's own errors are 502 and 504.
        match answer.status {
            404 => Err(missing(deployment)),
            401 | 403 => Err(PlatformError::Denied {
                platform: PLATFORM.to_owned(),
                reason: format!("calling {name}: status {}: {}", answer.status, said()),
                advice: format!("look at the token in {}", self.options.token_variable),
            }),
            _ => Ok(answer),
        }
    }
}

#[async_trait]
impl Platform for FnPlatform {
    fn name(&self) -> &str {
        PLATFORM
    }

    fn target(&self) -> &str {
        &self.connection.target
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            // Detached calls are made, but what they answer is nowhere to be had.
            asynchronous: false,
            // By another configuration. An update would not do: it is ready when it has been called.
            cold_start: ColdStart::Forced,
            scale: false,
            keep_alive: true,
            memory_limit: true,
            cpu_limit: false,
            concurrency: false,
            logs: false,
            metrics: true,
            billing: false,
            nested_calls: self.nested.is_some(),
            local_processes: false,
        }
    }

    fn repeated_requests(&self) -> Option<u64> {
        Some(self.api.api.repeated())
    }

    fn image_kind(&self) -> ImageKind {
        ImageKind::Oci
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        let version = self.api.version().await?;
        let app = self.api.app(&self.options.app).await?;
        let mut remarks = Vec::new();
        if app.is_some_and(|app| app.made_by().is_none()) {
            remarks
                .push(format!("it has an app `{}` that faasbench did not make: set another `app`", self.options.app));
        }
        remarks.push(match &self.nested {
            Some(url) => format!("functions call each other at {url}"),
            None => "functions can't call each other over https: set `instances-endpoint` to an address without TLS"
                .to_owned(),
        });
        if let Some(daemon) = &self.daemon {
            remarks.push(format!("images are loaded into {} at {}", daemon.version().await?, daemon.address()));
        }
        Ok(Reached { version: format!("Fn {version}"), remarks })
    }

    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        let (spec, sizes) = completed(spec)?;
        let known = ledger.resources(&spec.id).await?;
        self.check_place(&spec, &known)?;
        // A name that is taken is told before the image travels.
        let existing = match self.api.app(&self.options.app).await? {
            Some(app) => self.api.function(&app, &spec.name).await?,
            None => None,
        };
        if existing.is_some_and(|function| !function.is_of(&spec.id)) {
            return Err(taken(&spec.name));
        }
        let image = self.push(&spec, ledger, &known).await?;
        let app = self.app(&spec, ledger, &known).await?;
        let found = self.api.function(&app, &spec.name).await?;
        if found.as_ref().is_some_and(|function| !function.is_of(&spec.id)) {
            return Err(taken(&spec.name));
        }
        let body = self.function_body(&spec, &sizes, &image, &self.config(&spec, &revision()));
        let (function, updated_unix_ms) = self.function(&app, found, &spec, body, (ledger, &known)).await?;
        let trigger = self.trigger(&app, &function, &spec, (ledger, &known)).await?;
        let api = &self.api.api;
        let own = |path: String| api.address(&path);
        let details = Details {
            invoke_url: function
                .invoke_endpoint()
                .map_or_else(|| own(format!("/invoke/{}", function.id)), str::to_owned),
            trigger_url: trigger
                .http_endpoint()
                .map_or_else(|| own(format!("/t/{}/{}", app.name, spec.name)), str::to_owned),
            app: app.name,
            function_id: function.id,
            image,
            updated_unix_ms,
        };
        let url = self.way_to(&details).to_owned();
        let details = serde_json::to_value(details).map_err(|error| failed("deploying", error.to_string()))?;
        Ok(Deployment {
            spec,
            platform: PLATFORM.to_owned(),
            target: self.connection.target.clone(),
            url: Some(url),
            details,
        })
    }

    fn requests(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        self.planned(spec)
    }

    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        self.wait(deployment, patience).await
    }

    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        let details = self.details(deployment)?;
        self.call(deployment, self.way_to(&details), FnPlatform::headers(invocation), invocation).await
    }

    async fn http_call(&self, deployment: &Deployment) -> Result<Option<HttpCall>, PlatformError> {
        let details = self.details(deployment)?;
        let url = self.way_to(&details);
        let token = self.api.api.authorization().filter(|_| self.is_ours(url));
        let call = HttpCall::to(url);
        Ok(Some(match token {
            Some(token) => call.with("authorization", token.reveal()),
            None => call,
        }))
    }

    /// A detached call. A server that is all in one answers when the call has ended, one behind a load balancer at once;
    /// what the function answers is nowhere to be had.
    async fn invoke_async(&self, deployment: &Deployment, invocation: &Invocation) -> Result<CallId, PlatformError> {
        let details = self.details(deployment)?;
        let mut headers = FnPlatform::headers(invocation);
        headers.insert(HeaderName::from_static("fn-invoke-type"), HeaderValue::from_static("detached"));
        let answer = self.call(deployment, &details.invoke_url, headers, invocation).await?;
        let doing = format!("calling {} without waiting", deployment.spec.name);
        match answer.status {
            501 => Err(self.unsupported("invoke without waiting: its server has no detached calls")),
            200..300 => answer.call.ok_or_else(|| failed(&doing, "Fn gave the call no name".to_owned())),
            status => Err(failed(&doing, format!("status {status}: {}", String::from_utf8_lossy(&answer.body).trim()))),
        }
    }

    async fn take_result(&self, _: &Deployment, _: &CallId) -> Result<Option<Answer>, PlatformError> {
        Err(self.unsupported("keep what detached calls answer"))
    }

    async fn force_cold(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        self.renew(deployment, json!({})).await
    }

    /// Only how long an idle instance is kept can be changed; the instances that there are keep what they were started with,
    /// and new ones are started.
    async fn scale(&self, deployment: &Deployment, scale: &Scale) -> Result<(), PlatformError> {
        let name = &deployment.spec.name;
        no_other_scale(name, scale).map_err(PlatformError::Invalid)?;
        match idle_timeout_s(name, scale).map_err(PlatformError::Invalid)? {
            Some(idle_timeout) => self.renew(deployment, json!({ "idle_timeout": idle_timeout })).await,
            None => Ok(()),
        }
    }

    async fn status(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        let details = self.details(deployment)?;
        let status = |readiness, message, image_digest| Status {
            readiness,
            message,
            instances: None,
            waiting: None,
            image_digest,
        };
        Ok(match self.api.function_by_id(&details.function_id).await? {
            None => status(Readiness::Missing, None, None),
            Some(function) if !function.is_of(&deployment.spec.id) => {
                let message = format!("{} belongs to another deployment", deployment.spec.name);
                status(Readiness::Missing, Some(message), None)
            }
            // The image's name holds its digest.
            Some(function) if function.image == details.image => {
                status(Readiness::Ready, None, Some(deployment.spec.image.digest.clone()))
            }
            Some(function) => {
                let message = format!("it has the image {}, which this deployment did not give it", function.image);
                status(Readiness::Ready, Some(message), None)
            }
        })
    }

    async fn metrics(&self, deployment: &Deployment) -> Result<Vec<ProviderMetric>, PlatformError> {
        let details = self.details(deployment)?;
        let metrics = self.api.metrics(&details.function_id).await?;
        metrics.ok_or_else(|| self.unsupported("measure by itself: its server shows no /metrics"))
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        self.remove_resource(resource).await
    }

    async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        self.marked().await
    }
}

/// The ledger's entry of a thing, which may stand there from an earlier time.
async fn entry(ledger: &dyn Ledger, known: &[ResourceEntry], resource: &Resource) -> Result<ResourceId, PlatformError> {
    let is_it = |entry: &&ResourceEntry| entry.resource.kind == resource.kind && entry.resource.name == resource.name;
    match known.iter().find(is_it) {
        Some(entry) => Ok(entry.id),
        None => Ok(ledger.intend(resource).await?),
    }
}

/// The body of an update. Fn merges configurations; a key goes when its value is empty.
fn without(mut body: Value, old: &Function) -> Value {
    for name in old.config.keys() {
        if body["config"].get(name).is_none() {
            body["config"][name] = "".into();
        }
    }
    body
}

fn taken(name: &str) -> PlatformError {
    PlatformError::NameTaken { platform: PLATFORM.to_owned(), name: name.to_owned() }
}

fn missing(deployment: &Deployment) -> PlatformError {
    PlatformError::NotFound { platform: PLATFORM.to_owned(), name: deployment.spec.name.clone() }
}

fn revision() -> String {
    Uuid::new_v4().simple().to_string()
}

pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
