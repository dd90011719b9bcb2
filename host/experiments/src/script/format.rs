//! The format of a script.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::show::{PlotRule, TableRule};
use super::step::Step;
use super::value::{Number, Scalar};

/// An experiment of the user's own, as its file has it. `faasbench new experiment NAME` writes a commented one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScriptFile {
    /// Its name in results and reports: letters, digits, `-` and `_`.
    pub name: String,
    /// The question that it answers.
    pub question: String,
    /// How often all of it is carried out, each time with everything in another order; 1 where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<u32>,
    /// Variables, each with its values: every combination is carried out on its own. `"$NAME"` stands for a value where a number is
    /// expected and for a whole text in an event, `{NAME}` for its text within labels, images and environment variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Vec<Scalar>>,
    /// What is different with `--quick`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quick: Option<Quick>,
    /// What a unit may take at most.
    #[serde(default)]
    pub most: Most,
    /// What is deployed, before the first step. Without any it is the function that the run names, under the name `function`.
    #[serde(default, rename = "deployment", skip_serializing_if = "Vec::is_empty")]
    pub deployments: Vec<DeploymentRule>,
    /// What is done, one after another.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
    /// Numbers of a response that are recorded with each call.
    #[serde(default, rename = "record", skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Record>,
    /// Tables of the answer; without any, one of the calls' times by their labels.
    #[serde(default, rename = "table", skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableRule>,
    /// Plots of the answer.
    #[serde(default, rename = "plot", skip_serializing_if = "Vec::is_empty")]
    pub plots: Vec<PlotRule>,
}

/// What is different with `--quick`: what is not given is as without it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Quick {
    /// Rounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rounds: Option<u32>,
    /// Values of variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Vec<Scalar>>,
    /// What a unit may take at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<Most>,
}

/// What a unit may take at most; what is measured until then stays.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Most {
    /// Time, s, without deploying.
    pub seconds: f64,
    /// Calls.
    pub calls: u32,
}

impl Default for Most {
    fn default() -> Most {
        Most { seconds: 3_600.0, calls: 100_000 }
    }
}

/// What is deployed, under a name that steps use. What is not given is as the target's configuration has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DeploymentRule {
    /// Its name in steps.
    pub name: String,
    /// The function; without one it is the function that the run names, in turn where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The image, by its name among those that the run builds; the function's own where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Whether it is deployed under its function's own name, where nested calls of others find it.
    #[serde(default)]
    pub called: bool,
    /// Memory of an instance, MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<Number>,
    /// Processors of an instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Number>,
    /// Longest call, s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_s: Option<Number>,
    /// Instances that are kept, idle or not. Where it is not given, the platform's own default whatever the target's
    /// configuration says, so that cold starts are cold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_instances: Option<Number>,
    /// Instances at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_instances: Option<Number>,
    /// Calls at once in one instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Number>,
    /// How long an idle instance is kept, s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_alive_s: Option<Number>,
    /// Calls that may wait for an instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Number>,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
}

impl DeploymentRule {
    /// The one that there is where none is given.
    pub(super) fn of_the_run() -> DeploymentRule {
        DeploymentRule {
            name: "function".to_owned(),
            function: None,
            image: None,
            called: false,
            memory_mib: None,
            cpus: None,
            time_s: None,
            minimum_instances: None,
            maximum_instances: None,
            concurrency: None,
            keep_alive_s: None,
            queue: None,
            environment: BTreeMap::new(),
        }
    }
}

/// Where a number is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// In the whole response.
    #[default]
    Response,
    /// In the called function's own record, of the functions that return records.
    Record,
}

/// A number of a response that is recorded with each call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Record {
    /// Its name in results, tables and plots.
    pub name: String,
    /// Where it is: a JSON pointer (RFC 6901), as in `/measurement/compute_us`. true counts as 1, false as 0.
    pub pointer: String,
    /// In what.
    #[serde(default)]
    pub of: Source,
    /// Its unit: `ns`, `us`, `ms`, `s`, `bytes`, `1`. Times of ns, us, ms and s are shown in the one that reads best.
    #[serde(default = "one")]
    pub unit: String,
}

fn one() -> String {
    "1".to_owned()
}
