//! The document of a service.

use std::collections::BTreeMap;

use platform::{DeploymentSpec, Readiness, Scale};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Access, Options, check};

/// The label with the deployment's id: our mark.
pub(crate) const MARK: &str = "faasbench-deployment";
/// The variable that a forced cold start changes.
const COLD: &str = "FAASBENCH_COLD";

/// A service as the API tells it, as far as it is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Service {
    /// `projects/P/locations/L/services/S`.
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) etag: Option<String>,
    #[serde(default)]
    pub(crate) uri: Option<String>,
    #[serde(default)]
    reconciling: bool,
    #[serde(default)]
    pub(crate) template: Value,
    #[serde(default)]
    terminal_condition: Condition,
    #[serde(default)]
    latest_ready_revision: Option<String>,
    #[serde(default)]
    latest_created_revision: Option<String>,
    /// Numbers of 64 bits are texts in Google's JSON.
    #[serde(default)]
    generation: Option<String>,
    #[serde(default)]
    observed_generation: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Condition {
    #[serde(default)]
    state: String,
    #[serde(default)]
    message: Option<String>,
}

impl Service {
    /// The last part of its name.
    pub(crate) fn short_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// The deployment that it says it belongs to.
    pub(crate) fn deployment(&self) -> Option<&str> {
        self.labels.get(MARK).map(String::as_str)
    }

    /// Its image, as it was given.
    pub(crate) fn image(&self) -> Option<&str> {
        self.template["containers"][0]["image"].as_str()
    }

    /// Whether what was last asked for serves.
    pub(crate) fn readiness(&self) -> Readiness {
        let is_newest = self.latest_ready_revision.is_some()
            && self.latest_ready_revision == self.latest_created_revision
            && self.generation == self.observed_generation;
        match self.terminal_condition.state.as_str() {
            "CONDITION_FAILED" if !self.reconciling => Readiness::Failed,
            "CONDITION_SUCCEEDED" if !self.reconciling && is_newest => Readiness::Ready,
            _ => Readiness::Pending,
        }
    }

    /// What its condition says.
    pub(crate) fn message(&self) -> Option<String> {
        self.terminal_condition.message.clone()
    }

    /// The revision that serves.
    pub(crate) fn revision(&self) -> Option<&str> {
        self.latest_ready_revision.as_deref()
    }
}

/// The document that creates or replaces a service.
pub(crate) fn document(
    spec: &DeploymentSpec,
    options: &Options,
    image: &str,
    environment: &BTreeMap<String, String>,
    etag: Option<&str>,
) -> Value {
    let variables: Vec<Value> =
        environment.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let container = json!({
        "image": image,
        "ports": [{ "name": "http1", "containerPort": 8080 }],
        "env": variables,
        "resources": {
            "limits": {
                "cpu": processors(spec.limits.cpus.unwrap_or(1.0)),
                "memory": format!("{}Mi", check::memory(&spec.limits) >> 20),
            },
            "cpuIdle": !options.cpu_always,
            "startupCpuBoost": options.startup_cpu_boost,
        },
        "startupProbe": { "tcpSocket": { "port": 8080 } },
    });
    let mut template = json!({
        "labels": { MARK: spec.id.as_str() },
        "containers": [container],
        "scaling": {},
        "executionEnvironment": options.execution_environment.word(),
    });
    set_scale(&mut template, &spec.scale);
    if let Some(time) = spec.limits.time {
        template["timeout"] = json!(format!("{}s", time.as_secs()));
    }
    if let Some(account) = &options.service_account {
        template["serviceAccount"] = json!(account);
    }
    let mut document = json!({
        "labels": { MARK: spec.id.as_str() },
        "ingress": options.ingress.word(),
        "invokerIamDisabled": options.access == Access::Public,
        "template": template,
        "traffic": [{ "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100 }],
    });
    if let Some(etag) = etag {
        document["etag"] = json!(etag);
    }
    document
}

/// Processors in Kubernetes' words: `1`, or `500m`.
fn processors(cpus: f64) -> String {
    if cpus.fract() == 0.0 { format!("{cpus:.0}") } else { format!("{:.0}m", cpus * 1000.0) }
}

/// Puts into a template what a scale asks for; what it does not ask for stays.
pub(crate) fn set_scale(template: &mut Value, scale: &Scale) {
    if let Some(minimum) = scale.minimum_instances {
        template["scaling"]["minInstanceCount"] = minimum.into();
    }
    if let Some(maximum) = scale.maximum_instances {
        template["scaling"]["maxInstanceCount"] = maximum.into();
    }
    if let Some(concurrency) = scale.concurrency {
        template["maxInstanceRequestConcurrency"] = concurrency.into();
    }
}

/// The template of a new revision that differs in nothing but a variable.
pub(crate) fn fresh(template: &Value, nonce: u64) -> Value {
    let mut template = template.clone();
    let container = &mut template["containers"][0];
    let mut variables = container["env"].as_array().cloned().unwrap_or_default();
    variables.retain(|variable| variable["name"] != COLD);
    variables.push(json!({ "name": COLD, "value": nonce.to_string() }));
    container["env"] = variables.into();
    unnamed(template)
}

/// A template whose revision gets a name of its own.
pub(crate) fn unnamed(mut template: Value) -> Value {
    if let Some(fields) = template.as_object_mut() {
        fields.remove("revision");
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_whole_or_thousandths() {
        assert_eq!((processors(2.0).as_str(), processors(0.08).as_str()), ("2", "80m"));
    }
}
