//! Riff, which has had no releases since 2021.

use async_trait::async_trait;
use platform::{Capabilities, ColdStart, DeploymentId, DeploymentSpec, PlatformError};
use serde_json::{Value, json};

use super::flavour::{Flavour, Kinds, Place, Progress, progress_of_ready, refuse};
use super::knative::{Ingress, check_scale, scale_annotations};
use crate::cluster::Cluster;
use crate::mark::{SCALE_ANNOTATION, labels};
use crate::object::{Object, RIFF_CORE_DEPLOYER, RIFF_KNATIVE_DEPLOYER, SERVICE};
use crate::options::{RiffOptions, RiffRuntime};
use crate::route::Route;
use crate::workload::Workload;

/// The platform `riff`.
pub(crate) struct Riff {
    runtime: RiffRuntime,
    ingress: Ingress,
    address: Option<String>,
}

impl Riff {
    /// # Errors
    /// When an address is none, or belongs to the other runtime.
    pub(crate) fn new(options: &RiffOptions, endpoint: Option<&str>) -> Result<Riff, PlatformError> {
        let is_core = options.runtime == RiffRuntime::Core;
        refuse(
            is_core && options.ingress.is_some(),
            "`ingress` is of Riff's runtime `knative`; set `address` instead",
        )?;
        refuse(!is_core && options.address.is_some(), "`address` is of Riff's runtime `core`; set `ingress` instead")?;
        refuse(options.image_pull_secret.is_some(), "Riff has no `image-pull-secret`: give it to the service account")?;
        let address = options.address.as_deref().or(endpoint).filter(|_| is_core);
        if let Some(address) = address {
            Route::of_template(address, "name", "namespace")?;
        }
        let ingress = options.ingress.as_deref().or(endpoint).filter(|_| !is_core);
        Ok(Riff {
            runtime: options.runtime,
            ingress: Ingress::new(ingress, options.node_address.as_deref())?,
            address: address.map(str::to_owned),
        })
    }
}

#[async_trait]
impl Flavour for Riff {
    fn name(&self) -> &'static str {
        "riff"
    }

    fn capabilities(&self) -> Capabilities {
        let is_knative = self.runtime == RiffRuntime::Knative;
        Capabilities {
            asynchronous: false,
            cold_start: ColdStart::Forced,
            scale: is_knative,
            keep_alive: is_knative,
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
        match self.runtime {
            // It makes a Service of the deployment's name, and Knative's Route makes one too.
            RiffRuntime::Core => Kinds { main: &RIFF_CORE_DEPLOYER, others: &[], taken: &[&SERVICE] },
            RiffRuntime::Knative => Kinds { main: &RIFF_KNATIVE_DEPLOYER, others: &[], taken: &[&SERVICE] },
        }
    }

    fn check(&self, spec: &DeploymentSpec) -> Result<(), PlatformError> {
        refuse(spec.limits.time.is_some(), "Riff has no limit of time; leave --timeout out")?;
        if self.runtime == RiffRuntime::Knative {
            return check_scale(&spec.scale);
        }
        let scale = &spec.scale;
        let is_one = |count: Option<u32>| count.is_none_or(|count| count == 1);
        refuse(
            !is_one(scale.minimum_instances) || !is_one(scale.maximum_instances),
            "Riff's core runtime has one instance; leave --min and --max out, or set `runtime = \"knative\"`",
        )?;
        refuse(scale.keep_alive.is_some(), "Riff's core runtime keeps its instance for ever; leave --keep-alive out")
    }

    fn nested_calls(&self, place: Place<'_>) -> String {
        format!("http://{{name}}.{}.svc.{}/", place.namespace, place.domain)
    }

    fn objects(
        &self,
        place: Place<'_>,
        spec: &DeploymentSpec,
        workload: &Workload,
    ) -> Result<Vec<Object>, PlatformError> {
        let kind = self.kinds().main;
        let labels = labels(self.name(), spec);
        let annotations = [(SCALE_ANNOTATION.to_owned(), json!(spec.scale).to_string())].into();
        let rest = match self.runtime {
            RiffRuntime::Core => {
                let container = workload.container("handler", "http", spec, true)?;
                json!({"spec": {
                    "template": {"spec": {"containers": [container]}},
                    "ingressPolicy": "ClusterLocal",
                }})
            }
            RiffRuntime::Knative => {
                let container = workload.container("handler", "http1", spec, false)?;
                let mut rest = json!({"spec": {
                    "template": {
                        "metadata": {"annotations": scale_annotations(&spec.scale)},
                        "spec": {"containers": [container]},
                    },
                    "ingressPolicy": "External",
                    "scale": {},
                }});
                if let Some(minimum) = spec.scale.minimum_instances {
                    rest["spec"]["scale"]["min"] = json!(minimum);
                }
                if let Some(maximum) = spec.scale.maximum_instances {
                    rest["spec"]["scale"]["max"] = json!(maximum);
                }
                if let Some(concurrency) = spec.scale.concurrency {
                    rest["spec"]["containerConcurrency"] = json!(concurrency);
                }
                rest
            }
        };
        Ok(vec![Object::new(kind, place.namespace, &spec.name, &labels, &annotations, rest)])
    }

    fn containers<'a>(&self, main: &'a Value) -> &'a Value {
        &main["spec"]["template"]["spec"]["containers"]
    }

    async fn progress(&self, _: &Cluster, _: &DeploymentId, main: &Value) -> Result<Progress, PlatformError> {
        Ok(progress_of_ready(main))
    }

    async fn route(&self, cluster: &Cluster, name: &str) -> Result<Option<Route>, PlatformError> {
        if self.runtime == RiffRuntime::Core {
            return match &self.address {
                Some(address) => Route::of_template(address, name, cluster.namespace()).map(Some),
                None => Ok(Some(Route::Proxy { namespace: cluster.namespace().to_owned(), service: name.to_owned() })),
            };
        }
        let Some(deployer) = cluster.get(&RIFF_KNATIVE_DEPLOYER, name).await? else { return Ok(None) };
        let Some(url) = deployer["status"]["url"].as_str() else { return Ok(None) };
        self.ingress.route(cluster, url).await.map(Some)
    }

    fn may_be_empty(&self, spec: &DeploymentSpec) -> bool {
        self.runtime == RiffRuntime::Knative && spec.scale.minimum_instances.unwrap_or(0) == 0
    }

    async fn remarks(&self, _: &Cluster) -> Result<Vec<String>, PlatformError> {
        Ok(vec![
            "Riff of unknown version".to_owned(),
            "Riff has been complete and without releases since March 2021; the same image runs on the platform `knative`"
                .to_owned(),
        ])
    }
}
