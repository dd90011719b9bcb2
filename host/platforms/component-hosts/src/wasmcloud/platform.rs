//! The platform wasmCloud.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use image_kind::ImageKind;
use platform::{
    Answer, Capabilities, ColdStart, Deployment, DeploymentSpec, HttpCall, Invocation, Ledger, PlannedRequest,
    Platform, PlatformError, Reached, Readiness, Resource, ResourceEntry, ResourceId, Status,
};
use remote_platform::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use remote_platform::{Api, Connection, InvokeWay, Url, instance_environment, shown_environment};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::sleep;

use super::control::{Control, PLATFORM, failed};
use super::messages::{Heartbeat, Workload, WorkloadState, about, subject};
use super::options::WasmcloudOptions;
use crate::component::check_takes_environment;
use crate::spec;

/// The kind, in the ledger, of a workload.
const WORKLOAD: &str = "workload";
/// The kind, in the ledger, of an image in a registry.
const IMAGE: &str = "image";
/// Where NATS is without an endpoint.
const ENDPOINT: &str = "nats://127.0.0.1:4222";
/// How long a workload may take to be gone after it was stopped.
const STOPPING: Duration = Duration::from_secs(30);
/// How often something is looked at again.
const LOOK: Duration = Duration::from_millis(20);
/// How long a host may take to tell that it does not know a name.
const PROBE: Duration = Duration::from_secs(10);
/// The longest call of a deployment, which has no time limit there.
const CALL: Duration = Duration::from_secs(900);

/// Components on wasmCloud's hosts, which are told over NATS what to serve.
///
/// # Errors
/// When the target's options or its endpoint can't be used.
pub fn connect_wasmcloud(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    let options: WasmcloudOptions = connection.options()?;
    let endpoint = connection.endpoint.clone().unwrap_or_else(|| ENDPOINT.to_owned());
    let invalid = |what: &str| Err(PlatformError::Invalid(format!("the target `{}`: {what}", connection.target)));
    let address = Url::parse(&endpoint).ok().filter(|url| matches!(url.scheme(), "nats" | "tls"));
    let Some(address) = address.filter(Url::has_host) else {
        return invalid("the endpoint is not NATS's; give one as in `endpoint = \"nats://127.0.0.1:4222\"`");
    };
    if !address.username().is_empty() || address.password().is_some() {
        return invalid("the endpoint holds credentials, which belong in the environment (NATS_TOKEN, NATS_USER)");
    }
    let is_plain = |text: &str, also: &[u8]| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || also.contains(&byte);
        !text.is_empty() && text.len() <= 180 && text.bytes().all(is_plain)
    };
    if !is_plain(&options.domain, b".") || options.domain.starts_with('.') || options.domain.ends_with('.') {
        return invalid("the option `domain` is no name of a domain");
    }
    if !is_plain(&options.namespace, b"_") || !options.host.iter().all(|host| is_plain(host, b"_")) {
        return invalid("the options `namespace` and `host` are made of letters, digits, '-' and '_'");
    }
    if let Some(url) = &options.invoke_url
        && !(url.starts_with("http://") && url.contains("{name}"))
    {
        return invalid("the option `invoke-url` is an address of plain HTTP with `{name}` in it");
    }
    let is_this_machine = matches!(address.host_str(), Some("127.0.0.1" | "localhost"));
    if options.http.is_none() && !is_this_machine {
        return invalid("the NATS server is elsewhere: say where hosts serve HTTP with the option `http`");
    }
    let api = Api::new(PLATFORM, options.http.as_deref().unwrap_or("http://127.0.0.1"), None)?;
    let control = Control::new(&endpoint, &options);
    Ok(Arc::new(Wasmcloud { connection, options, endpoint, control, api }))
}

struct Wasmcloud {
    connection: Connection,
    options: WasmcloudOptions,
    endpoint: String,
    control: Control,
    api: Api,
}

/// What is known of a deployment.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Details {
    /// The host that serves it.
    host: String,
    /// The workload's id there.
    workload: String,
    /// The name in the header `Host`.
    route: String,
    /// The image, by its digest.
    image: String,
}

