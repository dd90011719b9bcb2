//! The platform.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use image_kind::ImageKind;
use local_daemon::LocalDaemon;
use platform::{
    Answer, Capabilities, ColdStart, Deployment, DeploymentSpec, Found, HttpCall, Invocation, Ledger, LogLine,
    PlannedRequest, Platform, PlatformError, Reached, Readiness, Resource, ResourceEntry, ResourceId, Scale, Status,
};
use remote_platform::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use remote_platform::{Connection, Registry};
use serde_json::json;
use uuid::Uuid;

use crate::check::completed;
use crate::compose::{Composed, compose};
use crate::control::{About, Control, PLATFORM, failed};
use crate::objects::FunctionStatus;
use crate::options::{Installation, Options, Shape, Way};
use crate::plan::{Details, FUNCTION, IMAGE, PROJECT_KIND};

/// How long a call may take for which nobody says so.
const PATIENCE: Duration = Duration::from_secs(300);
/// What is added to a time limit: for waiting until a worker is free.
const QUEUE: Duration = Duration::from_secs(30);
/// The header that says how long the dashboard waits for an answer: later versions would give up after a minute.
const INVOKE_TIMEOUT: &str = "x-nuclio-invoke-timeout";

/// The platform Nuclio.
pub(crate) struct NuclioPlatform {
    pub(crate) connection: Connection,
    pub(crate) options: Options,
    pub(crate) control: Control,
    /// How functions there call each other.
    pub(crate) nested: Option<String>,
    /// The daemon that images are loaded into; `None`: they are pushed.
    pub(crate) daemon: Option<Arc<LocalDaemon>>,
    /// Where functions are called, by their name.
    pub(crate) addresses: Mutex<HashMap<String, String>>,
}

impl NuclioPlatform {
    /// Where images go.
    pub(crate) fn registry(&self) -> Result<Arc<dyn Registry>, PlatformError> {
        match &self.daemon {
            Some(daemon) => Ok(daemon.clone()),
            None => self.connection.registry().cloned(),
        }
    }

    /// The image with the processor, for the shape that has one.
    pub(crate) fn composed(&self, spec: &DeploymentSpec) -> Result<Option<Composed>, PlatformError> {
        match (self.options.shape, &self.options.processor) {
            (Shape::Processor, Some(processor)) => compose(&spec.image, processor).map(Some),
            _ => Ok(None),
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

    pub(crate) fn revision(&self) -> String {
        Uuid::new_v4().simple().to_string()
    }

    async fn push(
        &self,
        spec: &DeploymentSpec,
        ledger: &dyn Ledger,
        known: &[ResourceEntry],
    ) -> Result<String, PlatformError> {
        let composed = self.composed(spec)?;
        let image = composed.as_ref().map_or(&spec.image, |composed| &composed.image);
        let registry = self.registry()?;
        let reference = registry.reference(image, &spec.id);
        let details = json!({ "daemon": self.daemon.as_ref().map(|daemon| daemon.address()) });
        let resource = self.connection.resource(&spec.id, IMAGE, &reference.tagged, details.clone());
        self.check_daemon(spec, &resource, known)?;
        if let Some(daemon) = &self.daemon {
            // A daemon that is not there has nothing to remove, and its address may be mended.
            daemon.version().await?;
        }
        let entry = entry(ledger, known, &resource).await?;
        let pushed = registry.push(image, &spec.id).await?;
        ledger.created(entry, &details).await?;
        Ok(pushed.pinned)
    }

    /// The project, made when it is not there. One of ours stands in the ledger of every deployment that is in it: the last
    /// one to go takes it away.
    async fn project(
        &self,
        spec: &DeploymentSpec,
        ledger: &dyn Ledger,
        known: &[ResourceEntry],
    ) -> Result<(), PlatformError> {
        let name = &self.options.project;
        let found = self.control.project(name).await?;
        if found.as_ref().is_some_and(|project| project.metadata.deployment().is_none()) {
            return Ok(());
        }
        let entry = entry(ledger, known, &self.connection.resource(&spec.id, PROJECT_KIND, name, self.place())).await?;
        if found.is_none() {
            // 409: another deployment was faster.
            self.control.api.ask(&self.create_project(spec), &[409]).await?;
        }
        Ok(ledger.created(entry, &self.place()).await?)
    }

    /// Where a function's own port is.
    async fn address(&self, deployment: &Deployment) -> Result<String, PlatformError> {
        let name = &deployment.spec.name;
        let known = self.addresses.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let function = self.control.function(name).await?;
        let function = function.filter(|function| function.metadata.is_of(&deployment.spec.id));
        let Some(function) = function else { return Err(missing(deployment)) };
        let Some(address) = self.address_in(&function.status) else {
            return Err(failed(
                &format!("calling {name}"),
                "Nuclio tells no port of it; set `way = \"dashboard\"`, or give its service a node port".to_owned(),
            ));
        };
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), address.clone());
        Ok(address)
    }

