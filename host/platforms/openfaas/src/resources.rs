//! What is created, where that is, and its removal.

use std::time::{Duration, Instant};

use platform::{DeploymentId, DeploymentSpec, Ledger, PlatformError, Resource, ResourceState};
use serde_json::json;
use tokio::time::sleep;

use crate::function::FunctionStatus;
use crate::gateway::PLATFORM;
use crate::platform::{FUNCTION, IMAGE, OpenFaas};
use crate::template::{self, DEPLOYMENT_LABEL};

/// How long a function may take to go: Kubernetes ends its pods first.
const GONE: Duration = Duration::from_secs(120);
/// Between looks whether it has.
const PAUSE: Duration = Duration::from_millis(200);

impl OpenFaas {
    pub(crate) fn resource(&self, spec: &DeploymentSpec, kind: &str, name: &str) -> Resource {
        let details = match kind {
            FUNCTION => json!({ "gateway": self.gateway.api.base().as_str(), "namespace": self.options.namespace }),
            _ => json!({}),
        };
        self.connection.resource(&spec.id, kind, name, details)
    }

    /// Refuses to deploy here what is deployed elsewhere: what is there would be forgotten.
    pub(crate) async fn check_place(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<(), PlatformError> {
        let here = self.resource(spec, FUNCTION, &spec.name);
        for known in ledger.resources(&spec.id).await?.into_iter().map(|entry| entry.resource) {
            if known.kind != FUNCTION || known.name != here.name || known.target != here.target {
                continue;
            }
            if ["gateway", "namespace"].iter().all(|place| known.details[*place] == here.details[*place]) {
                continue;
            }
            let namespace = match known.details["namespace"].as_str() {
                Some(namespace) => format!("the namespace {namespace}"),
                None => "the usual namespace".to_owned(),
            };
            return Err(PlatformError::Invalid(format!(
                "{name} was deployed to {namespace} of the gateway {}, which is not where the target `{target}` is now; \
                 `faasbench undeploy {name} --platform {target}` there first",
                known.details["gateway"].as_str().unwrap_or("that the ledger does not name"),
                name = spec.name,
                target = self.connection.target
            )));
        }
        Ok(())
    }

    /// Brings the image to where the gateway's provider pulls it from; its name there.
    pub(crate) async fn push(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<String, PlatformError> {
        if let Some(template) = &self.options.image {
            return Ok(template::local_image(template, &spec.image));
        }
        let registry = self.connection.registry()?;
        let resource = self.resource(spec, IMAGE, &registry.reference(&spec.image, &spec.id).tagged);
        let (entry, _) = intended(ledger, &resource).await?;
        let pushed = registry.push(&spec.image, &spec.id).await?;
        ledger.created(entry, &json!({ "pinned": pushed.pinned })).await?;
        Ok(pushed.pinned)
    }

    /// The image's name, as far as it is known before anything is asked for.
    pub(crate) fn planned_image(&self, spec: &DeploymentSpec) -> Result<String, PlatformError> {
        match &self.options.image {
            Some(template) => Ok(template::local_image(template, &spec.image)),
            None => Ok(self.connection.registry()?.reference(&spec.image, &spec.id).pinned),
        }
    }

    pub(crate) async fn remove_function(&self, resource: &Resource) -> Result<(), PlatformError> {
        let name = &resource.name;
        if resource.details["namespace"].as_str() != self.options.namespace.as_deref() {
            return Err(PlatformError::Invalid(format!(
                "the function {name} is in another namespace than the target `{}` has now; set its option `namespace` to \
                 {} to remove it",
                resource.target, resource.details["namespace"]
            )));
        }
        let begin = Instant::now();
        let mut is_asked = false;
        loop {
            match self.gateway.find(name).await? {
                Some(found) if is_ours(&found, &resource.deployment) => {}
                // It is gone, or another has its name now; unless this is another gateway.
                _ if is_asked || resource.details["gateway"].as_str() == Some(self.gateway.api.base().as_str()) => {
                    return Ok(());
                }
                _ => {
                    return Err(PlatformError::Invalid(format!(
                        "the function {name} was made through the gateway {}, and the target `{}` has another one, which \
                         does not know it; set its endpoint to that one to remove it",
                        resource.details["gateway"], resource.target
                    )));
                }
            }
            if !is_asked {
                self.gateway.delete(name).await?;
                is_asked = true;
                continue;
            }
            if begin.elapsed() > GONE {
                return Err(PlatformError::Failed {
                    platform: PLATFORM.to_owned(),
                    doing: format!("removing the function {name}"),
                    reason: format!("it is still there after {} s", GONE.as_secs()),
                });
            }
            sleep(PAUSE).await;
        }
    }
}

pub(crate) fn is_ours(function: &FunctionStatus, deployment: &DeploymentId) -> bool {
    function.label(DEPLOYMENT_LABEL) == Some(deployment.as_str())
}

/// The ledger's entry of a resource, a new one where there is none yet; and whether it is known to exist.
pub(crate) async fn intended(
    ledger: &dyn Ledger,
    resource: &Resource,
) -> Result<(platform::ResourceId, bool), PlatformError> {
    let known = ledger.resources(&resource.deployment).await?;
    let same = |entry: &&platform::ResourceEntry| {
        entry.resource.kind == resource.kind
            && entry.resource.name == resource.name
            && entry.resource.target == resource.target
    };
    match known.iter().find(same) {
        Some(entry) => Ok((entry.id, entry.state == ResourceState::Created)),
        None => Ok((ledger.intend(resource).await?, false)),
    }
}
