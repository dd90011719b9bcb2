//! What dividing a request into units and reading their outcomes takes in every experiment.

use std::collections::BTreeSet;

use platform::Scale;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{
    Estimate, Experiment, ExperimentError, Finding, Outcome, PlannedTarget, Request, RequestError, Subject, Unit,
};

/// Functions that understand `sleep` and `throughput_time`, and answer with records.
const TIMED: [&str; 4] = ["function1", "function2", "function3", "monolith"];

/// Memory that an instance is supposed to be billed for where an estimate is asked for, GB.
const SUPPOSED_GIGABYTES: f64 = 0.25;

fn is_on_this_machine(target: &PlannedTarget) -> bool {
    target.capabilities.local_processes || target.platform == "wasm"
}

/// What deploying and removing is supposed to take, s: on platforms of this machine, and on others.
pub(crate) fn deploying_s(target: &PlannedTarget) -> f64 {
    if is_on_this_machine(target) { 0.3 } else { 20.0 }
}

/// A unit of an experiment.
pub(crate) fn unit(
    experiment: &dyn Experiment,
    target: &PlannedTarget,
    subject: &Subject,
    (variant, round): (&str, u32),
    parameters: impl Serialize,
    estimate: Estimate,
) -> Result<Unit, RequestError> {
    let parameters = serde_json::to_value(parameters)
        .map_err(|error| RequestError(format!("{} could not be planned: {error}", experiment.name())))?;
    Ok(Unit {
        experiment: experiment.name().to_owned(),
        target: target.target.clone(),
        function: subject.function.clone(),
        size: subject.size.clone(),
        variant: variant.to_owned(),
        round,
        parameters,
        estimate,
    })
}

/// What so many invocations that are billed for so long, and waiting, will take.
pub(crate) fn estimate(seconds: f64, invocations: u64, billed_s: f64) -> Estimate {
    Estimate { seconds, invocations, gigabyte_seconds: invocations as f64 * billed_s * SUPPOSED_GIGABYTES }
}

/// Undoes a minimum of instances that the target's configuration sets: what is kept ready starts for nobody and never ends.
/// The platform's own default stays, as not every one can go down to none.
pub(crate) fn without_minimum(scale: &mut Scale) {
    scale.minimum_instances = None;
}

/// What a target can't be given of what a plan varies, as a note; nothing where there is none.
pub(crate) fn left_out(target: &PlannedTarget, values: Vec<String>) -> Option<String> {
    (!values.is_empty())
        .then(|| format!("{} does not take {}, so that was left out.", target.target, values.join(", ")))
}

/// The keep-alive time that is set on a target: of a quick plan, which has a very short one, only on platforms of this machine
/// unless the user names it.
pub(crate) fn keep_alive_s(request: &Request, target: &PlannedTarget, setting: Option<f64>) -> Option<f64> {
    let is_meant = !request.quick || is_on_this_machine(target) || request.settings.contains_key("keep-alive-s");
    setting.filter(|_| target.capabilities.keep_alive && is_meant)
}

/// Whether a function sleeps and computes for as long as its event says.
pub(crate) fn is_timed(function: &str) -> bool {
    TIMED.contains(&function)
}

/// The functions of a request that tell when they ran, each once, in their order; `function1` where there is none.
pub(crate) fn functions_with_records(request: &Request) -> Vec<String> {
    let mut functions: Vec<String> = Vec::new();
    for subject in request.subjects.iter().filter(|subject| is_timed(&subject.function)) {
        if !functions.contains(&subject.function) {
            functions.push(subject.function.clone());
        }
    }
    if functions.is_empty() {
        functions.push(TIMED[0].to_owned());
    }
    functions
}

/// What a unit's plan holds.
///
/// # Errors
/// When it can't be read, as another version wrote it.
pub(crate) fn parameters<T: DeserializeOwned>(unit: &Unit) -> Result<T, ExperimentError> {
    serde_json::from_value(unit.parameters.clone())
        .map_err(|error| ExperimentError::NoAnswer(format!("the plan of {} can't be read: {error}", unit.key())))
}

/// The functions of a request that sleep and compute as an event says, each once, with a workload that names it.
///
/// # Errors
/// When there is none.
pub(crate) fn timed_subjects<'a>(experiment: &str, request: &'a Request) -> Result<Vec<&'a Subject>, RequestError> {
    let mut seen = BTreeSet::new();
    let is_new = |subject: &&Subject| is_timed(&subject.function) && seen.insert(subject.function.clone());
    let subjects: Vec<&Subject> = request.subjects.iter().filter(is_new).collect();
    if subjects.is_empty() {
        return Err(RequestError(format!(
            "{experiment} needs a function that sleeps and computes for as long as it is told: give one or more of {}",
            TIMED.join(", ")
        )));
    }
    Ok(subjects)
}

/// Refuses a setting that is out of its range.
///
/// # Errors
/// When it is, with the range.
pub(crate) fn within(name: &str, value: f64, range: std::ops::RangeInclusive<f64>) -> Result<(), RequestError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(RequestError(format!("the setting {name} is {value}; give {} to {}", range.start(), range.end())))
}

/// What the units measured; a line in the notes for one that can't be read, as another version wrote it.
pub(crate) fn measured<'a, T: DeserializeOwned>(
    outcomes: &'a [Outcome],
    notes: &mut Vec<String>,
) -> Vec<(&'a Unit, T)> {
    let mut all = Vec::new();
    for outcome in outcomes {
        match serde_json::from_value(outcome.measured.clone()) {
            Ok(measured) => all.push((&outcome.unit, measured)),
            Err(error) => notes.push(format!("{} can't be read and is left out: {error}", outcome.unit.key())),
        }
    }
    all
}

/// An empty finding of this experiment.
pub(crate) fn finding(experiment: &dyn Experiment) -> Finding {
    Finding {
        experiment: experiment.name().to_owned(),
        question: experiment.question().to_owned(),
        ..Finding::default()
    }
}