impl Wasmcloud {
    fn check(&self, asked: &DeploymentSpec) -> Result<(), PlatformError> {
        spec::check(asked, PLATFORM, ImageKind::HttpComponent)?;
        let limits = &asked.limits;
        // Hosts take `memoryLimitMb` and `cpuLimit`, and a component with 1 MB goes on as before (2.10.3).
        let asked_for = [
            ("a limit of memory", limits.memory_bytes.is_some()),
            ("a share of processors", limits.cpus.is_some()),
            ("a limit of time", limits.time.is_some()),
        ];
        if let Some((what, _)) = asked_for.iter().find(|(_, is_asked)| *is_asked) {
            let name = &asked.name;
            return Err(PlatformError::Invalid(format!(
                "{name} asks for {what}, which wasmcloud does not keep; leave it out"
            )));
        }
        self.connection.registry()?;
        check_takes_environment(&asked.image.path, PLATFORM)
    }

    fn details(&self, deployment: &Deployment) -> Result<Details, PlatformError> {
        serde_json::from_value(deployment.details.clone()).map_err(|error| {
            let doing = format!("reading what is known of {}", deployment.spec.name);
            failed(&doing, format!("it is not of this version: {error}; deploy it again"))
        })
    }

    fn route(&self, spec: &DeploymentSpec) -> String {
        format!("{}.{}", spec.name, self.options.domain).to_ascii_lowercase()
    }

    fn environment(&self, spec: &DeploymentSpec) -> std::collections::BTreeMap<String, String> {
        let way = self.options.invoke_url.as_ref().map(|url| InvokeWay { url: url.clone(), authorization: None });
        instance_environment(&self.connection, spec, way.as_ref())
    }

    /// Where the host serves HTTP.
    fn http(&self, host: &Heartbeat) -> Result<String, PlatformError> {
        if let Some(http) = &self.options.http {
            return Ok(format!("{}/", http.trim_end_matches('/')));
        }
        let port = host.http_port.ok_or_else(|| {
            PlatformError::Invalid(format!("the host {} serves no HTTP; start it with `--http-addr`", host.id))
        })?;
        Ok(format!("http://127.0.0.1:{port}/"))
    }

    fn headers(route: &str) -> Result<HeaderMap, PlatformError> {
        let mut headers = HeaderMap::new();
        let route = HeaderValue::from_str(route)
            .map_err(|_| PlatformError::Invalid(format!("`{route}` is no name for the header Host")))?;
        headers.insert(HOST, route);
        Ok(headers)
    }

