//! The platform itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use image_kind::ImageKind;
use platform::{
    Allowed, Answer, Capabilities, ColdStart, Deployment, DeploymentSpec, Found, HttpCall, Invocation, Ledger, LogLine,
    PlannedRequest, Platform, PlatformError, ProviderMetric, Reached, Resource, Scale, Status,
};
use remote_platform::{Api, Connection};
use tokio::sync::Mutex;

use crate::arm::Arm;
use crate::credentials::{PLATFORM, Tokens};
use crate::{AuthLevel, Options, Plan, check};

/// Where ARM is.
const ENDPOINT: &str = "https://management.azure.com";

/// Azure Functions in one region of one subscription.
pub(crate) struct Azure {
    pub(crate) connection: Connection,
    pub(crate) options: Options,
    pub(crate) subscription: String,
    pub(crate) region: String,
    pub(crate) arm: Arm,
    pub(crate) insights: Api,
    /// Functions' keys by their site: never written anywhere.
    pub(crate) keys: Mutex<HashMap<String, String>>,
    /// The key of nested calls, once it is known. It is made by one deployment while others wait.
    pub(crate) calls_key: Mutex<Option<String>>,
}

/// The Azure Functions of a target. Asks nothing yet, nor for a token.
///
/// # Errors
/// When the options can't be used.
pub fn connect(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    connect_with(connection, &|name| std::env::var(name).ok())
}

/// The same with an environment of the caller's own; Azure's own chain has the process's beside it.
///
/// # Errors
/// When the options can't be used.
pub fn connect_with(
    connection: Connection,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<Arc<dyn Platform>, PlatformError> {
    let options: Options = connection.options()?;
    check::options(&options)?;
    let missing = |what: &str| {
        PlatformError::Invalid(format!(
            "the target `{}` names no {what}; set `{what} = \"...\"` in [targets.{}.options]",
            connection.target, connection.target
        ))
    };
    let subscription = options.subscription.clone().or_else(|| variables("AZURE_SUBSCRIPTION_ID"));
    let subscription = subscription.ok_or_else(|| missing("subscription"))?;
    let region = options.region.clone().ok_or_else(|| missing("region"))?;
    check::place(&subscription, &region)?;
    let api = Api::new(PLATFORM, connection.endpoint.as_deref().unwrap_or(ENDPOINT), None)?;
    let insights = Api::new(PLATFORM, &options.insights_endpoint, None)?;
    let arm = Arm {
        api,
        tokens: Tokens::new(&options.access_token_variable, variables)?,
        scope: options.arm_scope.clone(),
        patience: Duration::from_secs(options.operation_patience_s),
        secrets: Default::default(),
    };
    let (keys, calls_key) = (Mutex::default(), Mutex::default());
    Ok(Arc::new(Azure { connection, options, subscription, region, arm, insights, keys, calls_key }))
}

#[async_trait]
impl Platform for Azure {
    fn name(&self) -> &str {
        PLATFORM
    }

    fn target(&self) -> &str {
        &self.connection.target
    }

    fn memory_bytes_allowed(&self) -> Allowed {
        Allowed::OneOf(check::FLEX_MEMORY_MIB.map(|mib| (mib << 20) as f64).to_vec())
    }

    fn capabilities(&self) -> Capabilities {
        let is_flex = self.options.plan == Plan::Flex;
        Capabilities {
            asynchronous: false,
            cold_start: ColdStart::Forced,
            scale: true,
            keep_alive: false,
            memory_limit: is_flex,
            cpu_limit: false,
            concurrency: is_flex,
            logs: self.options.application_insights,
            metrics: true,
            // Executions are billed together, and told only later.
            billing: false,
            nested_calls: self.options.nested_calls,
            local_processes: false,
        }
    }

    fn repeated_requests(&self) -> Option<u64> {
        Some(self.arm.api.repeated() + self.insights.repeated())
    }

    fn image_kind(&self) -> ImageKind {
        ImageKind::AzureZip
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        self.check_region().await?;
        let remarks = vec![format!("subscription {}, region {}", self.subscription, self.region)];
        Ok(Reached { version: format!("Azure Functions, Microsoft.Web {}", self.options.api_versions.web), remarks })
    }

    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        self.create_or_update(spec, ledger).await
    }

    fn requests(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        self.planned(spec)
    }

    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        self.wait_for_new_instance(deployment, patience).await
    }

    async fn http_call(&self, deployment: &Deployment) -> Result<Option<HttpCall>, PlatformError> {
        let Some(call) = deployment.url.clone().map(HttpCall::to) else { return Ok(None) };
        Ok(Some(match self.options.auth_level {
            AuthLevel::Function => call.with("x-functions-key", self.key(deployment).await?),
            AuthLevel::Anonymous => call,
        }))
    }

    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        self.call(deployment, invocation).await
    }

    async fn force_cold(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        self.restart(deployment).await
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
