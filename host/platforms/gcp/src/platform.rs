//! The platform itself.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use image_kind::ImageKind;
use platform::{
    Allowed, Answer, Capabilities, ColdStart, Deployment, DeploymentSpec, Found, HttpCall, Invocation, Ledger, LogLine,
    PlannedRequest, Platform, PlatformError, ProviderMetric, Reached, Resource, Scale, Status,
};
use remote_platform::{Api, ApiRequest, Connection, InvokeWay, Method};

use crate::credentials::{PLATFORM, Tokens};
use crate::lifetime::lifetime;
use crate::{ForceCold, Options, check, nested};

/// Where the Admin API is.
const ENDPOINT: &str = "https://run.googleapis.com";

/// Cloud Run in one region of one project.
pub(crate) struct CloudRun {
    pub(crate) connection: Connection,
    pub(crate) options: Options,
    pub(crate) project: String,
    pub(crate) region: String,
    pub(crate) api: Api,
    pub(crate) logging: Api,
    pub(crate) monitoring: Api,
    pub(crate) tokens: Tokens,
    /// How functions call each other where the options name a plain way.
    pub(crate) plain_way: Option<InvokeWay>,
}

/// The Cloud Run of a target. Asks it nothing yet, nor for a token.
///
/// # Errors
/// When the options can't be used.
pub fn connect(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    connect_with(connection, &|name| std::env::var(name).ok())
}

/// The same with an environment of the caller's own; Application Default Credentials have the process's.
///
/// # Errors
/// When the options can't be used.
pub fn connect_with(
    connection: Connection,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<Arc<dyn Platform>, PlatformError> {
    let options: Options = connection.options()?;
    let variable = |name: &str| variables(name).filter(|value| !value.is_empty());
    let named = |option: &str, value: &Option<String>, name: &str| {
        value.clone().or_else(|| variable(name)).ok_or_else(|| {
            PlatformError::Invalid(format!(
                "the target `{}` names no {option}; set `{option} = \"...\"` in [targets.{}.options], or {name}",
                connection.target, connection.target
            ))
        })
    };
    let project = named("project", &options.project, "GOOGLE_CLOUD_PROJECT")?;
    let region = named("region", &options.region, "GOOGLE_CLOUD_REGION")?;
    check::place(&project, &region, &options)?;
    for version in [&options.api_version, &options.logging_version, &options.monitoring_version] {
        if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(PlatformError::Invalid(format!(
                "`{version}` can't be the version of an API; give one as in `v2`"
            )));
        }
    }
    check::account(&options)?;
    let plain_way = nested::plain(&options, &variable)?;
    let tokens = Tokens::new(variable(&options.access_token_variable), variable(&options.id_token_variable));
    Ok(Arc::new(CloudRun {
        api: Api::new(PLATFORM, connection.endpoint.as_deref().unwrap_or(ENDPOINT), None)?,
        logging: Api::new(PLATFORM, &options.logging_endpoint, None)?,
        monitoring: Api::new(PLATFORM, &options.monitoring_endpoint, None)?,
        tokens,
        plain_way,
        connection,
        options,
        project,
        region,
    }))
}

#[async_trait]
impl Platform for CloudRun {
    fn name(&self) -> &str {
        PLATFORM
    }

    fn target(&self) -> &str {
        &self.connection.target
    }

    fn memory_bytes_allowed(&self) -> Allowed {
        check::memory_allowed(self.options.execution_environment)
    }

    fn cpus_allowed(&self) -> Allowed {
        check::cpus_allowed(self.options.execution_environment)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            asynchronous: false,
            cold_start: match self.options.force_cold {
                ForceCold::Revision => ColdStart::ByUpdate,
                ForceCold::ManualZero => ColdStart::Forced,
            },
            scale: true,
            keep_alive: false,
            memory_limit: true,
            cpu_limit: true,
            concurrency: true,
            logs: true,
            metrics: true,
            // Instances are billed, not calls.
            billing: false,
            nested_calls: self.has_nested_calls(),
            local_processes: false,
        }
    }

    fn repeated_requests(&self) -> Option<u64> {
        Some(self.api.repeated() + self.logging.repeated() + self.monitoring.repeated())
    }

    fn image_kind(&self) -> ImageKind {
        ImageKind::OciWithCaller
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        let path = format!("{}?pageSize=1", self.services());
        self.ask(ApiRequest::new("asking Cloud Run for services", Method::GET, path), &[]).await?;
        let mut remarks = vec![format!("project {}, region {}", self.project, self.region)];
        if self.options.nested_calls && !self.has_nested_calls() {
            remarks.push(
                "functions can't call each other: name the account that they run as in `service-account`; one without any role \
                 will do, as each service lets it in"
                    .to_owned(),
            );
        }
        Ok(Reached { version: format!("Cloud Run Admin API {}", self.options.api_version), remarks })
    }

    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        self.create_or_update(spec, ledger).await
    }

    fn requests(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        self.planned(spec)
    }

    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        self.wait_for_image(deployment, patience).await
    }

    async fn http_call(&self, deployment: &Deployment) -> Result<Option<HttpCall>, PlatformError> {
        let Some(url) = &deployment.url else { return Ok(None) };
        let token = self.caller_token(url).await?;
        let call = HttpCall::to(url);
        Ok(Some(match token {
            Some(token) => {
                let valid_for = lifetime(&token, SystemTime::now());
                call.with("authorization", format!("Bearer {token}")).valid_for(valid_for)
            }
            None => call,
        }))
    }

    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        self.call(deployment, invocation).await
    }

    async fn force_cold(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        match self.options.force_cold {
            ForceCold::Revision => self.new_revision(deployment).await,
            ForceCold::ManualZero => self.end_all_instances(deployment).await,
        }
    }

    async fn scale(&self, deployment: &Deployment, scale: &Scale) -> Result<(), PlatformError> {
        self.change_scale(deployment, scale).await
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

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        self.remove_one(resource).await
    }

    async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        self.marked().await
    }
}
