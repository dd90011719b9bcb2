//! Removing what was made, and finding it.

use std::time::Duration;

use platform::{Found, PlatformError, Resource};

use crate::deploy::IMAGE;
use crate::mark::{DEPLOYMENT_LABEL, PLATFORM_LABEL, deployment_of};
use crate::object::{
    DEPLOYMENT, FISSION_FUNCTION, FISSION_TRIGGER, KNATIVE_SERVICE, Kind, RIFF_CORE_DEPLOYER, RIFF_KNATIVE_DEPLOYER,
    SECRET, SERVICE,
};
use crate::platform_on_cluster::PlatformOnCluster;
use crate::ready::name_of;

/// How long an object may take to go.
const OBJECT: Duration = Duration::from_secs(60);
/// How long its pods may: Knative's drain for 30 s, and end within the time that a request may take.
const PODS: Duration = Duration::from_secs(360);

/// All kinds that are ever made.
const KINDS: [&Kind; 8] = [
    &SECRET,
    &SERVICE,
    &DEPLOYMENT,
    &KNATIVE_SERVICE,
    &FISSION_FUNCTION,
    &FISSION_TRIGGER,
    &RIFF_CORE_DEPLOYER,
    &RIFF_KNATIVE_DEPLOYER,
];

/// Whether pods run for what the ledger calls by this word.
pub(crate) fn has_pods(word: &str) -> bool {
    KINDS.iter().any(|kind| kind.word == word && kind.has_pods)
}

/// Whether a text can be one part of a path of the API.
fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    !text.is_empty() && text.bytes().all(is_allowed) && !text.starts_with('.')
}

impl PlatformOnCluster {
    /// Removes one thing.
    pub(crate) async fn take_away(&self, resource: &Resource) -> Result<(), PlatformError> {
        if resource.kind == IMAGE {
            return self.connection.registry()?.remove(&resource.name).await;
        }
        let kind = *KINDS.iter().find(|kind| kind.word == resource.kind).ok_or_else(|| {
            PlatformError::Invalid(format!(
                "{} has made no {} such as `{}`",
                self.flavour.name(),
                resource.kind,
                resource.name
            ))
        })?;
        let details = self.remembered(&resource.name, &resource.details)?;
        for part in [&details.namespace, &resource.name] {
            if !is_name(part) {
                return Err(PlatformError::Invalid(format!(
                    "the ledger's {} {part:?} is no name of Kubernetes",
                    resource.kind
                )));
            }
        }
        let id = &resource.deployment;
        let was_ours = self.cluster.delete(&details.namespace, kind, &resource.name, id, OBJECT).await?;
        if was_ours && kind.has_pods {
            self.cluster.wait_until_no_pods(&details.namespace, id, PODS).await?;
        }
        Ok(())
    }

    /// Everything in the cluster that carries our mark and this platform's; of the namespace alone where no more may be seen.
    pub(crate) async fn marked(&self) -> Result<Vec<Found>, PlatformError> {
        let kinds = self.flavour.kinds();
        let labels = format!("{DEPLOYMENT_LABEL},{PLATFORM_LABEL}={}", self.flavour.name());
        let mut found = Vec::new();
        for kind in [&SECRET, kinds.main].into_iter().chain(kinds.others.iter().copied()) {
            let objects = match self.cluster.list(kind, None, &labels).await {
                Err(PlatformError::Denied { .. }) => {
                    self.cluster.list(kind, Some(self.cluster.namespace()), &labels).await?
                }
                objects => objects?,
            };
            for object in objects {
                // What a controller made for one of ours has its labels, and goes with it.
                if object["metadata"]["ownerReferences"][0].is_object() {
                    continue;
                }
                let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
                let name = name_of(&object);
                let is_here = namespace == self.cluster.namespace();
                found.push(Found {
                    kind: kind.word.to_owned(),
                    name: if is_here { name.to_owned() } else { format!("{namespace}/{name}") },
                    deployment: deployment_of(&object).unwrap_or_default().to_owned(),
                });
            }
        }
        Ok(found)
    }
}
