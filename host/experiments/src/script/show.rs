//! What a script shows of what it measured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number about a group of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// How many calls count.
    N,
    /// The middle value, with its interval.
    Median,
    /// The mean, with its interval.
    Mean,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// The 90th percentile.
    P90,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// How many calls failed.
    Failed,
    /// The share of cold calls among those that say whether they are, %.
    ColdShare,
    /// How many instances served.
    Instances,
}

impl Statistic {
    /// What its column is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Statistic::N => "n",
            Statistic::Median => "median",
            Statistic::Mean => "mean",
            Statistic::Min => "min",
            Statistic::Max => "max",
            Statistic::P90 => "p90",
            Statistic::P95 => "p95",
            Statistic::P99 => "p99",
            Statistic::Failed => "failed",
            Statistic::ColdShare => "cold",
            Statistic::Instances => "instances",
        }
    }
}

/// Which calls are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CallKind {
    /// All.
    #[default]
    All,
    /// Those that were their instance's first, as it says itself.
    Cold,
    /// Those that were not.
    Warm,
}

/// A table: a row for each group of calls. Targets and functions are always apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TableRule {
    /// What it shows.
    pub title: String,
    /// Of what: `total` (ns), `response`, `connect`, `first-byte`, `queue`, `start`, `execution`, `billed`, `age`, or a record's name.
    #[serde(default = "total")]
    pub metric: String,
    /// What else makes groups: `label`, `deployment`, or the name of a variable.
    #[serde(default = "label")]
    pub group: Vec<String>,
    /// Its columns.
    #[serde(default = "usual")]
    pub show: Vec<Statistic>,
    /// Only calls with these labels; all where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Only these calls.
    #[serde(default)]
    pub calls: CallKind,
}

/// A plot. Targets and functions are always apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PlotRule {
    /// What it shows.
    pub title: String,
    /// Over what: `time` since the first call, `repetition`, `percentile` (the distribution), or the name of a variable.
    pub x: String,
    /// Of what, as in a table.
    #[serde(default = "total")]
    pub metric: String,
    /// What else makes a line of its own, as in a table.
    #[serde(default = "label")]
    pub group: Vec<String>,
    /// What of it is shown over a variable.
    #[serde(default = "median")]
    pub statistic: Statistic,
    /// Only calls with these labels; all where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Only these calls.
    #[serde(default)]
    pub calls: CallKind,
    /// Whether x is logarithmic.
    #[serde(default)]
    pub logarithmic: bool,
}

fn total() -> String {
    "total".to_owned()
}

fn label() -> Vec<String> {
    vec!["label".to_owned()]
}

fn usual() -> Vec<Statistic> {
    vec![Statistic::Median, Statistic::P95, Statistic::Failed, Statistic::N]
}

fn median() -> Statistic {
    Statistic::Median
}

impl TableRule {
    /// The one that there is where none is given.
    pub(super) fn usual() -> TableRule {
        TableRule {
            title: "Time of the calls".to_owned(),
            metric: total(),
            group: label(),
            show: usual(),
            labels: Vec::new(),
            calls: CallKind::All,
        }
    }
}
