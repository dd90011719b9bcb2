//! Intervals, and how each was made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A wanted confidence, strictly between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Confidence(f64);

impl Confidence {
    /// 95 %, what every report uses unless asked otherwise.
    pub const NINETY_FIVE: Self = Self(0.95);

    /// None unless `confidence` lies strictly between 0 and 1.
    pub fn new(confidence: f64) -> Option<Self> {
        (confidence > 0.0 && confidence < 1.0).then_some(Self(confidence))
    }

    /// The confidence as a share of 1.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The confidence that leaves `error` of 1, which lies strictly between 0 and 1.
    pub(super) fn leaving(error: f64) -> Self {
        // Below, 1 - error is 1, and no interval has an end.
        Self(1.0 - error.max(f64::EPSILON))
    }

    /// The quantile that leaves half of the remaining probability above it: 0.975 for 95 %.
    pub(super) fn upper_tail(self) -> f64 {
        0.5 + self.0 / 2.0
    }
}

impl Default for Confidence {
    fn default() -> Self {
        Self::NINETY_FIVE
    }
}

/// How an interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Two order statistics with their exact binomial coverage; holds for every continuous distribution.
    OrderStatistics,
    /// Percentiles of a bootstrap of independent samples.
    Bootstrap,
    /// Expanded percentiles of a bootstrap of processes with all their repetitions.
    HierarchicalBootstrap,
    /// Student's t over one median per process: used where there are too few processes to resample.
    StudentOverProcesses,
    /// Student's t over all values.
    Student,
    /// All samples came from one process: what differs from process to process was not seen, and the interval is
    /// too narrow by an unknown amount.
    WithinOneProcess,
}

/// An interval that is meant to contain the true value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Lower end, in the unit of the samples.
    pub low: f64,
    /// Upper end, in the unit of the samples.
    pub high: f64,
    /// The confidence that was asked for, a share of 1.
    pub confidence: f64,
    /// The coverage that this interval has by its construction, a share of 1, at least `confidence`; none where it
    /// isn't known exactly (every method but order statistics).
    pub achieved_coverage: Option<f64>,
    /// How it was made.
    pub method: Method,
}

impl Interval {
    /// Whether `value` lies in the closed interval.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// Half of the interval's width relative to `estimate`; none when the estimate is zero, or as good as zero.
    pub fn relative_half_width(&self, estimate: f64) -> Option<f64> {
        Some((self.high - self.low) / 2.0 / estimate.abs()).filter(|width| width.is_finite())
    }

    /// The interval widened, where needed, so that it contains `value`.
    pub(super) fn including(self, value: f64) -> Self {
        Self { low: self.low.min(value), high: self.high.max(value), ..self }
    }
}

/// A number with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The estimate itself.
    pub value: f64,
    /// None where there are too few samples for one.
    pub interval: Option<Interval>,
    /// How many samples it rests on, all sides together.
    pub samples: usize,
    /// How many processes they came from, all sides together; none where samples are taken as independent.
    pub processes: Option<usize>,
}
