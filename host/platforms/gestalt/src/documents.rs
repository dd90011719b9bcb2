//! The documents of lambdas.

use std::collections::BTreeMap;

use platform::DeploymentSpec;
use serde_json::{Value, json};

use crate::Options;

/// What a lambda gets where nothing is asked for: Meta's own defaults.
const MEMORY_MIB: u64 = 512;
const CPUS: f64 = 0.1;
const TIME_SECONDS: u64 = 180;

/// The beginning of the description that is our mark.
const MARK: &str = "faasbench-deployment=";
/// What stands before the image's digest in it.
const DIGEST: &str = " faasbench-image=";

/// The description of a lambda: whose it is, and of which image.
pub(crate) fn description(spec: &DeploymentSpec) -> String {
    format!("{MARK}{}{DIGEST}{}", spec.id, spec.image.digest)
}

/// The deployment and the digest of the image that a description tells.
pub(crate) fn told(description: &str) -> Option<(&str, &str)> {
    description.strip_prefix(MARK)?.split_once(DIGEST)
}

/// The id of a deployment's lambda, which is known before it is made.
pub(crate) fn laser_id(deployment: &str) -> String {
    format!("faa5be4c-0000-4000-8000-00{deployment}")
}

/// Where Laser fetches the archive.
pub(crate) fn package_url(spec: &DeploymentSpec, options: &Options) -> Option<String> {
    let digest = spec.image.digest.rsplit(':').next().unwrap_or_default();
    let template = options.package_url.as_deref()?;
    Some(template.replace("{function}", &spec.function).replace("{digest}", digest))
}

fn memory_mib(spec: &DeploymentSpec) -> u64 {
    spec.limits.memory_bytes.map_or(MEMORY_MIB, |bytes| bytes >> 20)
}

fn time_seconds(spec: &DeploymentSpec) -> u64 {
    spec.limits.time.map_or(TIME_SECONDS, |time| time.as_secs())
}

/// The properties of a lambda in Meta.
fn properties(spec: &DeploymentSpec, options: &Options, environment: &BTreeMap<String, String>) -> Value {
    json!({
        "code_type": "package",
        "package_url": package_url(spec, options),
        "compressed": true,
        "handler": spec.function,
        "runtime": options.runtime,
        "cpus": spec.limits.cpus.unwrap_or(CPUS),
        "memory": memory_mib(spec),
        "timeout": time_seconds(spec),
        "pre_warm": spec.scale.minimum_instances.unwrap_or(0),
        "public": false,
        "env": environment,
        "headers": { "Accept": "application/json" },
        "periodic_info": {},
        "provider": { "id": options.provider, "locations": [] },
    })
}

/// The document that makes a lambda in Meta.
pub(crate) fn meta(spec: &DeploymentSpec, options: &Options, environment: &BTreeMap<String, String>) -> Value {
    json!({
        "name": spec.name,
        "description": description(spec),
        "resource_type": "Gestalt::Resource::Node::Lambda",
        "properties": properties(spec, options, environment),
    })
}

/// The changes that make a lambda of Meta what is asked for now.
pub(crate) fn meta_patch(spec: &DeploymentSpec, options: &Options, environment: &BTreeMap<String, String>) -> Value {
    let replace = |path: String, value: Value| json!({ "op": "replace", "path": path, "value": value });
    let mut changes = vec![replace("/description".to_owned(), description(spec).into())];
    if let Value::Object(properties) = properties(spec, options, environment) {
        let fixed = |name: &str| matches!(name, "provider" | "periodic_info" | "code_type");
        let changed = properties.into_iter().filter(|(name, _)| !fixed(name));
        changes.extend(changed.map(|(name, value)| replace(format!("/properties/{name}"), value)));
    }
    changes.into()
}

/// The document of a lambda in Laser. `code` is the archive in base64, where it is not fetched.
pub(crate) fn laser(spec: &DeploymentSpec, options: &Options, code: Option<&str>) -> Value {
    let id = laser_id(spec.id.as_str());
    let mut artifact = json!({
        "runtime": options.runtime,
        "handler": spec.function,
        "memorySize": memory_mib(spec),
        "cpus": spec.limits.cpus.unwrap_or(CPUS),
        "description": description(spec),
        "compressed": true,
        "publish": false,
        "role": "none",
        "timeoutSecs": time_seconds(spec),
        "periodicInfo": {},
        "headers": { "Accept": "application/json" },
        "secrets": [],
        "preWarm": spec.scale.minimum_instances.unwrap_or(0),
        "isolate": false,
    });
    match (package_url(spec, options), code) {
        (Some(url), _) => artifact["artifactUri"] = url.into(),
        (None, code) => artifact["code"] = code.into(),
    }
    let provider = json!({ "id": options.provider, "location": "", "href": "" });
    json!({ "id": id, "eventFilter": id, "public": false, "provider": provider, "artifactDescription": artifact })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_description_tells_whose_it_is() {
        assert_eq!(
            told("faasbench-deployment=0123456789 faasbench-image=sha256:00").unwrap(),
            ("0123456789", "sha256:00")
        );
        assert_eq!(told("another's"), None);
        assert_eq!(laser_id("0123456789").len(), 36);
    }
}
