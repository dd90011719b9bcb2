//! The platform.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use image_kind::ImageKind;
use platform::{
    Answer, CallId, Capabilities, ColdStart, Deployment, DeploymentId, DeploymentSpec, Found, Invocation, Ledger,
    LogLine, PlannedRequest, Platform, PlatformError, ProviderMetric, Reached, Readiness, Resource, Scale, Status,
};
use remote_platform::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use remote_platform::{Begin, Connection};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::callback::Callback;
use crate::function::{FunctionDeployment, FunctionStatus};
use crate::gateway::{Gateway, PLATFORM};
use crate::resources::{intended, is_ours};
use crate::template::{self, DEPLOYMENT_LABEL, FAASD, SCALE_ANNOTATION};
use crate::{ColdStartWay, Options, logs, metrics, ready, scaling};

/// The kinds, in a ledger, of what is created.
pub(crate) const FUNCTION: &str = "function";
pub(crate) const IMAGE: &str = "image";

/// How long an invocation may take where neither the call nor the deployment says.
const INVOCATION: Duration = Duration::from_secs(600);
/// How long a queue may take to accept a call.
const ACCEPTED: Duration = Duration::from_secs(60);
/// How long new instances may take when a cold start is forced.
const COLD: Duration = Duration::from_secs(180);

/// One installation of OpenFaaS.
pub struct OpenFaas {
    pub(crate) connection: Connection,
    pub(crate) options: Options,
    pub(crate) gateway: Gateway,
    callback: OnceCell<Callback>,
    /// Whether faasd was seen behind the gateway, which scales nothing and limits no processors.
    is_faasd: AtomicBool,
}

/// What is needed to find a deployment again.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Details {
    /// What runs the functions there: `faasd`, `faas-netes`.
    provider: String,
    /// The image as it was asked for.
    image: String,
    /// The gateway as the instances see it.
    gateway: String,
    /// When it was asked for, Unix time, ns.
    since_unix_ns: u64,
    /// Whether there was one before, whose instances may answer for a while.
    is_update: bool,
}

/// The platform `openfaas`. Nothing is asked for yet. The endpoint is the connection's, or `OPENFAAS_URL`, or
/// `http://127.0.0.1:8080`.
///
/// # Errors
/// When the endpoint or the options can't be.
pub fn connect(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    Ok(Arc::new(OpenFaas::new(connection)?))
}

impl OpenFaas {
    /// See [`connect`].
    ///
    /// # Errors
    /// When the endpoint or the options can't be.
    pub fn new(connection: Connection) -> Result<OpenFaas, PlatformError> {
        let options: Options = connection.options()?;
        template::check_options(&connection, &options)?;
        let gateway = Gateway::new(&connection, &options)?;
        Ok(OpenFaas { connection, options, gateway, callback: OnceCell::new(), is_faasd: AtomicBool::new(false) })
    }

    fn details(&self, deployment: &Deployment) -> Result<Details, PlatformError> {
        serde_json::from_value(deployment.details.clone()).map_err(|error| {
            PlatformError::Invalid(format!(
                "what is known of the deployment {} is not openfaas's: {error}; deploy it again",
                deployment.spec.name
            ))
        })
    }

    fn function(&self, spec: &DeploymentSpec, image: &str, gateway: &str) -> FunctionDeployment {
        let revision = DeploymentId::new();
        template::function(&self.connection, &self.options, spec, image, gateway, revision.as_str())
    }

    async fn create(&self, spec: &DeploymentSpec, function: &FunctionDeployment) -> Result<(), PlatformError> {
        let Err(error) = self.gateway.ask(&self.gateway.create_request(function), &[]).await else { return Ok(()) };
        // Somebody else may have made one of that name meanwhile.
        match self.gateway.find(&spec.name).await {
            Ok(Some(found)) if !is_ours(&found, &spec.id) => Err(taken(&spec.name)),
            _ => Err(error),
        }
    }

