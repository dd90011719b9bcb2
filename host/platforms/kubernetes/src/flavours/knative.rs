//! Knative Serving.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use platform::{Capabilities, ColdStart, DeploymentId, DeploymentSpec, PlatformError, Scale};
use serde_json::{Value, json};

use super::flavour::{ColdWay, Flavour, Kinds, Place, Progress, progress_of_ready, refuse};
use crate::cluster::Cluster;
use crate::mark::{SCALE_ANNOTATION, labels};
use crate::object::{KNATIVE_SERVICE, Kind, Object, SERVICE};
use crate::options::KnativeOptions;
use crate::route::{self, Route, checked};
use crate::workload::Workload;

/// The annotations of the autoscaler begin with this.
const AUTOSCALING: &str = "autoscaling.knative.dev";
/// The shortest and the longest time over which the autoscaler looks back (`WindowMin`, `WindowMax` of Knative Serving).
const WINDOW: std::ops::RangeInclusive<Duration> = Duration::from_secs(6)..=Duration::from_secs(3600);
/// The most invocations at once in an instance that Knative accepts (`container-concurrency-max-limit`'s default).
const MAXIMUM_CONCURRENCY: u32 = 1000;
/// The services of the ingresses that Knative works with.
const INGRESSES: [(&str, &str); 3] =
    [("kourier-system", "kourier"), ("istio-system", "istio-ingressgateway"), ("contour-external", "envoy")];

const CONFIG_MAP: Kind = Kind {
    word: "config-map",
    api_version: "v1",
    kind: "ConfigMap",
    plural: "configmaps",
    product: None,
    has_pods: false,
};

/// The platform `knative`.
pub(crate) struct Knative {
    ingress: Ingress,
    namespace: String,
}

impl Knative {
    /// # Errors
    /// When the ingress is no address.
    pub(crate) fn new(options: &KnativeOptions, endpoint: Option<&str>) -> Result<Knative, PlatformError> {
        Ok(Knative {
            ingress: Ingress::new(options.ingress.as_deref().or(endpoint), options.node_address.as_deref())?,
            namespace: options.knative_namespace.clone().unwrap_or_else(|| "knative-serving".to_owned()),
        })
    }
}

/// Where requests enter, which are told apart by their host.
pub(super) struct Ingress {
    given: Option<String>,
    node_address: Option<String>,
}

impl Ingress {
    pub(super) fn new(given: Option<&str>, node_address: Option<&str>) -> Result<Ingress, PlatformError> {
        let given = given.map(checked).transpose()?;
        Ok(Ingress { given, node_address: node_address.map(str::to_owned) })
    }

    /// The way to what has this address in the ingress' own domain.
    pub(super) async fn route(&self, cluster: &Cluster, url: &str) -> Result<Route, PlatformError> {
        let public = checked(url)?;
        let parsed = remote_platform::Url::parse(&public);
        let host = parsed.ok().and_then(|url| url.host_str().map(str::to_owned));
        let found = match &self.given {
            Some(given) => Some(given.clone()),
            None => self.find(cluster).await?,
        };
        Ok(match found {
            Some(url) => Route::Address { url, host },
            // Its domain is one that names can be resolved in.
            None => Route::Address { url: public, host: None },
        })
    }

    async fn find(&self, cluster: &Cluster) -> Result<Option<String>, PlatformError> {
        for (namespace, service) in INGRESSES {
            match route::outside(cluster, namespace, service, self.node_address.as_deref()).await {
                Ok(None) | Err(PlatformError::Denied { .. }) => {}
                found => return found,
            }
        }
        Ok(None)
    }
}

/// Refuses what Knative's autoscaler does not do.
pub(super) fn check_scale(scale: &Scale) -> Result<(), PlatformError> {
    let (minimum, maximum) = (scale.minimum_instances.unwrap_or(0), scale.maximum_instances);
    refuse(maximum == Some(0), "Knative takes a maximum of 0 for none; give --max 1 or more, or leave it out")?;
    refuse(
        maximum.is_some_and(|maximum| maximum < minimum),
        format!("--min {minimum} is more than --max {}", maximum.unwrap_or_default()),
    )?;
    refuse(
        scale.concurrency.is_some_and(|concurrency| !(1..=MAXIMUM_CONCURRENCY).contains(&concurrency)),
        format!("Knative has from 1 to {MAXIMUM_CONCURRENCY} invocations at once in an instance"),
    )?;
    if let Some(keep_alive) = scale.keep_alive {
        refuse(
            !WINDOW.contains(&keep_alive) || keep_alive.subsec_nanos() != 0,
            format!(
                "Knative keeps idle instances from 6 s to an hour, in whole seconds; not {} s",
                keep_alive.as_secs_f64()
            ),
        )?;
    }
    Ok(())
}

/// The annotations of a revision that its scale means.
pub(super) fn scale_annotations(scale: &Scale) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::new();
    let mut set = |name: &str, value: String| annotations.insert(format!("{AUTOSCALING}/{name}"), value);
    if let Some(minimum) = scale.minimum_instances {
        set("min-scale", minimum.to_string());
    }
    if let Some(maximum) = scale.maximum_instances {
        set("max-scale", maximum.to_string());
    }
    if let Some(keep_alive) = scale.keep_alive {
        // An instance is kept until the autoscaler has seen nothing for this long, and not a moment more.
        set("window", format!("{}s", keep_alive.as_secs()));
        set("scale-to-zero-pod-retention-period", "0s".to_owned());
    }
    annotations
}