    /// Stops a workload, and returns when its host does not know it any more; a success when it did not before.
    async fn stop(&self, host: &str, workload: &str) -> Result<(), PlatformError> {
        let begin = Instant::now();
        // A host that is gone has taken its workloads with it: they are in its memory alone.
        let Some(mut status) = self.control.workload(host, "workload.stop", &about(workload)).await? else {
            return Ok(());
        };
        while status.workload_state != WorkloadState::NotFound {
            if begin.elapsed() > STOPPING {
                let reason = format!("it is still there ({:?}): {}", status.workload_state, status.message);
                return Err(failed(&format!("stopping the workload {workload}"), reason));
            }
            sleep(LOOK).await;
            match self.control.workload(host, "workload.status", &about(workload)).await? {
                Some(now) => status = now,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    async fn start(&self, spec: &DeploymentSpec, details: &Details) -> Result<(), PlatformError> {
        let environment = self.environment(spec);
        let workload = Workload {
            id: &details.workload,
            namespace: &self.options.namespace,
            image: &details.image,
            route: &details.route,
            environment: &environment,
        };
        let doing = format!("starting the workload {} of {}", details.workload, spec.name);
        let started = self.control.workload(&details.host, "workload.start", &workload.start(spec)).await?;
        let started = started.ok_or_else(|| failed(&doing, format!("its host {} is gone", details.host)))?;
        match started.workload_state {
            WorkloadState::Running | WorkloadState::Starting => Ok(()),
            state => Err(failed(&doing, format!("{state:?}: {}", started.message))),
        }
    }

    fn planned(&self, purpose: String, verb: &str, body: serde_json::Value) -> PlannedRequest {
        PlannedRequest {
            purpose,
            method: "REQUEST".to_owned(),
            address: format!("{} {}", self.endpoint, subject("<id of the host>", verb)),
            body: Some(body),
            condition: None,
        }
    }

    fn missing(deployment: &Deployment) -> PlatformError {
        PlatformError::NotFound { platform: PLATFORM.to_owned(), name: deployment.spec.name.clone() }
    }
}

#[async_trait]
impl Platform for Wasmcloud {
    fn name(&self) -> &str {
        PLATFORM
    }

    fn target(&self) -> &str {
        &self.connection.target
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            asynchronous: false,
            cold_start: ColdStart::Always,
            scale: false,
            keep_alive: false,
            memory_limit: false,
            cpu_limit: false,
            concurrency: false,
            logs: false,
            metrics: false,
            billing: false,
            nested_calls: self.options.invoke_url.is_some(),
            local_processes: false,
        }
    }

    fn image_kind(&self) -> ImageKind {
        ImageKind::HttpComponent
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        let host = self.control.host(&self.options).await?;
        let mut remarks = vec![format!("the host {} serves HTTP at {}", host.id, self.http(&host)?)];
        remarks.push("each request has an instance of its own; limits of memory and time are not kept".to_owned());
        if self.options.invoke_url.is_none() {
            remarks.push("functions can't call each other: see the option `invoke-url`".to_owned());
        }
        Ok(Reached { version: format!("wasmCloud {}", host.version), remarks })
    }

    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        self.check(spec)?;
        let known = ledger.resources(&spec.id).await?;
        let workload = format!("faasbench-{}", spec.id);
        let host = self.control.host(&self.options).await?;
        let (http, route) = (self.http(&host)?, self.route(spec));
        let mut before: Vec<&ResourceEntry> =
            known.iter().filter(|entry| is_of(entry, &self.connection.target, WORKLOAD, &workload)).collect();
        // A host does not refuse two workloads of one name: it would send requests to either.
        if before.is_empty() {
            let probe = self.api.probe(&spec.name, &http, Wasmcloud::headers(&route)?, PROBE).await?;
            if probe.status != 404 {
                return Err(PlatformError::NameTaken { platform: PLATFORM.to_owned(), name: route });
            }
        }

        let registry = self.connection.registry()?;
        let tagged = registry.reference(&spec.image, &spec.id).tagged;
        let image = self.connection.resource(&spec.id, IMAGE, &tagged, json!({}));
        let entry = entry_of(ledger, &known, &image).await?;
        let pushed = registry.push(&spec.image, &spec.id).await?;
        ledger.created(entry, &json!({})).await?;

        let details = Details { host: host.id, workload, route, image: pushed.pinned };
        let resource = self.connection.resource(
            &spec.id,
            WORKLOAD,
            &details.workload,
            json!({ "host": details.host, "route": details.route }),
        );
        // On each host that it may be on: a restarted one has another id.
        for entry in before.drain(..) {
            if let Some(host) = entry.resource.details["host"].as_str() {
                self.stop(host, &details.workload).await?;
            }
        }
        let same = known.iter().find(|entry| {
            is_of(entry, &self.connection.target, WORKLOAD, &details.workload)
                && entry.resource.details["host"] == resource.details["host"]
        });
        let entry = match same {
            Some(entry) => entry.id,
            None => ledger.intend(&resource).await?,
        };
        self.start(spec, &details).await?;
        ledger.created(entry, &resource.details).await?;
        let details = serde_json::to_value(details).map_err(|error| failed("deploying", error.to_string()))?;
        Ok(Deployment {
            spec: spec.clone(),
            platform: PLATFORM.to_owned(),
            target: self.connection.target.clone(),
            url: Some(http),
            details,
        })
    }

    fn requests(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        self.check(spec)?;
        let reference = self.connection.registry()?.reference(&spec.image, &spec.id);
        let workload = format!("faasbench-{}", spec.id);
        let environment = shown_environment(&self.connection, &self.environment(spec));
        let start = Workload {
            id: &workload,
            namespace: &self.options.namespace,
            image: "<the image by its digest>",
            route: &self.route(spec),
            environment: &environment,
        };
        let push = PlannedRequest {
            purpose: format!("pushing the component of {}", spec.name),
            method: "PUSH".to_owned(),
            address: reference.tagged,
            body: None,
            condition: None,
        };
        let stop = self.planned(format!("stopping the workload of {}", spec.name), "workload.stop", about(&workload));
        let stop = PlannedRequest { condition: Some("when it is deployed already".to_owned()), ..stop };
        let start =
            self.planned(format!("starting the workload of {}", spec.name), "workload.start", start.start(spec));
        Ok(vec![push, stop, start])
    }

    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        let details = self.details(deployment)?;
        let url = deployment.url.as_deref().ok_or_else(|| Wasmcloud::missing(deployment))?;
        let begin = Instant::now();
        loop {
            let status = self.status(deployment).await?;
            let said = match status.readiness {
                Readiness::Missing => return Err(Wasmcloud::missing(deployment)),
                Readiness::Failed => {
                    let doing = format!("starting {}", deployment.spec.name);
                    return Err(failed(&doing, status.message.unwrap_or_default()));
                }
                Readiness::Pending => status.message.unwrap_or_default(),
                // The former image's workload was gone before this one began.
                Readiness::Ready => {
                    let left = patience.saturating_sub(begin.elapsed()).max(LOOK);
                    let headers = Wasmcloud::headers(&details.route)?;
                    let health = format!("{url}_/health");
                    match self.api.probe(&deployment.spec.name, &health, headers, left).await {
                        Ok(probe) if probe.status == 200 => return Ok(()),
                        Ok(probe) => format!("status {}: {}", probe.status, probe.said),
                        Err(error) => error.to_string(),
                    }
                }
            };
            if begin.elapsed() > patience {
                let name = deployment.spec.name.clone();
                return Err(PlatformError::NotReady { name, waited: patience, logs: said });
            }
            sleep(LOOK).await;
        }
    }

    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        let details = self.details(deployment)?;
        let url = deployment.url.as_deref().ok_or_else(|| Wasmcloud::missing(deployment))?;
        let mut headers = Wasmcloud::headers(&details.route)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let trace = [("traceparent", &invocation.traceparent), ("tracestate", &invocation.tracestate)];
        for (name, value) in trace {
            if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let patience = invocation.patience.unwrap_or(CALL);
        let name = &deployment.spec.name;
        let answer = self.api.invoke(name, url, headers, invocation.event.clone(), false, patience).await?;
        // The host's own, when it has no such route: an instance would have named itself.
        if answer.status == 404 && answer.instance.is_none() {
            return Err(Wasmcloud::missing(deployment));
        }
        Ok(answer)
    }