    fn address_in(&self, status: &FunctionStatus) -> Option<String> {
        let own_host = self.options.functions_host.as_deref().or_else(|| self.control.api.base().host_str())?;
        if let Some(port) = status.http_port.filter(|port| *port != 0) {
            return Some(format!("http://{own_host}:{port}/"));
        }
        let url = status.external_invocation_urls.iter().flatten().find(|url| !url.is_empty())?;
        Some(format!("http://{url}/"))
    }

    /// Leaves out what lets instances use the storage.
    fn hide_secrets(&self, text: &mut String) {
        let mut secrets: Vec<_> =
            self.connection.storage_environment.values().filter(|secret| !secret.is_empty()).collect();
        // Of values of which one holds the other, the longer goes first.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        for secret in secrets {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), "(not shown)");
            }
        }
    }

    /// What Nuclio says of a function, which may hold what the processor or the instance wrote: its environment, too. It is
    /// hidden before anything is cut off, so that no half of it is shown.
    pub(crate) fn shown(&self, status: &FunctionStatus) -> FunctionStatus {
        let mut shown = status.clone();
        self.hide_secrets(&mut shown.message);
        for line in shown.logs.iter_mut().flatten() {
            if let Some(serde_json::Value::String(text)) = line.get_mut("message") {
                self.hide_secrets(text);
            }
        }
        shown
    }

    fn forget_address(&self, name: &str) {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[async_trait]
impl Platform for NuclioPlatform {
    fn name(&self) -> &str {
        PLATFORM
    }

    fn target(&self) -> &str {
        &self.connection.target
    }

    fn capabilities(&self) -> Capabilities {
        let is_kubernetes = self.options.installation == Installation::Kubernetes;
        Capabilities {
            asynchronous: false,
            cold_start: ColdStart::Forced,
            scale: is_kubernetes,
            keep_alive: false,
            memory_limit: is_kubernetes,
            cpu_limit: is_kubernetes,
            concurrency: true,
            logs: self.daemon.is_some() && !is_kubernetes,
            metrics: false,
            billing: false,
            nested_calls: self.nested.is_some(),
            local_processes: false,
        }
    }

    fn repeated_requests(&self) -> Option<u64> {
        Some(self.control.api.repeated())
    }

    fn image_kind(&self) -> ImageKind {
        ImageKind::OciWithHealthCheck
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        let version = self.control.version().await?;
        self.control.projects().await?;
        let mut remarks = vec![match &self.nested {
            Some(url) => format!("functions call each other at {url}"),
            None => "functions can't call each other: set `network` to a Docker network, or `instances-url`".to_owned(),
        }];
        if let Some(daemon) = &self.daemon {
            remarks.push(format!("images are loaded into {} at {}", daemon.version().await?, daemon.address()));
        }
        Ok(Reached { version, remarks })
    }

    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        let spec = completed(spec, &self.options)?;
        let name = &spec.name;
        let known = ledger.resources(&spec.id).await?;
        self.check_place(&spec, &known)?;
        // A name that is taken is told before the image travels.
        let found = self.control.function(name).await?;
        if found.as_ref().is_some_and(|function| !function.metadata.is_of(&spec.id)) {
            return Err(taken(name));
        }
        let image = self.push(&spec, ledger, &known).await?;
        self.project(&spec, ledger, &known).await?;
        let details = Details {
            image,
            revision: self.revision(),
            cold: None,
            old_replicas: if found.is_some() { self.old_replicas(name).await? } else { Vec::new() },
        };
        let entry = entry(ledger, &known, &self.connection.resource(&spec.id, FUNCTION, name, self.place())).await?;
        let body = self.function_body(&spec, &details.image, &self.environment(&spec, &details.revision));
        if found.is_some() {
            self.control.update_function(name, &body).await?;
        } else {
            let request = self.control.create(About::Function, name, body);
            if self.control.api.ask(&request, &[409]).await?.status.as_u16() == 409 {
                return Err(taken(name));
            }
        }
        ledger.created(entry, &self.place()).await?;
        self.forget_address(name);
        let url = match self.options.way {
            Way::Direct => None,
            Way::Dashboard => Some(self.control.api.address("/api/function_invocations")),
        };
        let details = serde_json::to_value(details).map_err(|error| failed("deploying", error.to_string()))?;
        Ok(Deployment { spec, platform: PLATFORM.to_owned(), target: self.connection.target.clone(), url, details })
    }

    fn requests(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        self.planned(spec)
    }

    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        self.wait(deployment, &self.details(deployment)?, patience).await
    }

    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        let name = &deployment.spec.name;
        let patience = invocation.patience.unwrap_or_else(|| patience(deployment));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut add = |header: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(header), value);
            }
        };
        for (header, value) in [("traceparent", &invocation.traceparent), ("tracestate", &invocation.tracestate)] {
            value.iter().for_each(|value| add(header, value));
        }
        let address = match self.options.way {
            Way::Direct => self.address(deployment).await?,
            Way::Dashboard => {
                add("x-nuclio-function-name", name);
                add("x-nuclio-function-namespace", &self.options.namespace);
                add("x-nuclio-path", "/");
                add("x-nuclio-log-level", "none");
                add(INVOKE_TIMEOUT, &invoke_timeout(patience));
                self.control.api.address("/api/function_invocations")
            }
        };
        let called = self.control.api.invoke(name, &address, headers, invocation.event.clone(), false, patience).await;
        if called.is_err() {
            // It may be elsewhere now.
            self.forget_address(name);
        }
        let answer = called?;
        // The dashboard's own error: functions give theirs a type.
        if self.options.way == Way::Dashboard && answer.status == 500 && !is_functions(&answer) {
            if self.control.function(name).await?.is_none() {
                return Err(missing(deployment));
            }
            let mut said = String::from_utf8_lossy(&answer.body).into_owned();
            self.hide_secrets(&mut said);
            let said = said.trim().chars().take(200).collect::<String>();
            return Err(failed(
                &format!("calling {name} through the dashboard"),
                format!(
                    "{said}; its log says why: a dashboard that runs here calls functions at what `-external-ip-addresses` \
                     gives, else at 172.17.0.1; or set `way = \"direct\"`"
                ),
            ));
        }
        Ok(answer)
    }

    async fn http_call(&self, deployment: &Deployment) -> Result<Option<HttpCall>, PlatformError> {
        Ok(Some(match self.options.way {
            Way::Direct => HttpCall::to(self.address(deployment).await?),
            Way::Dashboard => HttpCall::to(self.control.api.address("/api/function_invocations"))
                .with("x-nuclio-function-name", &deployment.spec.name)
                .with("x-nuclio-function-namespace", &self.options.namespace)
                .with("x-nuclio-path", "/")
                .with("x-nuclio-log-level", "none")
                .with(INVOKE_TIMEOUT, invoke_timeout(patience(deployment))),
        }))
    }

    async fn force_cold(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        self.renew(deployment, |_| {}).await?;
        self.forget_address(&deployment.spec.name);
        Ok(())
    }

    async fn scale(&self, deployment: &Deployment, scale: &Scale) -> Result<(), PlatformError> {
        crate::check::scale(&deployment.spec.name, scale, &self.options).map_err(PlatformError::Invalid)?;
        if self.options.installation == Installation::Local {
            return Err(self.unsupported("change the number of instances on its local platform"));
        }
        let scale = *scale;
        self.renew(deployment, |spec| {
            spec.scale.minimum_instances = scale.minimum_instances.or(spec.scale.minimum_instances);
            spec.scale.maximum_instances = scale.maximum_instances.or(spec.scale.maximum_instances);
            spec.scale.concurrency = scale.concurrency.or(spec.scale.concurrency);
        })
        .await
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
        let Some(function) = self.control.function(&deployment.spec.name).await? else {
            return Ok(status(Readiness::Missing, None, None));
        };
        if !function.metadata.is_of(&deployment.spec.id) {
            let message = format!("{} belongs to another deployment", deployment.spec.name);
            return Ok(status(Readiness::Missing, Some(message), None));
        }
        // The image's name holds its digest.
        let digest = (function.image() == details.image).then(|| deployment.spec.image.digest.clone());
        Ok(match function.status.state.as_str() {
            "ready" | "scaledToZero" => status(Readiness::Ready, None, digest),
            "error" | "unhealthy" => status(Readiness::Failed, Some(self.shown(&function.status).reason()), None),
            state => status(Readiness::Pending, Some(format!("its state is {state}")), None),
        })
    }

    async fn logs(&self, deployment: &Deployment, since_unix_ns: u64) -> Result<Vec<LogLine>, PlatformError> {
        match (&self.daemon, self.options.installation) {
            (Some(daemon), Installation::Local) => {
                let labels = [
                    format!("nuclio.io/function-name={}", deployment.spec.name),
                    format!("{}={}", crate::objects::DEPLOYMENT, deployment.spec.id),
                ];
                let mut lines = daemon.logs(&labels, since_unix_ns).await?;
                // The processor writes down its whole configuration when it starts.
                for line in &mut lines {
                    self.hide_secrets(&mut line.text);
                }
                Ok(lines)
            }
            _ => Err(self.unsupported("show logs with their times; `kubectl logs` shows them")),
        }
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

/// Whether the function itself answered, and not the dashboard.
fn is_functions(answer: &Answer) -> bool {
    let body: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
    answer.instance.is_some() || body.is_some_and(|body| body["error"]["type"].is_string())
}

fn taken(name: &str) -> PlatformError {
    PlatformError::NameTaken { platform: PLATFORM.to_owned(), name: name.to_owned() }
}

/// How long a call of it may take.
fn patience(deployment: &Deployment) -> Duration {
    deployment.spec.limits.time.map_or(PATIENCE, |time| time.saturating_add(QUEUE))
}

/// The value of [`INVOKE_TIMEOUT`], in whole seconds.
fn invoke_timeout(patience: Duration) -> String {
    format!("{}s", patience.as_secs().max(1))
}

pub(crate) fn missing(deployment: &Deployment) -> PlatformError {
    PlatformError::NotFound { platform: PLATFORM.to_owned(), name: deployment.spec.name.clone() }
}
