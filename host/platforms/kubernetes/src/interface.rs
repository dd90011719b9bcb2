//! The interface of a platform.

use std::time::Duration;

use async_trait::async_trait;
use hyper::Method;
use image_kind::ImageKind;
use platform::{
    Answer, CallId, Capabilities, Deployment, DeploymentSpec, Found, HttpCall, Invocation, Ledger, LogLine,
    PlannedRequest, Platform, PlatformError, ProviderMetric, Reached, Resource, Scale, Status,
};
use serde_json::Value;

use crate::cluster::Ask;
use crate::platform_on_cluster::PlatformOnCluster;
use crate::route;

/// How long an answer is waited for where nothing else is said.
const PATIENCE: Duration = Duration::from_secs(300);
/// How much longer than the deployment's time limit an answer is waited for.
const MARGIN: Duration = Duration::from_secs(10);

impl PlatformOnCluster {
    fn patience(&self, deployment: &Deployment, invocation: &Invocation) -> Duration {
        let limit = deployment.spec.limits.time.map(|time| time + MARGIN);
        // The instance gives up at the caller's patience and says so; that answer is worth waiting for.
        invocation.patience.map(|patience| patience + Duration::from_secs(1)).or(limit).unwrap_or(PATIENCE)
    }
}

#[async_trait]
impl Platform for PlatformOnCluster {
    fn name(&self) -> &str {
        self.flavour.name()
    }

    fn target(&self) -> &str {
        &self.connection.target
    }

    fn capabilities(&self) -> Capabilities {
        self.flavour.capabilities()
    }

    fn repeated_requests(&self) -> Option<u64> {
        Some(u64::from(self.cluster.repetitions()))
    }

    fn image_kind(&self) -> ImageKind {
        ImageKind::Oci
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        let ask = Ask::new("asking for its version", Method::GET, "/version");
        let version: Value = self.cluster.read(&ask).await?.unwrap_or_default();
        let version = format!("Kubernetes {}", version["gitVersion"].as_str().unwrap_or("of unknown version"));
        // Whether the kinds are there, and may be seen.
        self.cluster.list(self.flavour.kinds().main, Some(self.cluster.namespace()), "faasbench/none").await?;
        let mut remarks = self.flavour.remarks(&self.cluster).await?;
        let version = match self.flavour.name() {
            "kubernetes" => version,
            _ if remarks.is_empty() => version,
            _ => format!("{} on {version}", remarks.remove(0)),
        };
        remarks.insert(0, format!("namespace {} at {}", self.cluster.namespace(), self.cluster.server()));
        Ok(Reached { version, remarks })
    }

    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        self.make(spec, ledger).await
    }

    fn requests(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        self.planned(spec)
    }

    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        self.settled(deployment, patience, true).await
    }

    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        let route = self.route_to(deployment).await?;
        let patience = self.patience(deployment, invocation);
        route::invoke(&self.cluster, &route, &deployment.spec.name, invocation, patience).await
    }

    async fn http_call(&self, deployment: &Deployment) -> Result<Option<HttpCall>, PlatformError> {
        Ok(self.route_to(deployment).await?.http_call())
    }

    async fn invoke_async(&self, deployment: &Deployment, invocation: &Invocation) -> Result<CallId, PlatformError> {
        let Some(headers) = self.flavour.asynchronous() else {
            return Err(self.unsupported("invoke without waiting"));
        };
        let route = self.route_to(deployment).await?;
        route::accept(&self.cluster, &route, &deployment.spec.name, invocation, headers).await.map(CallId)
    }

    async fn take_result(&self, _: &Deployment, _: &CallId) -> Result<Option<Answer>, PlatformError> {
        Err(self.unsupported("tell the answer of a call without waiting"))
    }

    async fn force_cold(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        self.cool(deployment).await
    }

    async fn scale(&self, deployment: &Deployment, scale: &Scale) -> Result<(), PlatformError> {
        self.rescale(deployment, scale).await
    }

    async fn status(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        self.look_at(deployment).await
    }

    async fn logs(&self, deployment: &Deployment, since_unix_ns: u64) -> Result<Vec<LogLine>, PlatformError> {
        self.remembered_deployment(deployment)?;
        self.cluster.logs(&deployment.spec.id, since_unix_ns).await
    }

    async fn metrics(&self, deployment: &Deployment) -> Result<Vec<ProviderMetric>, PlatformError> {
        self.remembered_deployment(deployment)?;
        self.cluster.metrics(&deployment.spec.id).await
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        self.take_away(resource).await
    }

    async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        self.marked().await
    }
}
