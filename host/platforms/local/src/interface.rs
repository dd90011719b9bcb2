//! The interface of all platforms, over the parts here.

use std::time::Duration;

use async_trait::async_trait;
use image_kind::ImageKind;
use platform::{
    Answer, Billing, CallId, Capabilities, ColdStart, Deployment, DeploymentSpec, Found, Invocation, Ledger, LogLine,
    Platform, PlatformError, ProviderMetric, Reached, Readiness, Resource, Scale, Status,
};

use crate::local_platform::{DEPLOYMENT, LocalPlatform};
use crate::pool::Proof;

#[async_trait]
impl Platform for LocalPlatform {
    fn name(&self) -> &str {
        self.inner.driver.platform()
    }

    fn target(&self) -> &str {
        &self.inner.target
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            asynchronous: true,
            cold_start: ColdStart::Forced,
            scale: true,
            keep_alive: true,
            logs: true,
            metrics: true,
            billing: true,
            nested_calls: true,
            ..self.inner.driver.capabilities()
        }
    }

    fn image_kind(&self) -> ImageKind {
        self.inner.driver.image_kind()
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        self.inner.driver.reach().await
    }

    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        self.inner.deploy(spec, ledger).await
    }

    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        let name = &deployment.spec.name;
        let deployed = self.inner.get(name, Some(&deployment.spec.id))?;
        let proven = tokio::time::timeout(patience, async { deployed.pool().proven().await }).await;
        proven.unwrap_or_else(|_| {
            let logs = deployed.book.journal.last(LAST_LINES);
            Err(PlatformError::NotReady { name: name.clone(), waited: patience, logs })
        })
    }

    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        self.inner.outside_call(&deployment.spec.name, Some(&deployment.spec.id), invocation).await
    }

    async fn invoke_async(&self, deployment: &Deployment, invocation: &Invocation) -> Result<CallId, PlatformError> {
        self.inner.invoke_later(deployment, invocation)
    }

    async fn take_result(&self, deployment: &Deployment, call: &CallId) -> Result<Option<Answer>, PlatformError> {
        let deployed = self.inner.get(&deployment.spec.name, Some(&deployment.spec.id))?;
        deployed.later.take(call).map_err(|()| {
            PlatformError::Invalid(format!(
                "{} knows no call `{}`: it was never made, its answer was fetched, or nobody did for too long",
                deployment.spec.name, call.0
            ))
        })
    }

    async fn force_cold(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        let deployed = self.inner.get(&deployment.spec.name, Some(&deployment.spec.id))?;
        let _changing = deployed.change.lock().await;
        deployed.pool().force_cold().await;
        Ok(())
    }

    async fn scale(&self, deployment: &Deployment, scale: &Scale) -> Result<(), PlatformError> {
        self.inner.scale(deployment, scale).await
    }

    async fn status(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        let Ok(deployed) = self.inner.get(&deployment.spec.name, Some(&deployment.spec.id)) else {
            let readiness = Readiness::Missing;
            return Ok(Status { readiness, message: None, instances: None, waiting: None, image_digest: None });
        };
        let pool = deployed.pool();
        let (readiness, message) = match pool.proof() {
            Proof::Pending => (Readiness::Pending, None),
            Proof::Ready => (Readiness::Ready, None),
            Proof::Failed(error) => (Readiness::Failed, Some(error.to_string())),
        };
        let waiting = pool.lock().waiting();
        Ok(Status {
            readiness,
            message,
            instances: Some(pool.instances()),
            waiting: Some(waiting),
            image_digest: Some(pool.spec.image.digest.clone()),
        })
    }

    async fn logs(&self, deployment: &Deployment, since_unix_ns: u64) -> Result<Vec<LogLine>, PlatformError> {
        Ok(self.inner.get(&deployment.spec.name, Some(&deployment.spec.id))?.book.journal.since(since_unix_ns))
    }

    async fn metrics(&self, deployment: &Deployment) -> Result<Vec<ProviderMetric>, PlatformError> {
        let deployed = self.inner.get(&deployment.spec.name, Some(&deployment.spec.id))?;
        let pool = deployed.pool();
        let alive = pool.instances().iter().map(|instance| Duration::from_micros(instance.age_us)).sum();
        let waiting = pool.lock().waiting();
        Ok(deployed.book.accounts.metrics(alive, waiting))
    }

    async fn billing(&self, deployment: &Deployment, call: &CallId) -> Result<Option<Billing>, PlatformError> {
        Ok(self.inner.get(&deployment.spec.name, Some(&deployment.spec.id))?.book.accounts.billing(call))
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        if resource.kind == DEPLOYMENT {
            // One of another process ended with it.
            return self.inner.undeploy(&resource.deployment).await;
        }
        self.inner.driver.remove(resource).await
    }

    async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        self.inner.driver.find_marked().await
    }
}

/// Lines of the log in an error.
const LAST_LINES: usize = 20;
