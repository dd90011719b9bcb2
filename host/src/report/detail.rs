//! What plots show beside the figures: values themselves and time series, thinned where there are very many.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::figure::{Measure, State, venue};

/// What the plots of one run are drawn from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunDetail {
    /// One entry for each figure that has values, in the order of the figures.
    pub distributions: Vec<Distribution>,
    /// What was read again and again over time.
    pub series: Vec<TimeSeries>,
}

/// The values of one figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Distribution {
    /// The experiment's name.
    pub experiment: String,
    /// The function's name.
    pub function: String,
    /// The workload's size.
    pub size: String,
    /// `native` or `wasm`.
    pub engine: String,
    /// Where it ran: `in-process` for a worker of ours, or the platform's name.
    #[serde(default = "super::figure::in_process")]
    pub platform: String,
    /// Warm or cold.
    pub state: State,
    /// What was measured.
    pub measure: Measure,
    /// In rising order: all of them, or evenly spaced order statistics (the smallest and the greatest among them) where
    /// `n` is greater than their number.
    pub sorted: Vec<f64>,
    /// In the order measured: all of them, or evenly spaced ones. Shows drift and warm-up.
    pub in_order: Vec<f64>,
    /// How many values there were.
    pub n: usize,
}

/// Readings over the life of one process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimeSeries {
    /// The experiment's name.
    pub experiment: String,
    /// The function's name.
    pub function: String,
    /// The workload's size.
    pub size: String,
    /// `native` or `wasm`.
    pub engine: String,
    /// Where it ran: `in-process` for a worker of ours, or the platform's name.
    #[serde(default = "super::figure::in_process")]
    pub platform: String,
    /// What was read: `rss`, `linear-memory`, `written`, an event's name.
    pub name: String,
    /// `bytes`, `1`.
    pub unit: String,
    /// Which of how many processes this one is, from 1, as `(this, all)`. The others are in the results database.
    pub process: (usize, usize),
    /// In the order of time: all of them, or evenly spaced ones.
    pub points: Vec<Point>,
    /// How many points there were.
    pub n: usize,
    /// When invocations began and ended.
    pub repetitions: Vec<Repetition>,
}

impl Distribution {
    /// How a report calls the place where it was measured.
    pub(super) fn venue(&self) -> &str {
        venue(&self.engine, &self.platform)
    }
}

impl TimeSeries {
    /// How a report calls the place where it was measured.
    pub(super) fn venue(&self) -> &str {
        venue(&self.engine, &self.platform)
    }
}

/// One reading.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Since the first reading or invocation of the process, ns.
    pub elapsed_ns: u64,
    /// The value, in the unit of the series.
    pub value: f64,
}

/// One invocation in a time series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Repetition {
    /// Which, from 0: the first is the cold one.
    pub index: u32,
    /// When it began, on the series' scale, ns.
    pub begin_ns: u64,
    /// When it ended; absent where that was not recorded.
    pub end_ns: Option<u64>,
}