    async fn http_call(&self, deployment: &Deployment) -> Result<Option<HttpCall>, PlatformError> {
        let route = self.details(deployment)?.route;
        Ok(deployment.url.as_ref().map(|url| HttpCall::to(url).with("host", route)))
    }

    /// Every invocation has a new instance; this makes the workload new too, with its compiled code.
    async fn force_cold(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        let details = self.details(deployment)?;
        self.stop(&details.host, &details.workload).await?;
        self.start(&deployment.spec, &details).await?;
        self.wait_until_ready(deployment, STOPPING).await
    }

    async fn status(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        let details = self.details(deployment)?;
        let asked = self.control.workload(&details.host, "workload.status", &about(&details.workload)).await?;
        let (readiness, message) = match asked {
            None => (Readiness::Missing, Some(format!("the host {} is gone", details.host))),
            Some(status) => {
                let readiness = match status.workload_state {
                    WorkloadState::Running => Readiness::Ready,
                    WorkloadState::Starting => Readiness::Pending,
                    WorkloadState::NotFound => Readiness::Missing,
                    WorkloadState::Stopping | WorkloadState::Error | WorkloadState::Other => Readiness::Failed,
                };
                (readiness, Some(status.message).filter(|message| !message.is_empty()))
            }
        };
        // A host tells no digest of what it serves.
        Ok(Status { readiness, message, instances: None, waiting: None, image_digest: None })
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        let wrong = |why: &str| {
            let (kind, name) = (&resource.kind, &resource.name);
            Err(PlatformError::Invalid(format!("{kind} `{name}` can't be removed: {why}; remove it yourself")))
        };
        match resource.kind.as_str() {
            IMAGE => self.connection.registry()?.remove(&resource.name).await,
            WORKLOAD if resource.name == format!("faasbench-{}", resource.deployment) => {
                match resource.details["host"].as_str() {
                    Some(host) => self.stop(host, &resource.name).await,
                    None => wrong("its host is not known"),
                }
            }
            WORKLOAD => wrong("its name does not carry the deployment's id"),
            _ => wrong("wasmcloud makes no such thing"),
        }
    }
}

fn is_of(entry: &ResourceEntry, target: &str, kind: &str, name: &str) -> bool {
    let its = &entry.resource;
    (its.platform.as_str(), its.target.as_str(), its.kind.as_str(), its.name.as_str()) == (PLATFORM, target, kind, name)
}

/// The number of what is to be made: it stands in the ledger once, however often it is made.
async fn entry_of(
    ledger: &dyn Ledger,
    known: &[ResourceEntry],
    resource: &Resource,
) -> Result<ResourceId, PlatformError> {
    let entry = known.iter().find(|entry| is_of(entry, &resource.target, &resource.kind, &resource.name));
    match entry {
        Some(entry) => Ok(entry.id),
        None => Ok(ledger.intend(resource).await?),
    }
}
