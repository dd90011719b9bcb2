//! The platform.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_lambda::types::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image_kind::ImageKind;
use platform::{
    Allowed, Answer, Billing, CallId, Capabilities, ColdStart, Deployment, DeploymentSpec, Found, HttpCall, Invocation,
    Ledger, LogLine, PlannedRequest, Platform, PlatformError, ProviderMetric, Reached, Readiness, Resource, Scale,
    Status,
};
use remote_platform::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use remote_platform::{Api, Connection, Registry, Url};
use tokio::time::{Instant, sleep};

use crate::FunctionUrl;
use crate::clients::{Clients, configuration};
use crate::failure::{PLATFORM, other};
use crate::invoke::{self, Callee};
use crate::options::{Options, Package};
use crate::plan::{self, Plan};
use crate::{concurrency, function, logs, marked, remove, settings, wait};

/// Between two looks whether the new code is there.
const PAUSE: Duration = Duration::from_millis(500);
/// The variable whose change makes new instances.
const NONCE: &str = "FAASBENCH_NONCE";

/// Connects to Lambda by AWS's own chain: nothing is asked of AWS yet.
///
/// # Errors
/// When the options can't be used, or no region is given.
pub async fn connect(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    let options: Options = connection.options()?;
    plan::check_options(&options)?;
    check_endpoint(connection.endpoint.as_deref())?;
    let configuration = configuration(&options, connection.endpoint.as_deref()).await;
    Ok(Arc::new(LambdaPlatform::new(connection, &configuration)?))
}

/// The platform `lambda`.
pub struct LambdaPlatform {
    connection: Connection,
    options: Options,
    clients: Clients,
    /// Clients of other regions, in which there is something to remove.
    configuration: SdkConfig,
    /// Whether invocations go to a function's alias, by its name.
    with_alias: Mutex<HashMap<String, bool>>,
    /// What calls functions by their URLs, by origin.
    outside: Mutex<HashMap<String, Api>>,
}

impl LambdaPlatform {
    /// The platform with a configuration of the SDK's that is there already, in place of AWS's own chain.
    ///
    /// # Errors
    /// When the options can't be used, or the configuration names no region.
    pub fn new(connection: Connection, configuration: &SdkConfig) -> Result<LambdaPlatform, PlatformError> {
        let options: Options = connection.options()?;
        plan::check_options(&options)?;
        let clients = Clients::new(configuration, connection.endpoint.clone())?;
        let configuration = configuration.clone();
        let (with_alias, outside) = (Mutex::default(), Mutex::default());
        Ok(LambdaPlatform { connection, options, clients, configuration, with_alias, outside })
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn clients(&self) -> &Clients {
        &self.clients
    }

    pub(crate) fn target_name(&self) -> &str {
        &self.connection.target
    }

    pub(crate) fn plan(&self, spec: &DeploymentSpec) -> Result<Plan, PlatformError> {
        Plan::new(spec, &self.connection, &self.options, self.connection.endpoint.as_deref())
    }

    /// The registry, which must be ECR in the same region: Lambda pulls from no other.
    pub(crate) fn registry(&self, spec: &DeploymentSpec) -> Result<&Arc<dyn Registry>, PlatformError> {
        let registry = self.connection.registry()?;
        let reference = registry.reference(&spec.image, &spec.id).tagged;
        let host = reference.split('/').next().unwrap_or_default();
        let place = format!(".dkr.ecr.{}.amazonaws.", self.clients.region);
        if self.connection.endpoint.is_none() && !host.contains(&place) {
            return Err(PlatformError::Invalid(format!(
                "lambda pulls images from Amazon ECR in {} only, and the registry is {host}; set `registry = \
                 \"ACCOUNT.dkr.ecr.{}.amazonaws.com/REPOSITORY\"`",
                self.clients.region, self.clients.region
            )));
        }
        Ok(registry)
    }

    /// What calls the function at a URL: always the same one for an origin, as connections are kept in it.
    fn api_at(&self, url: &str) -> Result<Api, PlatformError> {
        let parsed =
            Url::parse(url).map_err(|_| PlatformError::Invalid("a function's URL is not one of HTTP".to_owned()))?;
        let origin = parsed.origin().ascii_serialization();
        // Nothing in here panics half way.
        let mut outside = self.outside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(api) = outside.get(&origin) {
            return Ok(api.clone());
        }
        let api = Api::new(PLATFORM, &origin, None)?;
        outside.insert(origin, api.clone());
        Ok(api)
    }

    /// Keeps in mind whether invocations go to the alias.
    pub(crate) fn remember(&self, function: &str, with_alias: bool) {
        let mut known = self.with_alias.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(function.to_owned(), with_alias);
    }

    /// The alias that invocations go to, where there is one. Asked once in this process: another may have scaled it.
    async fn qualifier(&self, deployment: &Deployment, function: &str) -> Option<&'static str> {
        let known = self.with_alias.lock().unwrap_or_else(PoisonError::into_inner).get(function).copied();
        let with_alias = match known {
            Some(known) => known,
            None => match concurrency::alias(&self.clients, function).await {
                Ok(alias) => {
                    self.remember(function, alias.is_some());
                    alias.is_some()
                }
                // Who may only invoke may not ask; then what was deployed holds.
                Err(_) => deployment.details["qualifier"].is_string(),
            },
        };
        with_alias.then_some(concurrency::ALIAS)
    }

