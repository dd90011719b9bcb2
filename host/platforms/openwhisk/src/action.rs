//! The document of an action.

use std::collections::BTreeMap;
use std::time::Duration;

use image_kind::ImageKind;
use platform::{DeploymentSpec, PlatformError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Kind, Options};

/// The annotation with the deployment's id: our mark.
pub(crate) const MARK: &str = "faasbench-deployment";
/// The annotation with the image's digest.
pub(crate) const DIGEST: &str = "faasbench-image";
/// The annotation that a forced cold start changes.
pub(crate) const COLD: &str = "faasbench-cold";

const MIB: u64 = 1 << 20;
/// What OpenWhisk gives where nothing is asked for (`reference.conf`): memory, MiB; time, ms; logs, MiB; activations at once.
const DEFAULT_MEMORY_MIB: u64 = 256;
const DEFAULT_TIME_MS: u64 = 60_000;
const DEFAULT_LOG_MIB: u64 = 10;
const DEFAULT_CONCURRENCY: u32 = 1;
/// Largest code of an action, MiB, as it is stored: in base64.
const MAXIMUM_CODE_MIB: u64 = 48;

/// An action as the API tells it.
#[derive(Debug, Deserialize)]
pub(crate) struct Action {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) annotations: Vec<Annotation>,
}

/// A key with its value.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Annotation {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: Value,
}

impl Action {
    /// The text of an annotation.
    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.iter().find(|annotation| annotation.key == key)?.value.as_str()
    }
}

/// A revision, `0.0.3`, as numbers that can be compared; `None` for what is none.
pub(crate) fn revision(version: &str) -> Option<Vec<u64>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

/// Refuses what OpenWhisk can't keep.
pub(crate) fn check(spec: &DeploymentSpec, options: &Options) -> Result<(), PlatformError> {
    let expected = image_kind(options);
    if spec.image.kind != expected {
        return Err(PlatformError::Invalid(format!(
            "OpenWhisk takes an image `{expected}` here, not `{}`",
            spec.image.kind
        )));
    }
    check_name(&spec.name)?;
    let spec = &with_all_limits(spec, options);
    let refuse =
        |what: &str| Err(PlatformError::Invalid(format!("OpenWhisk can't {what} for `{}`; leave it out", spec.name)));
    if spec.limits.cpus.is_some() {
        return refuse("set a share of processors");
    }
    if spec.limits.scratch_bytes.is_some() {
        return refuse("limit the scratch disk");
    }
    if spec.scale.minimum_instances.is_some_and(|count| count > 0) {
        return refuse("keep instances");
    }
    if spec.scale.maximum_instances.is_some() {
        return refuse("limit the number of instances");
    }
    if spec.scale.keep_alive.is_some() {
        return refuse("set the keep-alive time");
    }
    if spec.scale.queue.is_some() {
        return refuse("limit the queue");
    }
    check_concurrency(spec, options)?;
    if options.kind == Kind::Native && spec.image.bytes.div_ceil(3) * 4 > MAXIMUM_CODE_MIB * MIB {
        return Err(PlatformError::Invalid(format!(
            "the archive of `{}` has {} bytes, and OpenWhisk takes at most {MAXIMUM_CODE_MIB} MiB in base64; use `kind = \"blackbox\"`",
            spec.name, spec.image.bytes
        )));
    }
    limits(spec, options).map(|_| ())
}

/// The kind of image that the options ask for.
pub(crate) fn image_kind(options: &Options) -> ImageKind {
    match options.kind {
        Kind::Blackbox => ImageKind::Oci,
        Kind::Native => ImageKind::OpenWhiskZip,
    }
}

fn check_name(name: &str) -> Result<(), PlatformError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if (1..=63).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-') {
        return Ok(());
    }
    Err(PlatformError::Invalid(format!(
        "`{name}` can't be an action's name: give 1 to 63 letters, digits, `-` or `_`, not beginning with `-`"
    )))
}

fn check_concurrency(spec: &DeploymentSpec, options: &Options) -> Result<(), PlatformError> {
    let Some(concurrency) = spec.scale.concurrency else { return Ok(()) };
    if concurrency > 1 && options.kind == Kind::Native {
        return Err(PlatformError::Invalid(
            "an archive's proxy runs one activation at a time; use `kind = \"blackbox\"` or a concurrency of 1"
                .to_owned(),
        ));
    }
    if !(1..=options.concurrency_maximum).contains(&concurrency) {
        return Err(PlatformError::Invalid(format!(
            "a concurrency of {concurrency} is not one of 1 to {}, which this OpenWhisk allows; where it allows more, set `concurrency-maximum`",
            options.concurrency_maximum
        )));
    }
    Ok(())
}

