//! The plan, and carrying it out.

use std::collections::BTreeSet;

use async_trait::async_trait;
use image_kind::Image;
use platform::{Capabilities, ColdStart as Way, Deployment};
use serde::{Deserialize, Serialize};

use super::super::plan::{deploying_s, estimate, unit};
use super::super::record::handler_ns;
use super::super::tally::Tally;
use super::finding::finding;
use super::settings::{Calls, Measure, Settings, Side, defaults, images, of};
use crate::{Bench, Call, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, Unit};

pub(super) const NAME: &str = "regression";

/// Two sides, block by block.
#[derive(Debug)]
pub(crate) struct Regression;

/// What a unit is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Parameters {
    /// Whether it is of the new side.
    pub(super) is_new: bool,
    pub(super) side: Side,
    /// Images that the side brings along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    images: Vec<Image>,
    pub(super) threshold: f64,
    calls: u32,
    pub(super) compare: Calls,
    pub(super) measure: Measure,
}

/// What a block measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// The times of the calls that count, ns.
    pub(super) times_ns: Vec<u64>,
    /// Calls that succeeded and don't count: they were cold instead of warm, or the other way round, or don't say.
    pub(super) other: u64,
    /// All calls, with those that failed.
    pub(super) tally: Tally,
    /// The digest of the image that was deployed.
    pub(super) image: String,
}

#[async_trait]
impl Experiment for Regression {
    fn name(&self) -> &str {
        NAME
    }

    fn question(&self) -> &str {
        "Is the new image, runtime or platform slower than the old?"
    }

    fn missing(&self, _: &Capabilities) -> Option<&'static str> {
        None
    }

    fn functions(&self, request: &Request) -> BTreeSet<String> {
        let mut functions = BTreeSet::new();
        for subject in &request.subjects {
            functions.insert(subject.function.clone());
            functions.extend(subject.calls.iter().cloned());
        }
        if let Ok(settings) = of(request) {
            functions.extend([settings.a.image, settings.b.image].into_iter().flatten());
        }
        functions
    }

    fn defaults(&self, quick: bool) -> serde_json::Value {
        serde_json::to_value(defaults(quick)).unwrap_or_default()
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let settings = of(request)?;
        let brought = |side: &Side| side.image_file.as_deref().map_or(Ok(Vec::new()), images);
        let (old, new) = (brought(&settings.a)?, brought(&settings.b)?);
        let mut units = Vec::new();
        for round in 0..settings.blocks {
            for target in &request.targets {
                for subject in &request.subjects {
                    for (is_new, side, images) in [(false, &settings.a, &old), (true, &settings.b, &new)] {
                        if side.target.as_ref().is_some_and(|name| *name != target.target) {
                            continue;
                        }
                        if settings.compare == Calls::Cold && target.capabilities.cold_start == Way::ByWaiting {
                            return Err(RequestError(format!(
                                "{} can't force a cold start, so cold calls can't be compared there",
                                target.target
                            )));
                        }
                        let parameters = parameters(&settings, is_new, side, images);
                        let seconds = deploying_s(target) + f64::from(settings.calls) * 0.1;
                        let estimate = estimate(seconds, u64::from(settings.calls) + 1, 0.2);
                        let variant = if is_new { "b" } else { "a" };
                        units.push(unit(self, target, subject, (variant, round), parameters, estimate)?);
                    }
                }
            }
        }
        Ok(units)
    }

    async fn run(&self, unit: &Unit, bench: &Bench<'_>) -> Result<serde_json::Value, ExperimentError> {
        let parameters: Parameters = serde_json::from_value(unit.parameters.clone())
            .map_err(|error| ExperimentError::NoAnswer(format!("the plan of {} can't be read: {error}", unit.key())))?;
        let measured = measure(unit, bench, &parameters).await?;
        serde_json::to_value(measured).map_err(|error| ExperimentError::NoAnswer(error.to_string()))
    }

    fn finding(&self, _: &Request, outcomes: &[Outcome]) -> Finding {
        finding(self, outcomes)
    }

    fn exit_code(&self, outcomes: &[Outcome]) -> u8 {
        super::verdict(outcomes).exit_code()
    }
}

fn parameters(settings: &Settings, is_new: bool, side: &Side, images: &[Image]) -> Parameters {
    Parameters {
        is_new,
        side: side.clone(),
        images: images.to_vec(),
        threshold: settings.threshold,
        calls: settings.calls,
        compare: settings.compare,
        measure: settings.measure,
    }
}

async fn measure(unit: &Unit, bench: &Bench<'_>, parameters: &Parameters) -> Result<Measured, ExperimentError> {
    let subject = bench.subject()?;
    bench.deploy_called(&subject.calls, |_| {}).await?;
    let image = image(unit, bench, parameters)?;
    let deployment = bench
        .deploy(&unit.function, |spec| {
            parameters.side.apply(spec);
            if let Some(image) = image {
                spec.image = image;
            }
        })
        .await?;
    let mut measured = Measured {
        times_ns: Vec::new(),
        other: 0,
        tally: Tally::default(),
        image: deployment.spec.image.digest.clone(),
    };
    if parameters.compare == Calls::Warm {
        let first = bench.call(&deployment, subject.event.clone(), "first", 0).await?;
        measured.tally.count(&first);
    }
    // Half as many more, for those that fail or are in the wrong state.
    for repetition in 0..parameters.calls.saturating_add(parameters.calls / 2) {
        if measured.times_ns.len() >= parameters.calls as usize {
            break;
        }
        let call = one(bench, &deployment, parameters, repetition).await?;
        measured.tally.count(&call);
        if !call.is_success() {
            continue;
        }
        match time_ns(&call, parameters) {
            Some(ns) => measured.times_ns.push(ns),
            None => measured.other += 1,
        }
    }
    Ok(measured)
}

/// The side's own image; `None`: the target's.
fn image(unit: &Unit, bench: &Bench<'_>, parameters: &Parameters) -> Result<Option<Image>, ExperimentError> {
    let none = |what: String| ExperimentError::NoAnswer(format!("there is no {what} for {}", bench.site.target));
    if let Some(name) = &parameters.side.image {
        let found = bench.site.images.get(name).cloned();
        return found.map(Some).ok_or_else(|| none(format!("image `{name}`")));
    }
    if let Some(file) = &parameters.side.image_file {
        let kind = bench.site.platform.image_kind();
        let is_it = |image: &&Image| image.function == unit.function && image.kind == kind;
        let found = parameters.images.iter().find(is_it).cloned();
        return found.map(Some).ok_or_else(|| none(format!("image of {} of the kind {kind} in {file}", unit.function)));
    }
    Ok(None)
}

async fn one(
    bench: &Bench<'_>,
    deployment: &Deployment,
    parameters: &Parameters,
    repetition: u32,
) -> Result<Call, ExperimentError> {
    let way = bench.site.platform.capabilities().cold_start;
    if parameters.compare == Calls::Cold && way != Way::Always {
        bench.force_cold(deployment).await?;
    }
    let label = if parameters.is_new { "new" } else { "old" };
    bench.call(deployment, bench.subject()?.event.clone(), label, repetition).await
}

/// The time that is compared; `None`: the call does not count.
fn time_ns(call: &Call, parameters: &Parameters) -> Option<u64> {
    let wanted = parameters.compare == Calls::Cold;
    if call.is_cold() != Some(wanted) {
        return None;
    }
    match parameters.measure {
        Measure::Total => Some(call.total_ns),
        Measure::Execution => {
            call.answer.as_ref().and_then(|answer| answer.timings.execution_ns).or_else(|| handler_ns(call))
        }
    }
}
