//! Deploying for an experiment, with the durable ledger.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use experiments::{Deployer, Site};
use platform::{Deployment, DeploymentId, DeploymentSpec, PlatformError};

use crate::deployments::{self, DeployError, Deploying};
use crate::platforms;
use crate::results::{DurableLedger, RunNumber};

/// How long a deployment may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(300);

/// Deploys with the ledger of a results database, for a run.
pub struct LedgerDeployer {
    ledger: Arc<DurableLedger>,
    run: RunNumber,
}

impl LedgerDeployer {
    /// For this run.
    pub fn new(ledger: Arc<DurableLedger>, run: RunNumber) -> LedgerDeployer {
        LedgerDeployer { ledger, run }
    }

    async fn make(&self, site: &Site, spec: DeploymentSpec) -> Result<Deployment, PlatformError> {
        let kind = platforms::find(site.platform.name()).map_err(|error| PlatformError::Invalid(error.to_string()))?;
        let how = Deploying { run: Some(self.run), on_this_machine: kind.on_this_machine, ready_within: READY_WITHIN };
        let deployed = deployments::deploy(&*site.platform, &self.ledger, spec, how).await.map_err(of_deploying)?;
        Ok(deployed.deployment)
    }
}

#[async_trait]
impl Deployer for LedgerDeployer {
    async fn deploy(&self, site: &Site, spec: DeploymentSpec) -> Result<Deployment, PlatformError> {
        // Names of experiments carry the deployment's id; another one is somebody's, who would lose it at the experiment's end.
        let known = self.ledger.deployments().await.map_err(|error| of_deploying(DeployError::Store(error)))?;
        let is_taken = known
            .iter()
            .any(|entry| entry.target == site.platform.target() && entry.name == spec.name && entry.id != spec.id);
        if is_taken {
            return Err(PlatformError::Invalid(format!(
                "`{}` is deployed on {} already, and an experiment does not touch what it did not make; `faasbench undeploy {} \
                 --platform {}` removes it",
                spec.name, site.target, spec.name, site.target
            )));
        }
        self.make(site, spec).await
    }

    async fn update(&self, site: &Site, spec: DeploymentSpec) -> Result<Deployment, PlatformError> {
        self.make(site, spec).await
    }

    async fn remove(&self, site: &Site, id: &DeploymentId) -> Result<(), PlatformError> {
        let known = self.ledger.deployments().await.map_err(|error| of_deploying(DeployError::Store(error)))?;
        if !known.iter().any(|entry| entry.id == *id) {
            // It never came to be.
            return Ok(());
        }
        let left = deployments::remove(&*site.platform, &self.ledger, id).await.map_err(of_deploying)?;
        match left.first() {
            None => Ok(()),
            Some(first) => Err(PlatformError::Failed {
                platform: site.target.clone(),
                doing: format!("removing the {} {}", first.resource.kind, first.resource.name),
                reason: format!("{}; it is in the ledger, and `faasbench undeploy --all` tries again", first.error),
            }),
        }
    }
}

fn of_deploying(error: DeployError) -> PlatformError {
    match error {
        DeployError::Platform(error) => error,
        error => PlatformError::Ledger(platform::LedgerError(format!("{:#}", anyhow::Error::new(error)))),
    }
}