    fn function_of(&self, deployment: &Deployment) -> Result<String, PlatformError> {
        match deployment.details["function"].as_str() {
            Some(function) => Ok(function.to_owned()),
            None => crate::name::function(&self.options.prefix, &deployment.spec.name),
        }
    }

    fn log_group_of<'a>(&self, deployment: &'a Deployment) -> Result<&'a str, PlatformError> {
        deployment.details["log_group"].as_str().ok_or_else(|| not_found(deployment))
    }

    /// The deployment's own function.
    async fn own(&self, deployment: &Deployment, qualifier: Option<&str>) -> Result<function::Found, PlatformError> {
        let name = self.function_of(deployment)?;
        match function::find(&self.clients, &name, qualifier).await? {
            Some(found) if found.is_of(&deployment.spec.id) => Ok(found),
            _ => Err(not_found(deployment)),
        }
    }
}

#[async_trait]
impl Platform for LambdaPlatform {
    fn name(&self) -> &str {
        PLATFORM
    }

    fn target(&self) -> &str {
        &self.connection.target
    }

    fn memory_bytes_allowed(&self) -> Allowed {
        let bytes = |megabytes: u64| (megabytes << 20) as f64;
        Allowed::Between { least: bytes(settings::MEMORY.0), greatest: bytes(settings::MEMORY.1) }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            // Calls without waiting are accepted, but there is no answer to fetch.
            asynchronous: false,
            cold_start: ColdStart::ByUpdate,
            scale: true,
            keep_alive: false,
            memory_limit: true,
            cpu_limit: false,
            concurrency: false,
            logs: true,
            metrics: true,
            billing: true,
            // Archives and images of `image_kind` hold a program that signs them.
            nested_calls: true,
            local_processes: false,
        }
    }

    fn image_kind(&self) -> ImageKind {
        match self.options.package {
            Package::Zip => ImageKind::LambdaZip,
            Package::Image => ImageKind::OciWithCaller,
        }
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        let account = self.clients.ask_account().await?;
        let place = self.connection.endpoint.as_deref().map(|endpoint| format!(" at {endpoint}")).unwrap_or_default();
        let remarks = vec![
            format!("{} in the account {}", account.arn, account.number),
            "processors grow with memory: one per 1,769 MB".to_owned(),
            "a forced cold start changes the configuration; where instances are started beforehand there is none"
                .to_owned(),
        ];
        Ok(Reached { version: format!("AWS Lambda, {}{place}", self.clients.region), remarks })
    }

    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        self.make(spec, ledger).await
    }

    fn requests(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        let plan = self.plan(spec)?;
        if self.options.package == Package::Image {
            self.registry(spec)?;
        }
        Ok(self.planned(spec, &plan))
    }

    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        let name = self.function_of(deployment)?;
        let wanted = deployment.details["code_sha256"].as_str().filter(|digest| !digest.is_empty());
        let begin = Instant::now();
        loop {
            let left = patience.saturating_sub(begin.elapsed());
            let qualifier = self.qualifier(deployment, &name).await;
            let found = wait::until_settled(&self.clients, &name, qualifier, left).await?;
            if !found.is_of(&deployment.spec.id) {
                return Err(not_found(deployment));
            }
            if wanted.is_none() || found.code_sha256() == wanted {
                if qualifier.is_some() {
                    let left = patience.saturating_sub(begin.elapsed());
                    concurrency::wait_until_provisioned(&self.clients, &name, left).await?;
                }
                let callee = Callee { name: &deployment.spec.name, function: &name, qualifier };
                return invoke::rehearse(&self.clients, callee).await;
            }
            if begin.elapsed() + PAUSE > patience {
                let logs = format!(
                    "it has code with the digest {}, and {} was deployed",
                    found.code_sha256().unwrap_or("?"),
                    wanted.unwrap_or("?")
                );
                return Err(PlatformError::NotReady {
                    name: deployment.spec.name.clone(),
                    waited: begin.elapsed(),
                    logs,
                });
            }
            sleep(PAUSE).await;
        }
    }

    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        let patience = invoke::patience(invocation, deployment.spec.limits.time);
        if self.options.invoke_by_url {
            let url = deployment.url.as_deref().ok_or_else(|| not_found(deployment))?;
            let api = self.api_at(url)?;
            let headers = headers(invocation);
            return api.invoke(&deployment.spec.name, url, headers, invocation.event.clone(), false, patience).await;
        }
        let function = self.function_of(deployment)?;
        let qualifier = self.qualifier(deployment, &function).await;
        let callee = Callee { name: &deployment.spec.name, function: &function, qualifier };
        invoke::invoke(&self.clients, callee, invocation, patience, self.options.log_tail).await
    }

    /// An address that wants signed requests is not for any client.
    async fn http_call(&self, deployment: &Deployment) -> Result<Option<HttpCall>, PlatformError> {
        let is_public = self.options().url == FunctionUrl::Public;
        Ok(deployment.url.clone().filter(|_| is_public).map(HttpCall::to))
    }

    async fn invoke_async(&self, deployment: &Deployment, invocation: &Invocation) -> Result<CallId, PlatformError> {
        let function = self.function_of(deployment)?;
        let qualifier = self.qualifier(deployment, &function).await;
        let callee = Callee { name: &deployment.spec.name, function: &function, qualifier };
        invoke::invoke_async(&self.clients, callee, invocation).await
    }

    async fn take_result(&self, _: &Deployment, _: &CallId) -> Result<Option<Answer>, PlatformError> {
        Err(self.unsupported("fetch the answer of a call that nobody waited for: Lambda keeps none"))
    }

    async fn force_cold(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        let name = self.function_of(deployment)?;
        if self.qualifier(deployment, &name).await.is_some() {
            return Err(PlatformError::Invalid(format!(
                "{} has instances that are started before they are called, so no call is a cold one; scale it to --min 0 first",
                deployment.spec.name
            )));
        }
        let found = self.own(deployment, None).await?;
        let environment = found.configuration.environment;
        if let Some(error) = environment.as_ref().and_then(|environment| environment.error()) {
            let reason = error.message().unwrap_or("no reason is given").to_owned();
            return Err(other(&format!("reading the environment of {name}"), reason));
        }
        let mut variables = environment.and_then(|environment| environment.variables).unwrap_or_default();
        variables.insert(NONCE.to_owned(), uuid::Uuid::new_v4().simple().to_string());
        function::set_environment(&self.clients, &name, variables).await
    }

    async fn scale(&self, deployment: &Deployment, scale: &Scale) -> Result<(), PlatformError> {
        let (minimum, maximum) = settings::concurrency(scale)?;
        let name = self.function_of(deployment)?;
        self.own(deployment, None).await?;
        if maximum.is_some() {
            concurrency::set_maximum(&self.clients, &name, maximum).await?;
        }
        match minimum {
            None => {}
            Some(0) => {
                concurrency::unprovision(&self.clients, &name).await?;
                self.remember(&name, false);
            }
            Some(minimum) => {
                concurrency::provision(&self.clients, &name, minimum).await?;
                self.remember(&name, true);
            }
        }
        Ok(())
    }

    async fn status(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        let nothing =
            Status { readiness: Readiness::Missing, message: None, instances: None, waiting: None, image_digest: None };
        let found = match self.own(deployment, None).await {
            Ok(found) => found,
            Err(PlatformError::NotFound { .. }) => return Ok(nothing),
            Err(error) => return Err(error),
        };
        let failure = found.failure();
        let readiness = match found.state() {
            _ if failure.is_some() => Readiness::Failed,
            None | Some(State::Active | State::Inactive) if !found.is_changing() => Readiness::Ready,
            _ => Readiness::Pending,
        };
        Ok(Status { readiness, message: failure, image_digest: found.code_sha256().and_then(digest), ..nothing })
    }

    async fn logs(&self, deployment: &Deployment, since_unix_ns: u64) -> Result<Vec<LogLine>, PlatformError> {
        logs::lines(&self.clients, self.log_group_of(deployment)?, since_unix_ns).await
    }

    async fn metrics(&self, deployment: &Deployment) -> Result<Vec<ProviderMetric>, PlatformError> {
        logs::metrics(&self.clients, self.log_group_of(deployment)?).await
    }

    async fn billing(&self, deployment: &Deployment, call: &CallId) -> Result<Option<Billing>, PlatformError> {
        logs::billing(&self.clients, self.log_group_of(deployment)?, &call.0).await
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        match resource.details["region"].as_str() {
            Some(region) if region != self.clients.region => {
                crate::name::check_region(region)?;
                let region = aws_config::Region::new(region.to_owned());
                let configuration = self.configuration.to_builder().region(region).build();
                let clients = Clients::new(&configuration, self.connection.endpoint.clone())?;
                remove::remove(&clients, &self.connection, resource).await
            }
            _ => remove::remove(&self.clients, &self.connection, resource).await,
        }
    }

    async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        marked::find_marked(&self.clients, &self.options.prefix).await
    }
}

/// The headers of a call by a URL.
fn headers(invocation: &Invocation) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in [("traceparent", &invocation.traceparent), ("tracestate", &invocation.tracestate)] {
        if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

/// Lambda's digest, base64 of an archive and hexadecimal of an image, as `sha256:` and hexadecimal digits.
fn digest(sha256: &str) -> Option<String> {
    if sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(format!("sha256:{sha256}"));
    }
    let bytes = STANDARD.decode(sha256).ok().filter(|bytes| bytes.len() == 32)?;
    let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("sha256:{hexadecimal}"))
}

/// An endpoint is an address of HTTP without credentials.
fn check_endpoint(endpoint: Option<&str>) -> Result<(), PlatformError> {
    endpoint.map_or(Ok(()), |endpoint| Api::new(PLATFORM, endpoint, None).map(|_| ()))
}

fn not_found(deployment: &Deployment) -> PlatformError {
    PlatformError::NotFound { platform: PLATFORM.to_owned(), name: deployment.spec.name.clone() }
}
