//! A platform of this machine whose server does not run.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gateway::{Daemon, SERVED_FUNCTION, SERVER};
use image_build::ImageKind;
use local_platform::{DEPLOYMENT, Driver};
use platform::{
    Answer, Capabilities, Deployment, DeploymentSpec, Found, Invocation, Ledger, Platform, PlatformError, Reached,
    Readiness, Resource, Status,
};

/// What can be done without the server: looking at the machine, and removing what the server left.
pub(super) struct Stopped {
    driver: Arc<dyn Driver>,
    target: String,
}

impl Stopped {
    pub(super) fn new(driver: Arc<dyn Driver>, target: &str) -> Stopped {
        Stopped { driver, target: target.to_owned() }
    }

    fn unreachable(&self) -> PlatformError {
        PlatformError::Unreachable {
            platform: self.target.clone(),
            reason: "its server does not run any more, and what it served is gone with it".to_owned(),
            advice: format!("`faasbench deploy --platform {}` starts it and deploys again", self.target),
        }
    }
}

#[async_trait]
impl Platform for Stopped {
    fn name(&self) -> &str {
        self.driver.platform()
    }

    fn target(&self) -> &str {
        &self.target
    }

    fn capabilities(&self) -> Capabilities {
        self.driver.capabilities()
    }

    fn image_kind(&self) -> ImageKind {
        self.driver.image_kind()
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        self.driver.reach().await
    }

    async fn deploy(&self, _: &DeploymentSpec, _: &dyn Ledger) -> Result<Deployment, PlatformError> {
        Err(self.unreachable())
    }

    async fn wait_until_ready(&self, _: &Deployment, _: Duration) -> Result<(), PlatformError> {
        Err(self.unreachable())
    }

    async fn invoke(&self, _: &Deployment, _: &Invocation) -> Result<Answer, PlatformError> {
        Err(self.unreachable())
    }

    async fn logs(&self, _: &Deployment, _: u64) -> Result<Vec<platform::LogLine>, PlatformError> {
        Err(self.unreachable())
    }

    async fn status(&self, _: &Deployment) -> Result<Status, PlatformError> {
        Ok(Status {
            readiness: Readiness::Missing,
            message: Some(self.unreachable().to_string()),
            instances: None,
            waiting: None,
            image_digest: None,
        })
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        match resource.kind.as_str() {
            // What is within a process goes with it.
            SERVED_FUNCTION | DEPLOYMENT => Ok(()),
            SERVER => Daemon::remove(resource).await,
            _ => self.driver.remove(resource).await,
        }
    }

    async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        self.driver.find_marked().await
    }
}
