//! Where things are: what is in one place is neither written over nor looked for in another.

use platform::{DeploymentSpec, PlatformError, Resource, ResourceEntry};
use serde_json::{Value, json};

use crate::nuclio_platform::NuclioPlatform;
use crate::plan::IMAGE;

impl NuclioPlatform {
    /// What the ledger has of a function or a project.
    pub(crate) fn place(&self) -> Value {
        json!({ "endpoint": self.control.api.base().as_str(), "namespace": self.control.namespace })
    }

    /// Where a thing is that is not where this target is now.
    fn elsewhere(&self, resource: &Resource) -> Option<String> {
        // An image's name, or its daemon, says where it is.
        if resource.kind == IMAGE {
            return None;
        }
        let (here, there) = (self.place(), &resource.details);
        let is_here = |key: &str| there[key].is_null() || there[key] == here[key];
        if is_here("endpoint") && is_here("namespace") {
            return None;
        }
        // One that is not written down is this one.
        let text = |key: &str| there[key].as_str().or(here[key].as_str()).unwrap_or_default().to_owned();
        Some(format!("the namespace {} at {}", text("namespace"), text("endpoint")))
    }

    /// Refuses to deploy here what is deployed elsewhere: what is there would be forgotten.
    pub(crate) fn check_place(&self, spec: &DeploymentSpec, known: &[ResourceEntry]) -> Result<(), PlatformError> {
        match known.iter().find_map(|entry| self.elsewhere(&entry.resource)) {
            None => Ok(()),
            Some(place) => Err(PlatformError::Invalid(format!(
                "{name} was deployed to {place}, which is not where the target `{target}` is now; `faasbench undeploy \
                 {name} --platform {target}` there first",
                name = spec.name,
                target = self.connection.target
            ))),
        }
    }

    /// Refuses to remove here what is elsewhere: that it is not here says nothing.
    pub(crate) fn check_place_of(&self, resource: &Resource) -> Result<(), PlatformError> {
        match self.elsewhere(resource) {
            None => Ok(()),
            Some(place) => Err(PlatformError::Invalid(format!(
                "the {} {} is in {place}; set the `endpoint` and the option `namespace` of the target `{}` to these to \
                 remove it",
                resource.kind, resource.name, resource.target
            ))),
        }
    }
}
