//! The interface of an experiment.

use std::collections::BTreeSet;

use async_trait::async_trait;
use platform::Capabilities;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Bench, ExperimentError, Finding, Request, RequestError};

/// What a unit will take.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Time, s.
    pub seconds: f64,
    /// Invocations.
    pub invocations: u64,
    /// Billed time times memory, GB-s (GB: 10^9 bytes), at the limits that it deploys with; for the estimate of a cost.
    pub gigabyte_seconds: f64,
}

/// A part of an experiment that is carried out in one go, on one target. When it was cut it is begun again, or gone on with from
/// what it had saved where the experiment can.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unit {
    /// The experiment's name.
    pub experiment: String,
    /// The installation that it takes place on.
    pub target: String,
    /// The function that is looked at.
    pub function: String,
    /// The workload's size.
    pub size: String,
    /// What else tells it from the others, in words: `512 MB, cold`.
    pub variant: String,
    /// Units of one round are carried out in random order, after those of the round before.
    pub round: u32,
    /// What the experiment needs to carry it out.
    pub parameters: serde_json::Value,
    /// What it will take.
    pub estimate: Estimate,
}

impl Unit {
    /// What tells it from every other unit of a run, also of one that was planned again.
    pub fn key(&self) -> String {
        format!("{}/{}/{}/{}/{}/{}", self.experiment, self.target, self.function, self.size, self.variant, self.round)
    }
}

/// What came of a unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The unit.
    pub unit: Unit,
    /// What it measured, as the experiment wrote it down.
    pub measured: serde_json::Value,
    /// Why it ended before its end: then this is what it had saved until then. `None`: it is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
}

/// A procedure over deployments that answers a named question.
#[async_trait]
pub trait Experiment: Send + Sync {
    /// Its name in flags and results.
    fn name(&self) -> &str;

    /// The question that it answers.
    fn question(&self) -> &str;

    /// What a platform would have to be able to do and can't, in words that end "it can't …"; `None`: it can be carried out.
    fn missing(&self, capabilities: &Capabilities) -> Option<&'static str>;

    /// The default settings, JSON: what `--set` can change.
    fn defaults(&self, quick: bool) -> serde_json::Value;

    /// The functions whose images it deploys: by default those of the workloads and those that they call.
    fn functions(&self, request: &Request) -> BTreeSet<String> {
        let named = request.subjects.iter().flat_map(|subject| subject.calls.iter().chain([&subject.function]));
        named.cloned().collect()
    }

    /// Divides a request into units. Platforms that lack something are left out of `request.targets` already.
    ///
    /// # Errors
    /// When the request can't be carried out.
    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError>;

    /// Carries out one unit and returns what it measured. Every loop in it is bounded, and ends early when the bench was
    /// stopped. One that may take long saves what it has meanwhile, as it returns it, with [`Bench::save`] or in parts with
    /// [`Bench::save_more`].
    ///
    /// # Errors
    /// When it could not be carried out; other units still are.
    async fn run(&self, unit: &Unit, bench: &Bench<'_>) -> Result<serde_json::Value, ExperimentError>;

    /// The answer that follows from what the units came to; pure. Of units that were cut or failed there is what they had saved:
    /// an outcome for each of its parts.
    fn finding(&self, request: &Request, outcomes: &[Outcome]) -> Finding;

    /// The exit code that its answer asks for, where it is asked by a pipeline: 0 where there is nothing to say. Of whole units
    /// only.
    fn exit_code(&self, _outcomes: &[Outcome]) -> u8 {
        0
    }
}
