//! Where actions are: the endpoint, and the namespace by its own name.

use platform::{DeploymentSpec, Ledger, PlatformError, Resource};
use remote_platform::{ApiRequest, Method};

use crate::credentials::PLATFORM;
use crate::deploy::ACTION;
use crate::platform::OpenWhisk;

/// The namespace of whichever key asks.
const OF_THE_KEY: &str = "_";

/// Where a target's actions are.
pub(crate) struct Place {
    pub(crate) endpoint: String,
    pub(crate) namespace: String,
}

impl Place {
    /// Where a resource is instead, when its details say that it is not here. An old ledger says less.
    fn other_of(&self, resource: &Resource) -> Option<String> {
        let text = |key: &str| resource.details[key].as_str();
        let endpoint = text("endpoint").unwrap_or(&self.endpoint);
        let namespace = text("namespace").filter(|name| *name != OF_THE_KEY).unwrap_or(&self.namespace);
        let is_here = endpoint == self.endpoint && namespace == self.namespace;
        (!is_here).then(|| format!("the namespace {namespace} of {endpoint}"))
    }
}

impl OpenWhisk {
    /// Whether only the key says which namespace it is.
    pub(crate) fn namespace_is_the_keys(&self) -> bool {
        self.options.namespace == OF_THE_KEY
    }

    pub(crate) fn get_namespaces(&self) -> ApiRequest {
        let path = format!("/api/{}/namespaces", self.options.api_version);
        ApiRequest::new("asking OpenWhisk for the key's namespaces", Method::GET, path)
    }

    /// Where the target's actions are now.
    pub(crate) async fn place(&self) -> Result<Place, PlatformError> {
        let namespace = if self.namespace_is_the_keys() {
            let request = self.get_namespaces();
            let namespaces: Vec<String> = self.api.ask(&request, &[]).await?.json()?;
            namespaces.into_iter().next().ok_or_else(|| self.failed(&request.doing, "the key has none"))?
        } else {
            self.options.namespace.clone()
        };
        Ok(Place { endpoint: self.api.base().to_string(), namespace })
    }

    /// Refuses a deployment whose action is elsewhere: the ledger would forget that one.
    pub(crate) async fn must_stay(
        &self,
        spec: &DeploymentSpec,
        ledger: &dyn Ledger,
        place: &Place,
    ) -> Result<(), PlatformError> {
        for entry in ledger.resources(&spec.id).await? {
            let its = &entry.resource;
            let is_it = its.platform == PLATFORM && its.target == self.connection.target && its.kind == ACTION;
            if let Some(other) = place.other_of(its).filter(|_| is_it) {
                return Err(PlatformError::Invalid(format!(
                    "`{}` was deployed to {other}; `faasbench undeploy {} --platform {}` there first",
                    spec.name, spec.name, self.connection.target
                )));
            }
        }
        Ok(())
    }

    /// Refuses to look here for what is elsewhere.
    pub(crate) fn must_be_here(&self, resource: &Resource, place: &Place) -> Result<(), PlatformError> {
        match place.other_of(resource) {
            None => Ok(()),
            Some(other) => Err(PlatformError::Invalid(format!(
                "the action {} is in {other}, and the target `{}` is the namespace {} of {}; set the target back to remove it",
                resource.name, self.connection.target, place.namespace, place.endpoint
            ))),
        }
    }
}
