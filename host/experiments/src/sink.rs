//! Where what is measured goes.

use std::collections::BTreeMap;

use platform::DeploymentId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Call, Unit};

/// What was measured could not be recorded.
#[derive(Debug, Error)]
#[error("what was measured could not be recorded: {0}")]
pub struct SinkError(pub String);

/// A recorded call, to which metrics and nested records belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallNumber(pub i64);

/// A number, or why there is none.
pub type Measured = Result<f64, String>;

/// A part of a trace, as OpenTelemetry has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// The span that this one is part of.
    pub parent_span_id: Option<String>,
    /// What was done.
    pub name: String,
    /// Who did it: the caller, the function's name.
    pub service: String,
    /// Its beginning, Unix time of the clock of whoever did it, ns.
    pub start_unix_ns: u64,
    /// How long it took, ns.
    pub duration_ns: u64,
    /// Whether it failed.
    pub is_error: bool,
    /// What else is known.
    pub attributes: BTreeMap<String, String>,
}

/// Takes what is measured, as it happens.
pub trait Sink: Send + Sync {
    /// A call and its answer.
    ///
    /// # Errors
    /// When it was not taken.
    fn call(&self, unit: &Unit, deployment: &DeploymentId, call: &Call) -> Result<CallNumber, SinkError>;

    /// A number that belongs to a call, or to the run.
    ///
    /// # Errors
    /// When it was not taken.
    fn metric(
        &self,
        call: Option<CallNumber>,
        name: &str,
        value: Measured,
        unit: &str,
        labels: &[(&str, &str)],
    ) -> Result<(), SinkError>;

    /// A value of a series, at a Unix time.
    ///
    /// # Errors
    /// When it was not taken.
    fn sample(
        &self,
        series: &str,
        unix_ns: u64,
        value: Measured,
        unit: &str,
        labels: &[(&str, &str)],
    ) -> Result<(), SinkError>;

    /// A part of a trace.
    ///
    /// # Errors
    /// When it was not taken.
    fn span(&self, unit: &Unit, span: &Span) -> Result<(), SinkError>;

    /// A sentence for whoever reads the run: something was left out, or is not as it should be.
    ///
    /// # Errors
    /// When it was not taken.
    fn note(&self, text: &str) -> Result<(), SinkError>;

    /// What a unit that goes on has measured until now, or a part of it, counted from 0: it takes the place of what was saved as
    /// that part before, and all of it that of what an earlier process saved of the unit. When this has returned it is durable.
    ///
    /// # Errors
    /// When it was not taken.
    fn saved(&self, unit: &Unit, part: u32, measured: &serde_json::Value) -> Result<(), SinkError>;

    /// What came of a unit. When this has returned it is durable, and a run that goes on does not do the unit again.
    ///
    /// # Errors
    /// When it was not taken.
    fn done(&self, unit: &Unit, measured: &serde_json::Value) -> Result<(), SinkError>;
}
