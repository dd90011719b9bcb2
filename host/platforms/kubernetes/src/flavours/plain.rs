//! A Deployment and a Service: the baseline without FaaS.

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{
    Capabilities as LinuxCapabilities, HTTPGetAction, Probe, SeccompProfile, SecurityContext,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use platform::{Capabilities, ColdStart, DeploymentId, DeploymentSpec, PlatformError};
use serde_json::{Value, json};

use super::flavour::{Flavour, Kinds, Place, Progress, condition, is_observed, refuse, words};
use crate::cluster::Cluster;
use crate::mark::{DEPLOYMENT_LABEL, SCALE_ANNOTATION, labels};
use crate::object::{DEPLOYMENT, Object, SERVICE};
use crate::options::{KubernetesOptions, Reach};
use crate::route::{self, Route};
use crate::workload::{PORT, Workload};

/// How long a pod may take to end, s: more than the images' own grace of 8 s.
const GRACE_S: i64 = 15;

/// The platform `kubernetes`.
pub(crate) struct Plain {
    reach: Reach,
    address: Option<String>,
    node_address: Option<String>,
}

impl Plain {
    /// # Errors
    /// When an address is asked for and there is none, or none is asked for and there is one.
    pub(crate) fn new(options: &KubernetesOptions, endpoint: Option<&str>) -> Result<Plain, PlatformError> {
        let address = options.address.as_deref().or(endpoint).map(str::to_owned);
        match (options.reach, &address) {
            (Reach::Address, None) => {
                return Err(PlatformError::Invalid(
                    "with `reach = \"address\"` set `address` in the target's options, as in \
                     `http://{name}.{namespace}.example.test`"
                        .to_owned(),
                ));
            }
            (Reach::Address, Some(address)) => drop(Route::of_template(address, "name", "namespace")?),
            (_, Some(_)) => {
                return Err(PlatformError::Invalid(
                    "an address is given, but `reach` does not use it; set `reach = \"address\"` in the target's options"
                        .to_owned(),
                ));
            }
            _ => {}
        }
        Ok(Plain { reach: options.reach, address, node_address: options.node_address.clone() })
    }
}

/// How many replicas a spec means.
fn replicas(spec: &DeploymentSpec) -> u32 {
    spec.scale.minimum_instances.or(spec.scale.maximum_instances).unwrap_or(1)
}

#[async_trait]
impl Flavour for Plain {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            asynchronous: false,
            cold_start: ColdStart::Forced,
            scale: true,
            keep_alive: false,
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
        Kinds { main: &DEPLOYMENT, others: &[&SERVICE], taken: &[] }
    }

    fn check(&self, spec: &DeploymentSpec) -> Result<(), PlatformError> {
        let scale = &spec.scale;
        let (minimum, maximum) = (scale.minimum_instances, scale.maximum_instances);
        refuse(
            minimum.zip(maximum).is_some_and(|(minimum, maximum)| minimum != maximum),
            "a Deployment does not scale by itself; give the same --min and --max, or only one of them",
        )?;
        refuse(replicas(spec) == 0, "a Deployment without instances never answers; give --min 1 or more")?;
        refuse(scale.keep_alive.is_some(), "a Deployment keeps its instances for ever; leave --keep-alive out")?;
        refuse(
            spec.limits.time.is_some(),
            "Kubernetes has no limit of time for a request; leave --timeout out (a call's own patience still holds)",
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
        let mut container = workload.container("function", "http", spec, true)?;
        container.readiness_probe = Some(Probe {
            http_get: Some(HTTPGetAction {
                path: Some("/_/ready".to_owned()),
                port: IntOrString::Int(PORT),
                ..Default::default()
            }),
            period_seconds: Some(1),
            timeout_seconds: Some(2),
            ..Default::default()
        });
        container.security_context = Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(LinuxCapabilities { drop: Some(vec!["ALL".to_owned()]), ..Default::default() }),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), ..Default::default() }),
            ..Default::default()
        });
        let kind = if self.reach == Reach::NodePort { "NodePort" } else { "ClusterIP" };
        let selector = json!({ DEPLOYMENT_LABEL: spec.id.as_str() });
        let service = json!({"spec": {
            "type": kind,
            "selector": selector,
            "ports": [{"name": "http", "port": 80, "targetPort": PORT, "protocol": "TCP"}],
        }});
        let mut pod = json!({
            "containers": [container],
            "terminationGracePeriodSeconds": GRACE_S,
            // A function has no business with the cluster's API.
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
        });
        if let Some(secrets) = workload.pull_secrets() {
            pod["imagePullSecrets"] = json!(secrets);
        }
        let deployment = json!({"spec": {
            "replicas": replicas(spec),
            "selector": {"matchLabels": selector},
            "revisionHistoryLimit": 0,
            "progressDeadlineSeconds": 300,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }});
        let annotations = [(SCALE_ANNOTATION.to_owned(), json!(spec.scale).to_string())].into();
        Ok(vec![
            Object::new(&SERVICE, place.namespace, &spec.name, &labels, &Default::default(), service),
            Object::new(&DEPLOYMENT, place.namespace, &spec.name, &labels, &annotations, deployment),
        ])
    }

    fn containers<'a>(&self, main: &'a Value) -> &'a Value {
        &main["spec"]["template"]["spec"]["containers"]
    }

    async fn progress(&self, _: &Cluster, _: &DeploymentId, main: &Value) -> Result<Progress, PlatformError> {
        if !is_observed(main) {
            return Ok(Progress::Pending("its controller has not seen it yet".to_owned()));
        }
        if let Some(failure) = condition(main, "ReplicaFailure").filter(|failure| failure["status"] == "True") {
            return Ok(Progress::Failed(words(failure)));
        }
        if let Some(progressing) = condition(main, "Progressing").filter(|progressing| progressing["status"] == "False")
        {
            return Ok(Progress::Failed(words(progressing)));
        }
        let status = |name: &str| main["status"][name].as_u64().unwrap_or(0);
        let wanted = main["spec"]["replicas"].as_u64().unwrap_or(1);
        let is_ready = status("updatedReplicas") == wanted
            && status("availableReplicas") == wanted
            && status("replicas") == wanted;
        Ok(if is_ready {
            Progress::Ready
        } else {
            Progress::Pending(format!(
                "{} of {wanted} instances are available, {} are of before",
                status("availableReplicas"),
                status("replicas").saturating_sub(status("updatedReplicas"))
            ))
        })
    }

    async fn route(&self, cluster: &Cluster, name: &str) -> Result<Option<Route>, PlatformError> {
        match (self.reach, &self.address) {
            (Reach::Address, Some(address)) => Route::of_template(address, name, cluster.namespace()).map(Some),
            (Reach::NodePort, _) => {
                let url = route::outside(cluster, cluster.namespace(), name, self.node_address.as_deref()).await?;
                Ok(url.map(|url| Route::Address { url, host: None }))
            }
            _ => Ok(Some(Route::Proxy { namespace: cluster.namespace().to_owned(), service: name.to_owned() })),
        }
    }

    async fn remarks(&self, _: &Cluster) -> Result<Vec<String>, PlatformError> {
        Ok(match self.reach {
            Reach::Proxy => vec![
                "functions are called through the API server, which costs time; `reach = \"node-port\"` is faster"
                    .to_owned(),
            ],
            Reach::NodePort | Reach::Address => Vec::new(),
        })
    }
}
