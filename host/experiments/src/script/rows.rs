//! What a unit of a script measured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::format::ScriptFile;
use super::metric;
use crate::Call;

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) deployment: String,
    pub(super) label: String,
    /// What changes within repetitions, as it was at the call.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) varied: BTreeMap<String, Value>,
    /// Its number among those of its label, from 0.
    pub(super) repetition: u32,
    pub(super) start_unix_ns: u64,
    /// Whether it was its instance's first; `None`: nothing says.
    pub(super) cold: Option<bool>,
    pub(super) instance: Option<String>,
    /// Why it is no success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
    /// Metrics that it has.
    pub(super) values: BTreeMap<String, f64>,
}

/// Why a repetition ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reason {
    /// What was waited for was so.
    Condition,
    /// It was repeated as often as may be.
    Times,
    /// The unit took as much as it may.
    Cut,
}

/// How a `repeat-until` ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct End {
    /// What it waited for.
    pub(super) until: String,
    pub(super) reason: Reason,
    /// How often it was repeated.
    pub(super) times: u32,
    /// The number that changes: its name, its value in the last repetition, and in the one before.
    pub(super) varied: Option<(String, f64, Option<f64>)>,
}

/// What a unit measured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Measured {
    /// The values of the sweep's variables.
    pub(super) variables: BTreeMap<String, Value>,
    pub(super) rows: Vec<Row>,
    pub(super) ends: Vec<End>,
    /// Calls of schedules that were not made, as too many were under way.
    pub(super) dropped: u64,
    /// Why it ended before its last step.
    pub(super) cut: Option<String>,
}

impl Row {
    pub(super) fn of(file: &ScriptFile, call: &Call, deployment: &str, varied: BTreeMap<String, Value>) -> Row {
        let mut values = BTreeMap::new();
        for name in metric::built_in() {
            if let Some(value) = metric::value(name, call) {
                values.insert(name.to_owned(), value);
            }
        }
        for record in &file.records {
            if let Ok(value) = record.read(call) {
                values.insert(record.name.clone(), value);
            }
        }
        Row {
            deployment: deployment.to_owned(),
            label: call.label.clone(),
            varied,
            repetition: call.repetition,
            start_unix_ns: call.start_unix_ns,
            cold: call.is_cold(),
            instance: call.instance().map(|instance| instance.id.clone()),
            failure: call.failure.as_ref().map(|failure| failure.kind.clone()),
            values,
        }
    }
}