/// The deployment with each limit that it does not ask for at OpenWhisk's default: an update that leaves one out keeps the one
/// of before.
pub(crate) fn with_all_limits(spec: &DeploymentSpec, options: &Options) -> DeploymentSpec {
    let mut spec = spec.clone();
    let memory_mib = DEFAULT_MEMORY_MIB.max(options.memory_minimum_mib).min(options.memory_maximum_mib);
    spec.limits.memory_bytes.get_or_insert(memory_mib.saturating_mul(MIB));
    spec.limits.time.get_or_insert(Duration::from_millis(DEFAULT_TIME_MS.min(options.time_maximum_ms)));
    spec.limits.log_bytes.get_or_insert(DEFAULT_LOG_MIB * MIB);
    spec.scale.concurrency.get_or_insert(DEFAULT_CONCURRENCY);
    spec
}

/// The limits, for the document.
fn limits(spec: &DeploymentSpec, options: &Options) -> Result<Value, PlatformError> {
    let mut limits = serde_json::Map::new();
    if let Some(bytes) = spec.limits.memory_bytes {
        let range = options.memory_minimum_mib..=options.memory_maximum_mib;
        if bytes % MIB != 0 || !range.contains(&(bytes / MIB)) {
            return Err(PlatformError::Invalid(format!(
                "{bytes} bytes of memory are not whole MiB from {} to {}, which this OpenWhisk allows; where it allows others, set \
                 `memory-minimum-mib` and `memory-maximum-mib`",
                range.start(),
                range.end()
            )));
        }
        limits.insert("memory".to_owned(), (bytes / MIB).into());
    }
    if let Some(time) = spec.limits.time {
        let most = options.time_maximum_ms;
        match u64::try_from(time.as_millis()) {
            Ok(ms) if (100..=most).contains(&ms) && time.subsec_nanos() % 1_000_000 == 0 => {
                limits.insert("timeout".to_owned(), ms.into());
            }
            _ => {
                return Err(PlatformError::Invalid(format!(
                    "a time limit of {} s is not one of whole ms from 100 to {most}, which this OpenWhisk allows; where it allows \
                     more, set `time-maximum-ms`",
                    time.as_secs_f64()
                )));
            }
        }
    }
    if let Some(bytes) = spec.limits.log_bytes {
        if bytes % MIB != 0 || bytes / MIB > 10 {
            return Err(PlatformError::Invalid(format!(
                "{bytes} bytes of logs are not whole MiB from 0 to 10, which OpenWhisk allows"
            )));
        }
        limits.insert("logs".to_owned(), (bytes / MIB).into());
    }
    if let Some(concurrency) = spec.scale.concurrency {
        limits.insert("concurrency".to_owned(), concurrency.into());
    }
    Ok(Value::Object(limits))
}

/// What an action runs.
pub(crate) enum Code<'a> {
    /// An image by its tag: OpenWhisk reads the digest of a reference and drops it.
    Image(&'a str),
    /// An archive, in base64.
    Archive(&'a str),
}

/// The document that creates or updates an action, of a deployment [`with_all_limits`].
pub(crate) fn document(
    spec: &DeploymentSpec,
    options: &Options,
    code: Code<'_>,
    environment: &BTreeMap<String, String>,
) -> Result<Value, PlatformError> {
    let exec = match code {
        Code::Image(reference) => json!({ "kind": "blackbox", "image": reference }),
        Code::Archive(base64) => {
            json!({ "kind": "blackbox", "image": options.native_image, "code": base64, "binary": true })
        }
    };
    // Only what is given at the initialisation is a variable; the rest would be in every event.
    let parameter = |(key, value): (&String, &String)| json!({ "key": key, "value": value, "init": true });
    Ok(json!({
        "namespace": options.namespace,
        "name": spec.name,
        "exec": exec,
        "limits": limits(spec, options)?,
        "parameters": environment.iter().map(parameter).collect::<Vec<_>>(),
        "annotations": annotations(spec, options),
    }))
}

fn annotations(spec: &DeploymentSpec, options: &Options) -> Value {
    json!([
        { "key": MARK, "value": spec.id.as_str() },
        { "key": DIGEST, "value": spec.image.digest },
        { "key": "web-export", "value": options.web },
        { "key": "raw-http", "value": false },
        { "key": "provide-api-key", "value": false },
    ])
}

/// The document that makes a new revision of what an action is already: no container of the old one serves it.
pub(crate) fn fresh(action: &Action, nonce: u64) -> Value {
    let kept = action.annotations.iter().filter(|annotation| {
        // OpenWhisk writes these itself.
        !matches!(annotation.key.as_str(), COLD | "exec" | "binary")
    });
    let mut annotations: Vec<Value> =
        kept.map(|annotation| json!({ "key": annotation.key, "value": annotation.value })).collect();
    annotations.push(json!({ "key": COLD, "value": nonce.to_string() }));
    json!({ "namespace": action.namespace, "name": action.name, "annotations": annotations })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_compare_as_numbers() {
        assert!(revision("0.0.10") > revision("0.0.9"));
        assert_eq!(revision("0.0.x"), None);
    }
}
