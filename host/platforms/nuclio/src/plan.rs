//! What is asked of the dashboard for a deployment.

use std::collections::BTreeMap;

use platform::{DeploymentSpec, PlannedRequest, PlatformError};
use remote_platform::{ApiRequest, InvokeWay, Method, instance_environment};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::check::completed;
use crate::control::About;
use crate::nuclio_platform::NuclioPlatform;
use crate::objects::{DEPLOYMENT, PROJECT};
use crate::options::{Installation, Shape, Through};

/// The variable that is another after every update: which state it is that the dashboard calls ready.
pub(crate) const REVISION: &str = "FAASBENCH_REVISION";
/// The variable that is another after every cold start that was forced.
pub(crate) const COLD: &str = "FAASBENCH_COLD";
/// The kinds of what is in the ledger.
pub(crate) const IMAGE: &str = "image";
pub(crate) const PROJECT_KIND: &str = "project";
pub(crate) const FUNCTION: &str = "function";

/// What the deployer keeps of a deployment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Details {
    /// The image's name as Nuclio knows it.
    pub(crate) image: String,
    pub(crate) revision: String,
    /// Of the cold start that was forced last, while it is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cold: Option<String>,
    /// The replicas from before an update.
    pub(crate) old_replicas: Vec<String>,
}

impl NuclioPlatform {
    /// The environment of a function's instances.
    pub(crate) fn environment(&self, spec: &DeploymentSpec, revision: &str) -> BTreeMap<String, String> {
        let way = self.nested.clone().map(|url| InvokeWay { url, authorization: None });
        let mut environment = instance_environment(&self.connection, spec, way.as_ref());
        environment.insert(REVISION.to_owned(), revision.to_owned());
        environment
    }

    /// The request that makes the project.
    pub(crate) fn create_project(&self, spec: &DeploymentSpec) -> ApiRequest {
        let name = &self.options.project;
        let body = json!({
            "metadata": {
                "name": name,
                "namespace": self.options.namespace,
                "labels": { DEPLOYMENT: spec.id.as_str() },
            },
            "spec": {},
        });
        self.control.create(About::Project, name, body)
    }

    /// The function, as it is to be: the body of its creation and of its update, and on Kubernetes the object of its CRD
    /// (`nuclio.io/v1beta1`, `NuclioFunction`), which has the same `metadata` and `spec`.
    pub(crate) fn function_body(
        &self,
        spec: &DeploymentSpec,
        image: &str,
        environment: &BTreeMap<String, String>,
    ) -> Value {
        let variables: Vec<_> =
            environment.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let workers = match self.options.shape {
            Shape::Processor => spec.scale.concurrency.unwrap_or(1),
            // There is no processor that would have any.
            Shape::Image => 1,
        };
        let (minimum, maximum) = (spec.scale.minimum_instances.unwrap_or(1), spec.scale.maximum_instances.unwrap_or(1));
        let mut function = json!({
            "metadata": {
                "name": spec.name,
                "namespace": self.options.namespace,
                "labels": { PROJECT: self.options.project, DEPLOYMENT: spec.id.as_str() },
            },
            "spec": {
                "runtime": "nodejs",
                "handler": "fn:handler",
                "image": image,
                "build": { "codeEntryType": "image" },
                "env": variables,
                "minReplicas": minimum,
                "maxReplicas": maximum,
                // Version 1.3 knows `maxWorkers`, later ones `numWorkers`. Port 0: any that is free.
                "triggers": {
                    "http": {
                        "kind": "http",
                        "name": "http",
                        "maxWorkers": workers,
                        "numWorkers": workers,
                        "attributes": { "port": 0 },
                    },
                },
                "readinessTimeoutSeconds": self.options.readiness_timeout_s,
            },
        });
        let body = &mut function["spec"];
        if minimum == maximum {
            body["replicas"] = minimum.into();
        }
        if let Some(time) = spec.limits.time {
            body["eventTimeout"] = format!("{}ms", time.as_millis().max(1)).into();
        }
        let mut limits = Map::new();
        if let Some(bytes) = spec.limits.memory_bytes {
            limits.insert("memory".to_owned(), bytes.to_string().into());
        }
        if let Some(cpus) = spec.limits.cpus {
            limits.insert("cpu".to_owned(), format!("{}m", (cpus * 1000.0).floor()).into());
        }
        if !limits.is_empty() {
            // What is asked for at least is what is allowed at most, so that no neighbour takes it.
            body["resources"] = json!({ "limits": limits, "requests": limits });
        }
        match (self.options.installation, &self.options.network) {
            (Installation::Local, Some(network)) => {
                body["platform"] = json!({
                    "attributes": { "network": network, "restartPolicy": { "name": "always" } },
                });
            }
            (Installation::Local, None) => {
                body["platform"] = json!({ "attributes": { "restartPolicy": { "name": "always" } } });
            }
            (Installation::Kubernetes, _) => {
                // Else the dashboard puts its own registry before every image (`pkg/platform/kube/deployer.go`).
                if let Some((registry, _)) = image.rsplit_once('/') {
                    body["runRegistry"] = registry.into();
                }
            }
        }
        function
    }