    /// The number of instances that was asked for last, which may be by another process.
    async fn present_scale(&self, deployment: &Deployment) -> Result<Scale, PlatformError> {
        let found = self.gateway.find(&deployment.spec.name).await?;
        let found =
            found.filter(|found| is_ours(found, &deployment.spec.id)).ok_or_else(|| missing(&deployment.spec))?;
        let scale = found.annotation(SCALE_ANNOTATION).and_then(|scale| serde_json::from_str(scale).ok());
        Ok(scale.unwrap_or(deployment.spec.scale))
    }

    /// Updates the function, with another number of instances, and waits for the new instances.
    async fn renew(&self, deployment: &Deployment, scale: Scale) -> Result<(), PlatformError> {
        let details = self.details(deployment)?;
        let mut spec = deployment.spec.clone();
        spec.scale = scale;
        let function = self.function(&spec, &details.image, &details.gateway);
        let since_unix_ns = Begin::now().unix_ns;
        self.gateway.update(&function, &details.provider).await?;
        ready::wait(&self.gateway, &spec.name, since_unix_ns, details.provider != FAASD, COLD).await
    }

    async fn callback(&self) -> Result<&Callback, PlatformError> {
        let Some(address) = &self.options.callback else {
            return Err(self.unsupported("invoke without waiting: the target has no option `callback`"));
        };
        let seen_as = self.options.callback_from_gateway.as_deref();
        self.callback.get_or_try_init(|| Callback::start(address, seen_as)).await
    }
}

fn taken(name: &str) -> PlatformError {
    PlatformError::NameTaken { platform: PLATFORM.to_owned(), name: name.to_owned() }
}

fn missing(spec: &DeploymentSpec) -> PlatformError {
    PlatformError::NotFound { platform: PLATFORM.to_owned(), name: spec.name.clone() }
}

