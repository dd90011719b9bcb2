//! What a run of experiments on platforms is asked to do, with every choice spelled out.

use experiments::{PlannedTarget, Request, Subject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::experiment::PlanError;
use crate::workload::{self, Size};

/// Version of the plan's format. A plan of another version is refused.
pub const PLATFORM_PLAN_VERSION: u32 = 1;

/// One experiment of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedPlatformExperiment {
    /// Its name.
    pub name: String,
    /// What is set of its settings; the rest are its defaults.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// The experiment itself, TOML, where it is the user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
}

/// What a run of experiments on platforms does. It is stored with the run and can be given back by `--plan`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformPlan {
    /// Version of this format.
    pub version: u32,
    /// Seed of generated inputs, of schedules, and of the order of everything.
    pub seed: u64,
    /// Whether it is the plan that ends within a minute on the platforms of this machine.
    pub quick: bool,
    /// What is asked.
    pub experiments: Vec<PlannedPlatformExperiment>,
    /// The functions that are looked at.
    pub functions: Vec<String>,
    /// The sizes of their workloads.
    pub sizes: Vec<Size>,
    /// Where.
    pub targets: Vec<PlannedTarget>,
}

impl PlatformPlan {
    /// Refuses a plan that can't be carried out, before anything is started.
    ///
    /// # Errors
    /// What is wrong.
    pub fn validate(&self) -> Result<(), PlanError> {
        let check = |valid: bool, what: String| if valid { Ok(()) } else { Err(PlanError::Invalid(what)) };
        check(
            self.version == PLATFORM_PLAN_VERSION,
            format!("it has version {}, and this faasbench knows version {PLATFORM_PLAN_VERSION}", self.version),
        )?;
        check(!self.experiments.is_empty(), "it names no experiment".to_owned())?;
        check(!self.functions.is_empty(), "it names no function".to_owned())?;
        check(!self.sizes.is_empty(), "it names no size".to_owned())?;
        check(!self.targets.is_empty(), "it names no target".to_owned())?;
        for function in &self.functions {
            workload::find(function).map_err(|unknown| PlanError::Invalid(unknown.to_string()))?;
        }
        Ok(())
    }

    /// What one of its experiments is asked.
    pub fn request(&self, experiment: &PlannedPlatformExperiment, subjects: &[Subject]) -> Request {
        Request {
            seed: self.seed,
            quick: self.quick,
            subjects: subjects.to_vec(),
            targets: self.targets.clone(),
            settings: experiment.settings.clone(),
        }
    }
}