    /// All requests of a deployment, in their order.
    pub(crate) fn planned(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        let spec = completed(spec, &self.options)?;
        let composed = self.composed(&spec)?;
        let image = composed.as_ref().map_or(&spec.image, |composed| &composed.image);
        let reference = self.registry()?.reference(image, &spec.id);
        let mut environment = self.environment(&spec, "<a new one>");
        for name in self.connection.storage_environment.keys() {
            environment.insert(name.clone(), "(not shown)".to_owned());
        }
        let body = self.function_body(&spec, &reference.pinned, &environment);
        let (name, project) = (&spec.name, &self.options.project);
        let ask = |about, what: &str, name: &String| {
            self.control.request(about, format!("asking for the {what} {name}"), Method::GET, Some(name))
        };
        let missing = |what: &str| format!("when there is no such {what} yet");
        let update = || Some("when it is an update of the deployment".to_owned());
        let mut requests = vec![
            (ask(About::Function, "function", name), None),
            (ask(About::Project, "project", project), None),
            (self.create_project(&spec), Some(missing("project"))),
        ];
        if self.options.installation == Installation::Kubernetes {
            requests.push((self.control.replicas_request(name), update()));
        }
        requests.push((self.control.create(About::Function, name, body.clone()), Some(missing("function"))));
        if self.control.through == Through::CustomResource {
            // For its version.
            requests.push((ask(About::Function, "function", name), update()));
        }
        requests.push((self.control.update(name, body, "<the version that was read>"), update()));
        let pushed = PlannedRequest {
            purpose: match &self.daemon {
                Some(daemon) => format!("loading the image into the container daemon at {}", daemon.address()),
                None => "pushing the image".to_owned(),
            },
            method: if self.daemon.is_some() { "LOAD" } else { "PUSH" }.to_owned(),
            address: reference.tagged,
            body: None,
            condition: None,
        };
        let base = self.control.api.base();
        let mut planned: Vec<_> =
            requests.iter().map(|(request, condition)| request.planned(base, condition.as_deref())).collect();
        planned.insert(1, pushed);
        Ok(planned)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use image_kind::{Image, ImageKind};
    use platform::{DeploymentId, Limits, Scale};

    use super::*;

    /// A specification that every installation takes.
    pub(crate) fn spec() -> DeploymentSpec {
        let digest = format!("sha256:{}", "1".repeat(64));
        DeploymentSpec {
            id: DeploymentId::new(),
            function: "function1".to_owned(),
            name: "function1".to_owned(),
            image: Image {
                function: "function1".to_owned(),
                kind: ImageKind::OciWithHealthCheck,
                path: "/nowhere".into(),
                code_digest: digest.clone(),
                digest,
                bytes: 1,
                code_bytes: 1,
                architecture: "x86_64".to_owned(),
            },
            scale: Scale::default(),
            limits: Limits::default(),
            environment: Default::default(),
        }
    }
}
