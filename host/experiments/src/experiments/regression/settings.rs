//! What can be set: the two sides, and how they are compared.

use std::collections::BTreeMap;
use std::time::Duration;

use image_kind::Image;
use platform::DeploymentSpec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::plan::{within, without_minimum};
use crate::{Request, RequestError, settings};

/// One side: what its deployments have that those of the other have not. What is not given is as the target's configuration has it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Side {
    /// The target; absent: every target of the run, each compared with itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<String>,
    /// The image, by its name among the target's; absent: the function's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image: Option<String>,
    /// The image, in a file that `faasbench build FUNCTION --platform PLATFORM --json` printed, as it was then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image_file: Option<String>,
    /// Memory of an instance, MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory_mib: Option<u64>,
    /// Processors of an instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpus: Option<f64>,
    /// Instances at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) maximum_instances: Option<u32>,
    /// Calls at once in one instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) concurrency: Option<u32>,
    /// How long an idle instance is kept, s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) keep_alive_s: Option<f64>,
    /// Environment variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) environment: BTreeMap<String, String>,
}

impl Side {
    /// Changes a specification to this side's.
    pub(super) fn apply(&self, spec: &mut DeploymentSpec) {
        // An instance that is kept ready would be neither side's cold start.
        without_minimum(&mut spec.scale);
        spec.limits.memory_bytes = self.memory_mib.map(|mib| mib << 20).or(spec.limits.memory_bytes);
        spec.limits.cpus = self.cpus.or(spec.limits.cpus);
        spec.scale.maximum_instances = self.maximum_instances.or(spec.scale.maximum_instances);
        spec.scale.concurrency = self.concurrency.or(spec.scale.concurrency);
        spec.scale.keep_alive = self.keep_alive_s.map(Duration::from_secs_f64).or(spec.scale.keep_alive);
        spec.environment.extend(self.environment.clone());
    }

    /// What it is, in words: `memory-mib 256, cpus 0.5`.
    pub(super) fn in_words(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        let fields = value.as_object().into_iter().flatten().map(|(name, value)| match value {
            serde_json::Value::String(text) => format!("{name} {text}"),
            other => format!("{name} {other}"),
        });
        let words: Vec<String> = fields.collect();
        if words.is_empty() { "as configured".to_owned() } else { words.join(", ") }
    }

    fn check(&self, name: &str) -> Result<(), RequestError> {
        if self.image.is_some() && self.image_file.is_some() {
            return Err(RequestError(format!("give {name}.image or {name}.image-file, not both")));
        }
        within(&format!("{name}.memory-mib"), self.memory_mib.unwrap_or(1) as f64, 1.0..=1_048_576.0)?;
        within(&format!("{name}.cpus"), self.cpus.unwrap_or(1.0), 0.001..=1_024.0)?;
        within(&format!("{name}.keep-alive-s"), self.keep_alive_s.unwrap_or(0.0), 0.0..=31_536_000.0)?;
        within(&format!("{name}.maximum-instances"), f64::from(self.maximum_instances.unwrap_or(1)), 1.0..=1e6)?;
        within(&format!("{name}.concurrency"), f64::from(self.concurrency.unwrap_or(1)), 1.0..=1e6)
    }
}

/// Which calls are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Calls {
    /// Those of an instance after its first.
    Warm,
    /// Each an instance's first.
    Cold,
}

/// Which time of a call is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Measure {
    /// From the call to the answer.
    Total,
    /// In the instance: as the platform says, else by the function's own clock.
    Execution,
}

/// What can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// The old side.
    pub(super) a: Side,
    /// The new side.
    pub(super) b: Side,
    /// A change of the median by less than this share matters to nobody.
    pub(super) threshold: f64,
    /// Blocks of each side, each a deployment of its own; those of both sides take turns by chance.
    pub(super) blocks: u32,
    /// Calls that count in each block.
    pub(super) calls: u32,
    /// Which calls are compared.
    pub(super) compare: Calls,
    /// Which time of them.
    pub(super) measure: Measure,
}

pub(super) fn defaults(quick: bool) -> Settings {
    Settings {
        a: Side::default(),
        b: Side::default(),
        threshold: 0.05,
        blocks: if quick { 4 } else { 12 },
        calls: if quick { 10 } else { 50 },
        compare: Calls::Warm,
        measure: Measure::Total,
    }
}

/// `b.memory-mib=512` as the same as `b={"memory-mib": 512}`.
fn nested(request: &Request) -> Request {
    let mut request = request.clone();
    for (name, value) in std::mem::take(&mut request.settings) {
        match name.split_once('.') {
            Some((side @ ("a" | "b"), field)) => {
                let entry = request.settings.entry(side).or_insert_with(|| Value::Object(Map::new()));
                // A side that is no table is refused as one.
                if let Value::Object(fields) = entry {
                    fields.insert(field.to_owned(), value);
                }
            }
            _ => {
                request.settings.insert(name, value);
            }
        }
    }
    request
}

/// The images in a file that `faasbench build --json` printed.
pub(super) fn images(path: &str) -> Result<Vec<Image>, RequestError> {
    /// What is read of it.
    #[derive(Deserialize)]
    struct Built {
        image: Image,
    }
    let wrong = |reason: String| {
        RequestError(format!(
            "the image in {path} can't be used: {reason}; `faasbench build FUNCTION --platform PLATFORM --json` prints one"
        ))
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let built: Vec<Built> = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    match built.iter().find(|built| !built.image.path.exists()) {
        Some(gone) => Err(wrong(format!("{} is not there any more", gone.image.path.display()))),
        None => Ok(built.into_iter().map(|built| built.image).collect()),
    }
}

/// The settings of a request, checked, with a target on each side where two targets are compared.
pub(super) fn of(request: &Request) -> Result<Settings, RequestError> {
    let mut settings: Settings = settings(super::experiment::NAME, &defaults(request.quick), &nested(request))?;
    settings.a.check("a")?;
    settings.b.check("b")?;
    within("threshold", settings.threshold, 0.0..=10.0)?;
    within("blocks", f64::from(settings.blocks), 1.0..=10_000.0)?;
    within("calls", f64::from(settings.calls), 1.0..=100_000.0)?;
    if settings.a == settings.b {
        let [old, new] = request.targets.as_slice() else {
            return Err(RequestError(format!(
                "{} compares two sides, and both are the same: set what the new one has, as in --set b.memory-mib=512, b.image-file=… or \
                 a.target=… and b.target=…, or give exactly two targets",
                super::experiment::NAME
            )));
        };
        settings.a.target = Some(old.target.clone());
        settings.b.target = Some(new.target.clone());
    }
    if settings.a.target.is_some() != settings.b.target.is_some() {
        return Err(RequestError("give a target to both sides, a and b, or to none".to_owned()));
    }
    for name in [&settings.a.target, &settings.b.target].into_iter().flatten() {
        if !request.targets.iter().any(|target| target.target == *name) {
            return Err(RequestError(format!("the run has no target `{name}`; name it with --platform as well")));
        }
    }
    Ok(settings)
}
