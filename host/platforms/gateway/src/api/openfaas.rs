//! A deployment as OpenFaaS writes it, and as our platforms do.
//!
//! What OpenFaaS has no word for is in annotations: `faasbench.function` (the lab function, where the image does not say),
//! `faasbench.concurrency`, `faasbench.queue`, `faasbench.keep-alive` and `faasbench.timeout` (durations such as `30s`),
//! `faasbench.scratch` and `faasbench.log` (bytes, such as `64Mi`).

use std::collections::BTreeMap;
use std::time::Duration;

use platform::{DeploymentId, DeploymentSpec, Limits, PlatformError, Readiness, Scale, Status};
use serde::{Deserialize, Serialize};

use super::quantity;
use crate::Images;
use crate::server::{About, Function};

const SCALE_MINIMUM: &str = "com.openfaas.scale.min";
const SCALE_MAXIMUM: &str = "com.openfaas.scale.max";
const ZERO_DURATION: &str = "com.openfaas.scale.zero-duration";
const OWN: &str = "faasbench.";

/// What is to be deployed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct FunctionDeployment {
    pub(crate) service: String,
    image: String,
    pub(crate) namespace: String,
    env_process: String,
    env_vars: Option<BTreeMap<String, String>>,
    constraints: Option<Vec<String>>,
    secrets: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    limits: Option<FunctionResources>,
    requests: Option<FunctionResources>,
}

/// Memory and processors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FunctionResources {
    #[serde(skip_serializing_if = "String::is_empty")]
    memory: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    cpu: String,
}

/// How a function is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FunctionStatus {
    name: String,
    image: String,
    namespace: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    env_vars: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<FunctionResources>,
    #[serde(skip_serializing_if = "is_zero")]
    replicas: u64,
    /// A function that starts instances on demand serves, so it counts as one: tools wait for that.
    #[serde(skip_serializing_if = "is_zero")]
    available_replicas: u64,
    created_at: String,
    #[serde(skip_serializing_if = "is_zero")]
    invocation_count: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl FunctionDeployment {
    /// As our platforms take it. `id` is that of the deployment that is updated.
    pub(crate) async fn spec(
        self,
        id: Option<DeploymentId>,
        images: &dyn Images,
        kind: image_kind::ImageKind,
        paths_allowed: bool,
    ) -> Result<(DeploymentSpec, About), PlatformError> {
        self.check()?;
        let labels = self.labels.unwrap_or_default();
        let annotations = self.annotations.unwrap_or_default();
        let mut scale = scale(&labels)?;
        let mut limits = Limits::default();
        if let Some(given) = &self.limits {
            limits.memory_bytes = read(&given.memory, "limits.memory", "an amount such as 128Mi", quantity::bytes)?;
            limits.cpus = read(&given.cpu, "limits.cpu", "an amount such as 500m", quantity::processors)?;
        }
        let mut function = None;
        for (name, value) in &annotations {
            let Some(own) = name.strip_prefix(OWN) else { continue };
            match own {
                "function" => function = Some(value.clone()),
                "concurrency" => scale.concurrency = read(value, name, "a whole number", whole)?,
                "queue" => scale.queue = read(value, name, "a whole number", whole)?,
                "keep-alive" => scale.keep_alive = read(value, name, "a duration such as 30s", duration)?,
                "timeout" => limits.time = read(value, name, "a duration such as 30s", duration)?,
                "scratch" => limits.scratch_bytes = read(value, name, "an amount such as 64Mi", quantity::bytes)?,
                "log" => limits.log_bytes = read(value, name, "an amount such as 64Ki", quantity::bytes)?,
                _ => {
                    return Err(PlatformError::Invalid(format!(
                        "there is no annotation `{name}`; there are faasbench.function, .concurrency, .queue, .keep-alive, \
                         .timeout, .scratch and .log"
                    )));
                }
            }
        }
        let image = images.find(&self.image, kind, paths_allowed).await?;
        let spec = DeploymentSpec {
            id: id.unwrap_or_default(),
            function: function.unwrap_or_else(|| image.function.clone()),
            name: self.service,
            image,
            scale,
            limits,
            environment: self.env_vars.unwrap_or_default(),
        };
        Ok((spec, About { image: Some(self.image), labels, annotations }))
    }

    /// Refuses what would have to be ignored.
    fn check(&self) -> Result<(), PlatformError> {
        let wrong = |what: &str, why: &str| Err(PlatformError::Invalid(format!("`{what}` can't be kept here: {why}")));
        if !self.env_process.is_empty() {
            return wrong("envProcess", "an image says itself what it runs");
        }
        if self.constraints.as_ref().is_some_and(|constraints| !constraints.is_empty()) {
            return wrong("constraints", "there is one machine");
        }
        if self.secrets.as_ref().is_some_and(|secrets| !secrets.is_empty()) {
            return wrong("secrets", "this server keeps none");
        }
        if self.requests.as_ref().is_some_and(|requests| *requests != FunctionResources::default()) {
            return wrong("requests", "nothing is reserved; give limits");
        }
        if self.image.is_empty() {
            return Err(PlatformError::Invalid("`image` is missing: give a function's name".to_owned()));
        }
        Ok(())
    }
}

fn scale(labels: &BTreeMap<String, String>) -> Result<Scale, PlatformError> {
    let label = |name: &str| labels.get(name).map(String::as_str).unwrap_or_default();
    Ok(Scale {
        minimum_instances: read(label(SCALE_MINIMUM), SCALE_MINIMUM, "a whole number", whole)?,
        maximum_instances: read(label(SCALE_MAXIMUM), SCALE_MAXIMUM, "a whole number", whole)?,
        keep_alive: read(label(ZERO_DURATION), ZERO_DURATION, "a duration such as 5m", duration)?,
        ..Scale::default()
    })
}

fn whole(text: &str) -> Option<u32> {
    text.parse().ok()
}

fn duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

/// A text that may be absent.
fn read<T>(
    text: &str,
    name: &str,
    accepted: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, PlatformError> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || PlatformError::Invalid(format!("`{name}` is {text:?}: give {accepted}"));
    parse(text.trim()).map(Some).ok_or_else(wrong)
}

impl FunctionStatus {
    pub(crate) fn new(function: &Function, status: &Status) -> FunctionStatus {
        let spec = &function.deployment.spec;
        let replicas = status.instances.as_ref().map_or(0, |instances| instances.len() as u64);
        let is_ready = status.readiness == Readiness::Ready;
        let memory = spec.limits.memory_bytes.map(|bytes| bytes.to_string()).unwrap_or_default();
        let cpu = spec.limits.cpus.map(|processors| processors.to_string()).unwrap_or_default();
        let limits = FunctionResources { memory, cpu };
        FunctionStatus {
            name: spec.name.clone(),
            image: function.about.image.clone().unwrap_or_else(|| spec.image.path.display().to_string()),
            namespace: super::system::NAMESPACE.to_owned(),
            env_vars: spec.environment.clone(),
            labels: function.about.labels.clone(),
            annotations: function.about.annotations.clone(),
            limits: (limits != FunctionResources::default()).then_some(limits),
            replicas,
            available_replicas: if is_ready { replicas.max(1) } else { 0 },
            created_at: function.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            invocation_count: function.metrics.taken(),
        }
    }
}
