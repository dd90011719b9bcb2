//! When a deployment is ready, and forcing another state.

use std::time::Duration;

use platform::{Deployment, PlatformError};
use tokio::time::{Instant, sleep};

use crate::control::failed;
use crate::nuclio_platform::{NuclioPlatform, missing};
use crate::objects::Function;
use crate::options::Installation;
use crate::plan::{COLD, Details, REVISION};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// What is added to Nuclio's own patience.
const MARGIN: Duration = Duration::from_secs(30);

impl NuclioPlatform {
    /// Waits until the dashboard calls the state with this revision and this image ready. Its local platform has removed the
    /// old container before it accepts an update; on Kubernetes the old replicas must be gone.
    pub(crate) async fn wait(
        &self,
        deployment: &Deployment,
        details: &Details,
        patience: Duration,
    ) -> Result<(), PlatformError> {
        let begin = Instant::now();
        loop {
            let found = self.control.function(&deployment.spec.name).await?;
            let found = found.filter(|function| function.metadata.is_of(&deployment.spec.id));
            let Some(function) = found else { return Err(missing(deployment)) };
            let Some(said) = self.look(deployment, details, &function).await? else { return Ok(()) };
            if begin.elapsed() + PAUSE > patience {
                return Err(PlatformError::NotReady {
                    name: deployment.spec.name.clone(),
                    waited: begin.elapsed(),
                    logs: said,
                });
            }
            sleep(PAUSE).await;
        }
    }

    /// Why it is not ready yet; `None` when it is.
    async fn look(
        &self,
        deployment: &Deployment,
        details: &Details,
        function: &Function,
    ) -> Result<Option<String>, PlatformError> {
        let name = &deployment.spec.name;
        let is_ours = function.variable(REVISION) == Some(&details.revision) && function.image() == details.image;
        if !is_ours || details.cold.as_deref().is_some_and(|cold| function.variable(COLD) != Some(cold)) {
            return Err(failed(
                &format!("waiting until {name} is ready"),
                "it was changed by somebody else meanwhile; deploy it again".to_owned(),
            ));
        }
        let status = self.shown(&function.status);
        match status.state.as_str() {
            "ready" | "scaledToZero" => {}
            "error" | "unhealthy" => {
                return Err(PlatformError::ExitedAtStart {
                    name: name.clone(),
                    reason: format!("Nuclio says {}: {}", status.state, status.reason()),
                    logs: status.log(),
                });
            }
            state => return Ok(Some(format!("its state is {state:?}; {}", status.log()))),
        }
        if self.options.installation == Installation::Kubernetes
            && !details.old_replicas.is_empty()
            && let Some(replicas) = self.control.replicas(name).await?
            && let Some(old) = replicas.iter().find(|replica| details.old_replicas.contains(replica))
        {
            return Ok(Some(format!("the replica {old} from before the update is still there")));
        }
        Ok(None)
    }

    /// Makes the function anew, with what `change` makes of its specification, and waits until it is ready.
    pub(crate) async fn renew(
        &self,
        deployment: &Deployment,
        change: impl FnOnce(&mut platform::DeploymentSpec),
    ) -> Result<(), PlatformError> {
        let old = self.details(deployment)?;
        let found = self.control.function(&deployment.spec.name).await?;
        let found = found.filter(|function| function.metadata.is_of(&deployment.spec.id));
        let Some(found) = found else { return Err(missing(deployment)) };
        let mut spec = deployment.spec.clone();
        // What was scaled since then stays.
        let replicas = |key: &str| found.spec[key].as_u64().and_then(|replicas| u32::try_from(replicas).ok());
        spec.scale.minimum_instances = replicas("minReplicas").or(spec.scale.minimum_instances);
        spec.scale.maximum_instances = replicas("maxReplicas").or(spec.scale.maximum_instances);
        change(&mut spec);
        crate::check::scale(&spec.name, &spec.scale, &self.options).map_err(PlatformError::Invalid)?;
        // The image that it has now: it may have been updated since this deployment was written down.
        let image = if found.image().is_empty() { old.image } else { found.image().to_owned() };
        let details = Details {
            // It stays the state of the same deployment.
            revision: found.variable(REVISION).unwrap_or(&old.revision).to_owned(),
            cold: Some(self.revision()),
            old_replicas: self.old_replicas(&spec.name).await?,
            image,
        };
        let mut environment = self.environment(&spec, &details.revision);
        environment.extend(details.cold.clone().map(|cold| (COLD.to_owned(), cold)));
        let body = self.function_body(&spec, &details.image, &environment);
        self.control.update_function(&spec.name, &body).await?;
        let patience = Duration::from_secs(u64::from(self.options.readiness_timeout_s)) + MARGIN;
        self.wait(deployment, &details, patience).await
    }

    /// The replicas that an update will replace.
    pub(crate) async fn old_replicas(&self, name: &str) -> Result<Vec<String>, PlatformError> {
        match self.options.installation {
            Installation::Local => Ok(Vec::new()),
            Installation::Kubernetes => Ok(self.control.replicas(name).await?.unwrap_or_default()),
        }
    }
}
