//! What a run records.

use std::collections::BTreeMap;

/// The platform of what was measured in a worker process of ours, on none.
pub const IN_PROCESS: &str = "in-process";

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::InvocationId;

/// A number, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reading<T> {
    /// It was read.
    Value(T),
    /// It could not be read; the reason.
    Absent(String),
}

impl<T: Copy> Reading<T> {
    /// The number, if it was read.
    pub fn value(&self) -> Option<T> {
        match self {
            Self::Value(value) => Some(*value),
            Self::Absent(_) => None,
        }
    }
}

/// Names and values that tell series and metrics of one name apart: `{"engine": "wasm"}`.
pub type Labels = BTreeMap<String, String>;

/// One call of a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Invocation {
    /// The experiment's name.
    pub experiment: String,
    /// The function's name.
    pub function: String,
    /// The workload's size: `test`, `small`, `large`, or a name for the user's own input.
    pub size: String,
    /// `native` or `wasm`.
    pub engine: String,
    /// The platform's name.
    pub platform: String,
    /// The deployment's id in the ledger; none on the local experiments.
    pub deployment: Option<i64>,
    /// Which worker process, counted over the run. On platforms: which of the processes that carried out the run, from 0. One that
    /// resumed it goes on with a cut unit of `keep-alive` and `lifetime` from what that had saved, so all of the unit's calls count;
    /// it begins those of other experiments again, and a unit's calls are those of the process that its document names.
    pub process: Option<u32>,
    /// Which round of what is interleaved, from 0.
    pub round: u32,
    /// Which repetition within its process, from 0.
    pub repetition: u32,
    /// Whether it was its instance's first; false also where nothing says, which an absent metric `cold` tells.
    pub is_cold: bool,
    /// When it was due under a schedule, Unix time, ns.
    pub intended_unix_ns: Option<i64>,
    /// When it began, Unix time, ns.
    pub start_unix_ns: i64,
    /// Its duration by a monotonic clock, ns.
    pub wall_ns: Option<u64>,
    /// Processor time in user mode, ns.
    pub user_ns: Option<u64>,
    /// Processor time in the kernel, ns.
    pub system_ns: Option<u64>,
    /// Why one of these three is absent.
    pub time_absent_reason: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The sandbox that served it.
    pub instance_identifier: Option<String>,
    /// The function's response, JSON text, where the experiment keeps it.
    pub response: Option<String>,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "status")]
pub enum Outcome {
    /// With a result.
    Ok {
        /// Digest of the result, `sha256:...`.
        result_digest: Option<String>,
    },
    /// With an error, of the function or on the way to it.
    Error {
        /// The class of the error: `bad-request`, `limit`, ...
        kind: String,
        /// What happened, to what, and what to do next.
        message: String,
    },
}

/// One record out of a function's response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NestedRecord {
    /// The invocation whose response held it.
    pub invocation: InvocationId,
    /// The record's identifier.
    pub identifier: String,
    /// The function's name.
    pub function: String,
    /// Identifier of the calling function's record; `root` at the root.
    pub parent: String,
    /// Depth, 0 at the root.
    pub level: u32,
    /// Whether its instance served its first invocation.
    pub is_cold: Option<bool>,
    /// Unix time, ns.
    pub execution_start_ns: Option<i64>,
    /// The function's own time, us.
    pub execution_us: Option<u64>,
    /// The call's time as the caller saw it, us.
    pub invocation_us: Option<u64>,
    /// The class of its error.
    pub error_kind: Option<String>,
    /// The whole record, JSON text.
    pub record: String,
}

impl NestedRecord {
    /// Out of a response's `records`, as a lab function writes it.
    pub fn of(invocation: InvocationId, identifier: &str, record: &serde_json::Value) -> NestedRecord {
        let text = |field: &str| record[field].as_str().map(str::to_owned);
        NestedRecord {
            invocation,
            identifier: identifier.to_owned(),
            function: text("function_name").unwrap_or_default(),
            parent: text("parent").unwrap_or_default(),
            level: record["level"].as_u64().and_then(|level| u32::try_from(level).ok()).unwrap_or(0),
            is_cold: record["is_cold"].as_bool(),
            execution_start_ns: record["execution_start_ns"].as_i64(),
            execution_us: record["execution_us"].as_u64(),
            invocation_us: record["invocation_us"].as_u64(),
            error_kind: record["error"]["type"].as_str().map(str::to_owned),
            record: record.to_string(),
        }
    }
}

/// One point of a time series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// The invocation it was taken during; none where it belongs to the run.
    pub invocation: Option<InvocationId>,
    /// Name of the series: `rss`, `linear-memory`, `repetition`.
    pub series: String,
    /// When, Unix time, ns.
    pub unix_ns: i64,
    /// When, since the series began, by a monotonic clock, ns.
    pub elapsed_ns: Option<u64>,
    /// The number read. One that isn't finite is stored as absent.
    pub value: Reading<f64>,
    /// Unit of the value: `bytes`, `us`, `1`.
    pub unit: String,
    /// What tells it from other series of this name.
    pub labels: Labels,
}

/// One event counted over one invocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Counter {
    /// The invocation.
    pub invocation: InvocationId,
    /// Name of the event: `instructions`, `PAPI_TOT_CYC`.
    pub name: String,
    /// In which pass over the same work it was counted, from 0.
    pub pass: u32,
    /// The count as read, not scaled.
    pub value: Reading<u64>,
    /// What counted: `hw`, `raw`, `sw`, `callgrind`.
    pub source: String,
    /// The exact event, as opened.
    pub event_code: Option<String>,
    /// For how long the counter was wanted, ns.
    pub time_enabled_ns: Option<u64>,
    /// For how long it counted, ns.
    pub time_running_ns: Option<u64>,
    /// It shared its hardware with others and counted for a part of the time only.
    pub is_multiplexed: bool,
}

impl Counter {
    /// The count estimated for the whole time: as read, times enabled / running where it was multiplexed. None where
    /// it wasn't read or never ran.
    pub fn scaled(&self) -> Option<f64> {
        let value = self.value.value()? as f64;
        if !self.is_multiplexed {
            return Some(value);
        }
        match (self.time_enabled_ns?, self.time_running_ns?) {
            (_, 0) => None,
            (enabled, running) => Some(value * enabled as f64 / running as f64),
        }
    }
}

/// Any number that an experiment finds beside these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// The invocation it belongs to; none where it belongs to the run.
    pub invocation: Option<InvocationId>,
    /// Its name: `compile`, `peak-rss`.
    pub name: String,
    /// The number. One that isn't finite is stored as absent.
    pub value: Reading<f64>,
    /// Unit of the value: `us`, `bytes`, `1`.
    pub unit: String,
    /// What tells it from other metrics of this name.
    pub labels: Labels,
}

/// What a run writes down that is no single number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// The invocation it belongs to; none where it belongs to the run.
    pub invocation: Option<InvocationId>,
    /// The experiment's name.
    pub experiment: String,
    /// What it is: `unit`, `unit-so-far` (what one had measured before its end), `finding`, `span`.
    pub kind: String,
    /// What tells it from others of its kind.
    pub name: String,
    /// The document, JSON text.
    pub document: String,
}

/// A remark about a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// The invocation it is about; none where it is about the run.
    pub invocation: Option<InvocationId>,
    /// When it was made, Unix time, ns.
    pub created_unix_ns: i64,
    /// How grave it is.
    pub level: Level,
    /// The remark.
    pub text: String,
}

/// How grave a note is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Good to know.
    Remark,
    /// May have touched the numbers.
    Warning,
    /// Something asked for was not measured.
    Error,
}