/// The headers of an invocation.
fn headers(invocation: &Invocation) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, text) in [("traceparent", &invocation.traceparent), ("tracestate", &invocation.tracestate)] {
        if let Some(value) = text.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

#[async_trait]
impl Platform for OpenFaas {
    fn name(&self) -> &str {
        PLATFORM
    }

    fn target(&self) -> &str {
        &self.connection.target
    }

    /// Before [`Platform::reach`], what OpenFaaS on Kubernetes can do.
    fn capabilities(&self) -> Capabilities {
        let is_faasd = self.is_faasd.load(Ordering::Relaxed);
        Capabilities {
            asynchronous: self.options.callback.is_some(),
            cold_start: match self.options.cold_start {
                ColdStartWay::Update => ColdStart::ByUpdate,
                ColdStartWay::ScaleToZero => ColdStart::Forced,
            },
            scale: !is_faasd,
            keep_alive: self.options.scale_to_zero && !is_faasd,
            memory_limit: true,
            cpu_limit: !is_faasd,
            concurrency: true,
            logs: true,
            metrics: true,
            billing: false,
            nested_calls: true,
            local_processes: false,
        }
    }

    fn repeated_requests(&self) -> Option<u64> {
        Some(self.gateway.api.repeated())
    }

    fn image_kind(&self) -> ImageKind {
        ImageKind::Oci
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        let information = self.gateway.information().await?;
        let provider = information.provider.unwrap_or_default();
        let release = information.version.unwrap_or_default();
        let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
        let name = or(&provider.provider, "a provider without a name");
        let version = provider.version.clone().unwrap_or_default();
        let mut remarks = vec![format!(
            "functions run by {} on {}",
            format!("{name} {}", version.text()).trim_end(),
            or(&provider.orchestration, "what it does not say"),
        )];
        self.is_faasd.store(provider.provider == FAASD, Ordering::Relaxed);
        if provider.provider == FAASD {
            remarks
                .push("faasd runs one instance of a function, and limits its memory but not its processors".to_owned());
        }
        if self.options.callback.is_none() {
            remarks.push("no asynchronous calls: the target has no option `callback`".to_owned());
        }
        if self.options.image.is_none() && self.connection.registry.is_none() {
            remarks.push("nothing can be deployed: the target names no registry, and no option `image`".to_owned());
        }
        Ok(Reached { version: format!("OpenFaaS gateway {}", release.text()).trim_end().to_owned(), remarks })
    }

    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        template::check(spec, &self.options)?;
        self.planned_image(spec)?;
        self.check_place(spec, ledger).await?;
        let provider = self.gateway.information().await?.provider.unwrap_or_default().provider;
        template::check_provider(&provider, spec)?;
        let found = self.gateway.find(&spec.name).await?;
        if found.as_ref().is_some_and(|found| !is_ours(found, &spec.id)) {
            return Err(taken(&spec.name));
        }
        let image = self.push(spec, ledger).await?;
        let gateway = template::gateway_from_instances(&self.options, self.gateway.api.base())
            .unwrap_or_else(|| template::usual_gateway(&provider).to_owned());
        let function = self.function(spec, &image, &gateway);
        let resource = self.resource(spec, FUNCTION, &spec.name);
        let (entry, _) = intended(ledger, &resource).await?;
        let since_unix_ns = Begin::now().unix_ns;
        let is_update = found.is_some();
        match found {
            Some(_) => self.gateway.update(&function, &provider).await?,
            None => self.create(spec, &function).await?,
        }
        ledger.created(entry, &resource.details).await?;
        let mut asked = spec.clone();
        asked.scale.minimum_instances.get_or_insert(1);
        if provider == FAASD {
            asked.scale.maximum_instances.get_or_insert(1);
        }
        let details = Details { provider, image, gateway, since_unix_ns, is_update };
        Ok(Deployment {
            platform: PLATFORM.to_owned(),
            target: self.connection.target.clone(),
            url: Some(self.gateway.function(&spec.name)),
            spec: asked,
            // Texts and a number.
            details: serde_json::to_value(details).unwrap_or_default(),
        })
    }

    fn requests(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        template::check(spec, &self.options)?;
        let image = self.planned_image(spec)?;
        let base = self.gateway.api.base();
        let gateway = template::gateway_from_instances(&self.options, base)
            .unwrap_or_else(|| "<the gateway as the installation calls it>".to_owned());
        let mut function = self.function(spec, &image, &gateway);
        for name in self.connection.storage_environment.keys() {
            function.env_vars.insert(name.clone(), "(not shown)".to_owned());
        }
        let mut requests = vec![
            self.gateway.information_request().planned(base, None),
            self.gateway.find_request(&spec.name, false).planned(base, None),
        ];
        if self.options.image.is_none() {
            requests.push(PlannedRequest {
                purpose: format!("pushing the image of {}", spec.name),
                method: "PUSH".to_owned(),
                address: self.connection.registry()?.reference(&spec.image, &spec.id).tagged,
                body: None,
                condition: None,
            });
        }
        let create = self.gateway.create_request(&function);
        requests.push(create.planned(base, Some("when there is no function of that name yet")));
        let update = self.gateway.update_request(&function);
        requests.push(update.planned(base, Some("when it is there from an earlier deployment of the same id")));
        Ok(requests)
    }

    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        let details = self.details(deployment)?;
        let has_old = details.is_update && details.provider != FAASD;
        ready::wait(&self.gateway, &deployment.spec.name, details.since_unix_ns, has_old, patience).await
    }

    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        let name = &deployment.spec.name;
        let patience = invocation.patience.unwrap_or(INVOCATION);
        let (address, event) = (self.gateway.function(name), invocation.event.clone());
        let answer = self.gateway.api.invoke(name, &address, headers(invocation), event, false, patience).await?;
        // The gateway's own: an instance says who it is.
        if answer.status == 404 && answer.instance.is_none() {
            return Err(missing(&deployment.spec));
        }
        Ok(answer)
    }

    async fn invoke_async(&self, deployment: &Deployment, invocation: &Invocation) -> Result<CallId, PlatformError> {
        let callback = self.callback().await?;
        let name = &deployment.spec.name;
        let call = callback.begin()?;
        let mut headers = headers(invocation);
        for (header, text) in [("x-call-id", &call.0), ("x-callback-url", &callback.url)] {
            // Letters, digits and an address.
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(HeaderName::from_static(header), value);
            }
        }
        let (address, event) = (self.gateway.queue(name), invocation.event.clone());
        let asked = self.gateway.api.invoke(name, &address, headers, event, false, ACCEPTED).await;
        let failed = |reason: String| PlatformError::Failed {
            platform: PLATFORM.to_owned(),
            doing: format!("calling {name} without waiting"),
            reason,
        };
        let refusal = match asked {
            Ok(answer) if answer.status == 202 => return Ok(call),
            Ok(answer) if answer.status == 404 => {
                failed("the gateway has no queue: it needs NATS and a queue worker".to_owned())
            }
            Ok(answer) => failed(match answer.response() {
                Ok(_) => format!("status {} where 202 was expected", answer.status),
                Err(error) => error.message,
            }),
            Err(error) => error,
        };
        callback.forget(&call);
        Err(refusal)
    }

    async fn take_result(&self, _: &Deployment, call: &CallId) -> Result<Option<Answer>, PlatformError> {
        self.callback().await?.take(call)
    }

    async fn force_cold(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        let scale = self.present_scale(deployment).await?;
        match self.options.cold_start {
            ColdStartWay::Update => self.renew(deployment, scale).await,
            ColdStartWay::ScaleToZero => scaling::set(&self.gateway, &deployment.spec.name, 0).await,
        }
    }

    async fn scale(&self, deployment: &Deployment, scale: &Scale) -> Result<(), PlatformError> {
        let name = &deployment.spec.name;
        let present = self.present_scale(deployment).await?;
        let merged = Scale {
            minimum_instances: scale.minimum_instances.or(present.minimum_instances),
            maximum_instances: scale.maximum_instances.or(present.maximum_instances),
            concurrency: scale.concurrency.or(present.concurrency),
            keep_alive: scale.keep_alive.or(present.keep_alive),
            queue: scale.queue.or(present.queue),
        };
        if merged.queue.is_some() {
            return Err(PlatformError::Invalid(format!(
                "openfaas can't give {name} a limit of waiting invocations; leave it out"
            )));
        }
        template::check_scale(name, &merged, &self.options)?;
        if self.details(deployment)?.provider == FAASD {
            template::check_faasd_scale(name, &merged)?;
        }
        // The numbers are labels, and the concurrency is in the instances' environment.
        self.renew(deployment, merged).await?;
        match merged.minimum_instances {
            Some(minimum @ 1..) => scaling::set(&self.gateway, name, minimum).await,
            _ => Ok(()),
        }
    }

    async fn status(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        let found = self.gateway.find(&deployment.spec.name).await?;
        let status = |readiness, message: Option<String>, image_digest| Status {
            readiness,
            message,
            instances: None,
            waiting: None,
            image_digest,
        };
        let Some(found) = found.filter(|found| is_ours(found, &deployment.spec.id)) else {
            return Ok(status(Readiness::Missing, None, None));
        };
        let digest = found.image_digest().map(str::to_owned);
        Ok(match (found.available_replicas, found.replicas) {
            (0, 0) => status(Readiness::Ready, Some("it has no instance; a call starts one".to_owned()), digest),
            (0, replicas) => status(Readiness::Pending, Some(format!("none of {replicas} instances is ready")), digest),
            (available, replicas) if available < replicas => {
                status(Readiness::Ready, Some(format!("{available} of {replicas} instances are ready")), digest)
            }
            _ => status(Readiness::Ready, None, digest),
        })
    }

    async fn logs(&self, deployment: &Deployment, since_unix_ns: u64) -> Result<Vec<LogLine>, PlatformError> {
        logs::read(&self.gateway, &deployment.spec.name, since_unix_ns).await
    }

    async fn metrics(&self, deployment: &Deployment) -> Result<Vec<ProviderMetric>, PlatformError> {
        metrics::read(&self.gateway, &deployment.spec.name).await
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        match resource.kind.as_str() {
            FUNCTION => self.remove_function(resource).await,
            IMAGE => self.connection.registry()?.remove(&resource.name).await,
            kind => Err(PlatformError::Invalid(format!("openfaas makes nothing of the kind `{kind}`"))),
        }
    }

    async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        let marked = |function: FunctionStatus| {
            let deployment = function.label(DEPLOYMENT_LABEL)?.to_owned();
            Some(Found { kind: FUNCTION.to_owned(), name: function.name, deployment })
        };
        Ok(self.gateway.list().await?.into_iter().filter_map(marked).collect())
    }
}