#[async_trait]
impl Flavour for Knative {
    fn name(&self) -> &'static str {
        "knative"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
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
        // A Service of the same name is what stops Knative for ever: `NotOwned`.
        Kinds { main: &KNATIVE_SERVICE, others: &[], taken: &[&SERVICE] }
    }

    fn check(&self, spec: &DeploymentSpec) -> Result<(), PlatformError> {
        check_scale(&spec.scale)?;
        refuse(
            spec.limits.time.is_some_and(|time| time.subsec_nanos() != 0 || time.as_secs() == 0),
            "Knative has limits of time in whole seconds, from 1 (and up to the cluster's `max-revision-timeout-seconds`, 600)",
        )
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
        let labels = labels(self.name(), spec);
        // Knative refuses references to the pod's own fields, unless a cluster turns them on.
        let container = workload.container("function", "http1", spec, false)?;
        let mut annotations = scale_annotations(&spec.scale);
        if workload.starts_empty {
            annotations.insert(format!("{AUTOSCALING}/initial-scale"), "0".to_owned());
        }
        let mut revision = json!({"containers": [container], "enableServiceLinks": false});
        if let Some(concurrency) = spec.scale.concurrency {
            revision["containerConcurrency"] = json!(concurrency);
        }
        if let Some(time) = spec.limits.time {
            revision["timeoutSeconds"] = json!(time.as_secs());
        }
        if let Some(secrets) = workload.pull_secrets() {
            revision["imagePullSecrets"] = json!(secrets);
        }
        let service = json!({"spec": {
            "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": revision},
            "traffic": [{"latestRevision": true, "percent": 100}],
        }});
        let annotations = [(SCALE_ANNOTATION.to_owned(), json!(spec.scale).to_string())].into();
        Ok(vec![Object::new(&KNATIVE_SERVICE, place.namespace, &spec.name, &labels, &annotations, service)])
    }

    fn containers<'a>(&self, main: &'a Value) -> &'a Value {
        &main["spec"]["template"]["spec"]["containers"]
    }

    async fn progress(&self, _: &Cluster, _: &DeploymentId, main: &Value) -> Result<Progress, PlatformError> {
        let progress = progress_of_ready(main);
        if progress != Progress::Ready {
            return Ok(progress);
        }
        let status = &main["status"];
        let latest = status["latestCreatedRevisionName"].as_str().unwrap_or_default();
        if latest.is_empty() || status["latestReadyRevisionName"].as_str() != Some(latest) {
            return Ok(Progress::Pending(format!("its newest revision `{latest}` is not ready")));
        }
        let is_all = |traffic: &Value| traffic["revisionName"] == latest && traffic["percent"] == 100;
        let goes_there = status["traffic"].as_array().is_some_and(|traffic| traffic.iter().any(is_all));
        Ok(if goes_there {
            Progress::Ready
        } else {
            Progress::Pending(format!("requests do not go to its newest revision `{latest}` yet"))
        })
    }

    async fn route(&self, cluster: &Cluster, name: &str) -> Result<Option<Route>, PlatformError> {
        let Some(service) = cluster.get(&KNATIVE_SERVICE, name).await? else { return Ok(None) };
        let Some(url) = service["status"]["url"].as_str() else { return Ok(None) };
        self.ingress.route(cluster, url).await.map(Some)
    }

    fn may_be_empty(&self, spec: &DeploymentSpec) -> bool {
        spec.scale.minimum_instances.unwrap_or(0) == 0
    }

    async fn cold_way(&self, cluster: &Cluster, spec: &DeploymentSpec) -> Result<ColdWay, PlatformError> {
        if !self.may_be_empty(spec) {
            return Ok(ColdWay::NewRevision);
        }
        let config = match cluster.get_in(&self.namespace, &CONFIG_MAP, "config-autoscaler").await {
            Ok(config) => config,
            // Then it is what Knative has by itself.
            Err(PlatformError::Denied { .. }) => None,
            Err(error) => return Err(error),
        };
        let is = |name: &str, value: &str| config.as_ref().is_some_and(|config| config["data"][name] == value);
        Ok(if is("allow-zero-initial-scale", "true") {
            ColdWay::EmptyRevision
        } else if is("enable-scale-to-zero", "false") {
            ColdWay::NewRevision
        } else {
            ColdWay::Waiting
        })
    }

    async fn remarks(&self, cluster: &Cluster) -> Result<Vec<String>, PlatformError> {
        let version = route::installed_version(cluster, &self.namespace, "controller").await;
        let version = version.map_or_else(
            || format!("Knative Serving of unknown version, as its namespace `{}` can't be read", self.namespace),
            |version| format!("Knative Serving {version}"),
        );
        let ingress = match &self.ingress.given {
            Some(given) => Some(given.clone()),
            None => self.ingress.find(cluster).await?,
        };
        let ingress = ingress.map_or_else(
            || "no ingress was found, so the cluster's domain must resolve here; else set `ingress`".to_owned(),
            |ingress| format!("the ingress is at {ingress}"),
        );
        Ok(vec![version, ingress])
    }
}
