//! Fission, with its container executor.

use async_trait::async_trait;
use platform::{Capabilities, ColdStart, DeploymentId, DeploymentSpec, PlatformError};
use serde_json::{Value, json};

use super::flavour::{Flavour, Kinds, Place, Progress, condition, refuse, words};
use crate::cluster::Cluster;
use crate::mark::{DEPLOYMENT_LABEL, SCALE_ANNOTATION, labels, revision_of};
use crate::object::{DEPLOYMENT, FISSION_FUNCTION, FISSION_TRIGGER, Object};
use crate::options::FissionOptions;
use crate::route::{self, Route, checked};
use crate::workload::Workload;

/// How long an instance may take to start, s (Fission's own default).
const START_S: u32 = 120;
/// How long a pod may take to end, s.
const GRACE_S: u32 = 15;
/// The most instances where nobody says: Fission wants a number.
const MAXIMUM_INSTANCES: u32 = 1;

/// The platform `fission`.
pub(crate) struct Fission {
    router: Option<String>,
    node_address: Option<String>,
    namespace: String,
}

impl Fission {
    /// # Errors
    /// When the router is no address.
    pub(crate) fn new(options: &FissionOptions, endpoint: Option<&str>) -> Result<Fission, PlatformError> {
        Ok(Fission {
            router: options.router.as_deref().or(endpoint).map(checked).transpose()?,
            node_address: options.node_address.clone(),
            namespace: options.fission_namespace.clone().unwrap_or_else(|| "fission".to_owned()),
        })
    }

    async fn router(&self, cluster: &Cluster) -> Result<Option<String>, PlatformError> {
        match &self.router {
            Some(router) => Ok(Some(router.clone())),
            None => route::outside(cluster, &self.namespace, "router", self.node_address.as_deref()).await,
        }
    }
}

/// The path of a function at the router, which is one for the whole cluster.
fn path(namespace: &str, name: &str) -> String {
    format!("/faasbench/{namespace}/{name}")
}

/// The least and the most instances that a spec means.
fn bounds(spec: &DeploymentSpec) -> (u32, u32) {
    let minimum = spec.scale.minimum_instances.unwrap_or(0);
    (minimum, spec.scale.maximum_instances.unwrap_or(minimum.max(MAXIMUM_INSTANCES)))
}

