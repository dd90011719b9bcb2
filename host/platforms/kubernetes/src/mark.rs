//! What tells our objects from others', and one revision of an instance from another.

use std::collections::BTreeMap;

use platform::{DeploymentSpec, Scale};
use serde_json::Value;
use uuid::Uuid;

/// The label that everything of a deployment carries: its id.
pub(crate) const DEPLOYMENT_LABEL: &str = "faasbench/deployment";
/// The label that tells which of our platforms made it.
pub(crate) const PLATFORM_LABEL: &str = "faasbench/platform";
/// The annotation that remembers the scale, as JSON: what has no place in the platform's own object stays known.
pub(crate) const SCALE_ANNOTATION: &str = "faasbench/scale";
/// The variable that tells one revision of the instances from another. Unlike a label or an annotation, it reaches the pods of
/// every platform.
pub(crate) const REVISION_VARIABLE: &str = "FAASBENCH_REVISION";

/// The labels of everything of a deployment. They never change, as they are part of selectors, which can't be changed.
pub(crate) fn labels(platform: &str, spec: &DeploymentSpec) -> BTreeMap<String, String> {
    [
        (DEPLOYMENT_LABEL, spec.id.as_str()),
        (PLATFORM_LABEL, platform),
        ("app.kubernetes.io/managed-by", "faasbench"),
        ("app.kubernetes.io/name", &spec.name),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

/// The deployment that an object says it belongs to.
pub(crate) fn deployment_of(object: &Value) -> Option<&str> {
    object["metadata"]["labels"][DEPLOYMENT_LABEL].as_str()
}

/// The scale that an object remembers.
pub(crate) fn scale_of(object: &Value) -> Option<Scale> {
    serde_json::from_str(object["metadata"]["annotations"][SCALE_ANNOTATION].as_str()?).ok()
}

/// A revision that no other has.
pub(crate) fn new_revision() -> String {
    let mut text = Uuid::new_v4().simple().to_string();
    text.truncate(10);
    text
}

/// The revision that a list of containers has: of the one container that is ours.
pub(crate) fn revision_of(containers: &Value) -> Option<&str> {
    containers.as_array()?.iter().find_map(|container| {
        let variables = container["env"].as_array()?;
        variables.iter().find(|variable| variable["name"] == REVISION_VARIABLE)?["value"].as_str()
    })
}

/// `scale` with what it leaves open from `before`.
pub(crate) fn merged(before: Scale, scale: Scale) -> Scale {
    Scale {
        minimum_instances: scale.minimum_instances.or(before.minimum_instances),
        maximum_instances: scale.maximum_instances.or(before.maximum_instances),
        concurrency: scale.concurrency.or(before.concurrency),
        keep_alive: scale.keep_alive.or(before.keep_alive),
        queue: scale.queue.or(before.queue),
    }
}
