//! What every platform on Kubernetes is made of.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use platform::{Deployment, PlatformError};
use remote_platform::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::flavours::{Flavour, Place};
use crate::options::ClusterOptions;
use crate::route::Route;

/// A platform on a cluster.
pub(crate) struct PlatformOnCluster {
    pub(crate) connection: Connection,
    pub(crate) options: ClusterOptions,
    pub(crate) cluster: Cluster,
    pub(crate) flavour: Box<dyn Flavour>,
    /// The ways to functions that are known, by name.
    routes: Mutex<HashMap<String, Route>>,
}

/// What is remembered of a deployment, and of each thing that was made for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Details {
    /// The API server.
    pub(crate) server: String,
    pub(crate) namespace: String,
    /// The image's name, for a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<String>,
    /// The way to it, for a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<Route>,
    /// How many requests had to be repeated, for a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repeated_requests: Option<u32>,
}

/// What was remembered, of whichever cluster.
pub(crate) fn of_ledger(name: &str, details: &Value) -> Result<Details, PlatformError> {
    serde_json::from_value(details.clone()).map_err(|error| {
        PlatformError::Invalid(format!("what is remembered of `{name}` is not a deployment's on Kubernetes: {error}"))
    })
}

impl PlatformOnCluster {
    pub(crate) fn new(
        connection: Connection,
        options: ClusterOptions,
        cluster: Cluster,
        flavour: Box<dyn Flavour>,
    ) -> PlatformOnCluster {
        PlatformOnCluster { connection, options, cluster, flavour, routes: Mutex::default() }
    }

    pub(crate) fn place(&self) -> Place<'_> {
        let domain = self.options.cluster_domain.as_deref().unwrap_or("cluster.local");
        Place { namespace: self.cluster.namespace(), domain }
    }

    /// Details of what is on this cluster.
    pub(crate) fn details(&self) -> Details {
        Details {
            server: self.cluster.server(),
            namespace: self.cluster.namespace().to_owned(),
            image: None,
            route: None,
            repeated_requests: None,
        }
    }

    /// What was remembered; refused when it is of another cluster than the target's now: there, nothing would be found, and
    /// taken for removed.
    pub(crate) fn remembered(&self, name: &str, details: &Value) -> Result<Details, PlatformError> {
        let details = of_ledger(name, details)?;
        if details.server != self.cluster.server() {
            return Err(PlatformError::Invalid(format!(
                "`{name}` is on the cluster at {}, but the target `{}` is the one at {} now; set `context` in its options to the \
                 other one's",
                details.server,
                self.connection.target,
                self.cluster.server()
            )));
        }
        Ok(details)
    }

    /// The same of a deployment, which also must be in the target's namespace.
    pub(crate) fn remembered_deployment(&self, deployment: &Deployment) -> Result<Details, PlatformError> {
        let name = &deployment.spec.name;
        let details = self.remembered(name, &deployment.details)?;
        if details.namespace != self.cluster.namespace() {
            return Err(PlatformError::Invalid(format!(
                "`{name}` is in the namespace {}, but the target `{}` is in {} now; set `namespace` in its options",
                details.namespace,
                self.connection.target,
                self.cluster.namespace()
            )));
        }
        Ok(details)
    }

    /// The way to a deployment.
    pub(crate) async fn route_to(&self, deployment: &Deployment) -> Result<Route, PlatformError> {
        let name = &deployment.spec.name;
        if let Some(route) = self.remembered_deployment(deployment)?.route {
            return Ok(route);
        }
        if let Some(route) = self.known_routes().get(name) {
            return Ok(route.clone());
        }
        let route = self
            .flavour
            .route(&self.cluster, name)
            .await?
            .ok_or_else(|| PlatformError::NotFound { platform: self.flavour.name().to_owned(), name: name.clone() })?;
        self.known_routes().insert(name.clone(), route.clone());
        Ok(route)
    }

    fn known_routes(&self) -> std::sync::MutexGuard<'_, HashMap<String, Route>> {
        // Nothing in here panics half way.
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