#[async_trait]
impl Flavour for Fission {
    fn name(&self) -> &'static str {
        "fission"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            // It takes calls without waiting, but nobody can ask for their answers.
            asynchronous: false,
            cold_start: ColdStart::Forced,
            scale: true,
            keep_alive: true,
            memory_limit: true,
            cpu_limit: true,
            concurrency: true,
            logs: true,
            metrics: true,
            billing: false,
            nested_calls: true,
            local_processes: false,
        }
    }

    fn kinds(&self) -> Kinds {
        Kinds { main: &FISSION_FUNCTION, others: &[&FISSION_TRIGGER], taken: &[] }
    }

    fn check(&self, spec: &DeploymentSpec) -> Result<(), PlatformError> {
        let (minimum, maximum) = bounds(spec);
        refuse(maximum == 0, "Fission needs a maximum of at least one instance; give --max 1 or more")?;
        refuse(maximum < minimum, format!("--min {minimum} is more than --max {maximum}"))?;
        for (what, time) in
            [("limits of time", spec.limits.time), ("times of keeping idle instances", spec.scale.keep_alive)]
        {
            refuse(
                time.is_some_and(|time| time.subsec_nanos() != 0 || time.as_secs() == 0),
                format!("Fission has {what} in whole seconds, from 1"),
            )?;
        }
        Ok(())
    }

    fn nested_calls(&self, place: Place<'_>) -> String {
        let path = path(place.namespace, "{name}");
        format!("http://router.{}.svc.{}{path}", self.namespace, place.domain)
    }

    fn objects(
        &self,
        place: Place<'_>,
        spec: &DeploymentSpec,
        workload: &Workload,
    ) -> Result<Vec<Object>, PlatformError> {
        let labels = labels(self.name(), spec);
        // Fission joins its own container with the one that has the function's name.
        let mut container = workload.container(&spec.name, "http-env", spec, true)?;
        let resources = container.resources.take();
        let (minimum, maximum) = bounds(spec);
        let mut pod = json!({"containers": [container], "terminationGracePeriodSeconds": GRACE_S});
        if let Some(secrets) = workload.pull_secrets() {
            pod["imagePullSecrets"] = json!(secrets);
        }
        let mut function = json!({
            "environment": {"namespace": ""},
            "package": {},
            "InvokeStrategy": {
                "StrategyType": "execution",
                "ExecutionStrategy": {
                    "ExecutorType": "container",
                    "MinScale": minimum,
                    "MaxScale": maximum,
                    "SpecializationTimeout": START_S,
                },
            },
            "podspec": pod,
        });
        if let Some(resources) = resources {
            function["resources"] = json!(resources);
        }
        if let Some(time) = spec.limits.time {
            function["functionTimeout"] = json!(time.as_secs());
        }
        if let Some(keep_alive) = spec.scale.keep_alive {
            function["idletimeout"] = json!(keep_alive.as_secs());
        }
        let trigger = json!({"spec": {
            "relativeurl": path(place.namespace, &spec.name),
            "methods": ["GET", "POST"],
            "functionref": {"type": "name", "name": spec.name},
        }});
        let annotations = [(SCALE_ANNOTATION.to_owned(), json!(spec.scale).to_string())].into();
        Ok(vec![
            Object::new(
                &FISSION_FUNCTION,
                place.namespace,
                &spec.name,
                &labels,
                &annotations,
                json!({"spec": function}),
            ),
            Object::new(&FISSION_TRIGGER, place.namespace, &spec.name, &labels, &Default::default(), trigger),
        ])
    }

    fn containers<'a>(&self, main: &'a Value) -> &'a Value {
        &main["spec"]["podspec"]["containers"]
    }

    async fn progress(&self, cluster: &Cluster, id: &DeploymentId, main: &Value) -> Result<Progress, PlatformError> {
        let wanted = revision_of(self.containers(main));
        let deployments =
            cluster.list(&DEPLOYMENT, Some(cluster.namespace()), &format!("{DEPLOYMENT_LABEL}={id}")).await?;
        let is_old = |deployment: &Value| revision_of(&deployment["spec"]["template"]["spec"]["containers"]) != wanted;
        if deployments.iter().any(is_old) {
            return Ok(Progress::Pending("Fission's executor has not taken the update up yet".to_owned()));
        }
        // Older versions tell no conditions.
        Ok(match condition(main, "Ready") {
            Some(ready) if ready["status"] == "False" => Progress::Pending(words(ready)),
            _ => Progress::Ready,
        })
    }

    async fn route(&self, cluster: &Cluster, name: &str) -> Result<Option<Route>, PlatformError> {
        let Some(router) = self.router(cluster).await? else {
            return Err(PlatformError::Invalid(format!(
                "the router of Fission is not reached from outside of the cluster: there is no Service `router` in `{}` with a load \
                 balancer or a port of the nodes; set `router` in the target's options, as after `kubectl port-forward`",
                self.namespace
            )));
        };
        let url = format!("{}{}", router.trim_end_matches('/'), path(cluster.namespace(), name));
        Ok(Some(Route::Address { url, host: None }))
    }

    fn may_be_empty(&self, _: &DeploymentSpec) -> bool {
        true
    }

    async fn is_answering(&self, cluster: &Cluster, route: &Route) -> Result<bool, PlatformError> {
        // The router hands every path on as `/`, where a function tells its health: that is no invocation.
        Ok(route::health(cluster, route).await == Some(200))
    }

    async fn remarks(&self, cluster: &Cluster) -> Result<Vec<String>, PlatformError> {
        let version = route::installed_version(cluster, &self.namespace, "router").await;
        let router = self.router(cluster).await?;
        Ok(vec![
            version.map_or_else(|| "Fission of unknown version".to_owned(), |version| format!("Fission {version}")),
            router.map_or_else(
                || "its router is not reached from outside of the cluster; set `router`".to_owned(),
                |router| format!("its router is at {router}"),
            ),
        ])
    }

    fn asynchronous(&self) -> Option<[&'static str; 3]> {
        Some(["x-fission-invoke-mode", "async", "x-fission-invocation-id"])
    }
}
