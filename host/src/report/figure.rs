//! The figures of a report, as `--json` prints them.

use experiments::Finding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::results::{IN_PROCESS, RunStatus};
use crate::stats::{Estimate, Outliers, Percentile};

/// Name and version of this format; another version has another number.
pub const SCHEMA: &str = "faasbench.run-report/1";

/// What one run says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunReport {
    /// `faasbench.run-report/1`.
    pub schema: String,
    /// The run.
    pub run: ReportedRun,
    /// What the run says in a sentence for each experiment.
    #[serde(default)]
    pub answers: Vec<Answer>,
    /// The answers of experiments on platforms, with their tables and plots.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// One entry for each thing measured, in the order of experiment, function, size, engine, state.
    pub figures: Vec<Figure>,
    /// WASM and platforms against native code in a worker, where both were measured.
    pub ratios: Vec<Ratio>,
    /// Invocations that failed, alike ones together.
    pub failures: Vec<Failure>,
    /// What the order of the values shows: drift over the run, warming up within a process.
    #[serde(default)]
    pub observations: Vec<String>,
    /// Remarks made during the run, in their order.
    pub notes: Vec<String>,
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The experiment's name.
    pub experiment: String,
    /// What it asks.
    pub question: String,
    /// The answer, one or two sentences.
    pub sentence: String,
}

/// The run that a report is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportedRun {
    /// Its id.
    pub id: String,
    /// When it began, Unix time, ns.
    pub created_unix_ns: i64,
    /// When it ended; absent when it did not.
    pub finished_unix_ns: Option<i64>,
    /// How far it got.
    pub status: RunStatus,
    /// The name that the user gave it.
    #[serde(default)]
    pub label: Option<String>,
    /// Its command line.
    pub command: Vec<String>,
    /// Its plan, as `--plan` takes it.
    pub plan: Json,
    /// The machine and its settings.
    pub environment: Json,
    /// Seed of every random choice.
    pub seed: u64,
    /// Version of faasbench.
    pub version: String,
    /// The code that was measured.
    #[serde(default)]
    pub code: Vec<MeasuredCode>,
}

/// One function's code in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MeasuredCode {
    /// The function's name.
    pub function: String,
    /// `native` or `wasm`.
    pub engine: String,
    /// Where it ran: `in-process` for a worker of ours, or the platform's name.
    #[serde(default = "in_process")]
    pub platform: String,
    /// `sha256:` and 64 hexadecimal digits of the component or the binary; in a worker, native code is in faasbench itself.
    pub digest: Option<String>,
    /// Its size, bytes.
    pub bytes: Option<u64>,
    /// Digest of the image around it, where there is one.
    #[serde(default)]
    pub image_digest: Option<String>,
    /// The image's size, bytes.
    #[serde(default)]
    pub image_bytes: Option<u64>,
}

impl MeasuredCode {
    /// How a report calls the place where it ran.
    pub(super) fn venue(&self) -> &str {
        venue(&self.engine, &self.platform)
    }
}

/// In which state the instance was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It had served before.
    Warm,
    /// Its first invocation; compiled code came from the cache, or was native.
    Cold,
    /// Its first invocation, after its component was compiled on the spot.
    ColdCompiled,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Measure {
    /// `wall`, `user`, `peak-rss`, `read`, `TOT_INS`, ...
    pub name: String,
    /// `ns`, `bytes`, `1`.
    pub unit: String,
    /// Where a counter came from: `hardware`, `raw`, `software`, `simulated`; absent for what is no counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Over how many instances it is a total; absent for a figure of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<u32>,
    /// The file that it is about, for figures per file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// One thing measured on one workload, engine and state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    /// The experiment's name.
    pub experiment: String,
    /// The function's name.
    pub function: String,
    /// The workload's size.
    pub size: String,
    /// `native` or `wasm`.
    pub engine: String,
    /// Where it ran: `in-process` for a worker of ours, or the platform's name.
    #[serde(default = "in_process")]
    pub platform: String,
    /// Warm or cold.
    pub state: State,
    /// What was measured.
    pub measure: Measure,
    /// The median, with the interval that the processes' differences call for; absent when nothing could be read.
    pub median: Option<Estimate>,
    /// The 95th percentile, where there are enough values to carry it (59).
    pub p95: Option<Percentile>,
    /// The 99th percentile, where there are enough values to carry it (299).
    pub p99: Option<Percentile>,
    /// Smallest value.
    pub min: Option<f64>,
    /// Greatest value.
    pub max: Option<f64>,
    /// Median absolute deviation.
    pub mad: Option<f64>,
    /// Values far off, by their position in the order measured. They are in every figure above.
    pub outliers: Option<Outliers>,
    /// Values that were estimated because a counter was shared.
    pub multiplexed: usize,
    /// Values that could not be read, by reason.
    pub absences: Vec<Absence>,
}

/// Values that could not be read for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Absence {
    /// The reason.
    pub reason: String,
    /// How many.
    pub n: usize,
}

/// One venue against another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ratio {
    /// The experiment's name.
    pub experiment: String,
    /// The function's name.
    pub function: String,
    /// The workload's size.
    pub size: String,
    /// Warm or cold.
    pub state: State,
    /// What was measured.
    pub measure: Measure,
    /// Above the line: `wasm`, `process`, ...
    pub numerator: String,
    /// Below it: `native`.
    pub denominator: String,
    /// The ratio of the medians.
    pub ratio: Estimate,
}

/// The platform of what was stored before there were several.
pub(super) fn in_process() -> String {
    IN_PROCESS.to_owned()
}

/// How a report calls the place where something was measured: by the engine for a worker of ours, by the platform otherwise.
pub(super) fn venue<'a>(engine: &'a str, platform: &'a str) -> &'a str {
    if platform == IN_PROCESS { engine } else { platform }
}

impl Figure {
    /// How a report calls the place where it was measured.
    pub(super) fn venue(&self) -> &str {
        venue(&self.engine, &self.platform)
    }
}

impl Failure {
    /// How a report calls the place where it happened.
    pub(super) fn venue(&self) -> &str {
        venue(&self.engine, &self.platform)
    }
}

/// Alike failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The experiment's name.
    pub experiment: String,
    /// The function's name.
    pub function: String,
    /// The workload's size.
    pub size: String,
    /// `native` or `wasm`.
    pub engine: String,
    /// Where it ran: `in-process` for a worker of ours, or the platform's name.
    #[serde(default = "in_process")]
    pub platform: String,
    /// The error's class.
    pub kind: String,
    /// The error's text.
    pub message: String,
    /// How many invocations ended so.
    pub n: usize,
}
