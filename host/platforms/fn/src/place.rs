//! At which server things are: what is at one is neither written over nor looked for at another.

use platform::{DeploymentSpec, PlatformError, Resource, ResourceEntry};
use serde_json::{Value, json};

use crate::fn_platform::FnPlatform;
use crate::plan::{FUNCTION, IMAGE, TRIGGER};

impl FnPlatform {
    /// The target's server.
    pub(crate) fn endpoint(&self) -> &str {
        self.api.api.base().as_str()
    }

    /// What the ledger has of a function or a trigger before it is there.
    pub(crate) fn place(&self) -> Value {
        json!({ "endpoint": self.endpoint(), "app": self.options.app })
    }

    /// Refuses to deploy here what is deployed elsewhere: what is there would be forgotten.
    pub(crate) fn check_place(&self, spec: &DeploymentSpec, known: &[ResourceEntry]) -> Result<(), PlatformError> {
        for Resource { kind, details, .. } in known.iter().map(|entry| &entry.resource) {
            // An image's name says where it is.
            if kind == IMAGE {
                continue;
            }
            let app = details["app"].as_str().filter(|_| matches!(kind.as_str(), FUNCTION | TRIGGER));
            let endpoint = details["endpoint"].as_str();
            if endpoint.is_none_or(|endpoint| endpoint == self.endpoint())
                && app.is_none_or(|app| app == self.options.app)
            {
                continue;
            }
            let place = match (endpoint, app) {
                (Some(endpoint), Some(app)) => format!("the app {app} at {endpoint}"),
                (Some(endpoint), None) => endpoint.to_owned(),
                (None, app) => format!("the app {}", app.unwrap_or_default()),
            };
            return Err(PlatformError::Invalid(format!(
                "{} was deployed to {place}, which is not where the target `{target}` is now; `faasbench undeploy {} \
                 --platform {target}` there first",
                spec.name,
                spec.name,
                target = self.connection.target
            )));
        }
        Ok(())
    }

    /// Refuses to remove at this server what is at another: that it is not here says nothing.
    pub(crate) fn check_server_of(&self, resource: &Resource) -> Result<(), PlatformError> {
        match resource.details["endpoint"].as_str() {
            Some(endpoint) if endpoint != self.endpoint() => Err(PlatformError::Invalid(format!(
                "the {} {} is at {endpoint}, and the target `{}` at {}; set its `endpoint` to the former to remove it",
                resource.kind,
                resource.name,
                resource.target,
                self.endpoint()
            ))),
            _ => Ok(()),
        }
    }
}
