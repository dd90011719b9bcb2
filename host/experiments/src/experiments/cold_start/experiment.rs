//! The plan, and carrying it out.

use std::io;

use async_trait::async_trait;
use platform::{Capabilities, ColdStart as Way, Deployment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::super::plan::{deploying_s, estimate, parameters, unit, within, without_minimum};
use super::super::tally::Tally;
use super::finding::finding;
use super::padding::{can_pad, padded};
use super::parts::Parts;
use crate::{Bench, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, Unit, settings};

const NAME: &str = "cold-start";

/// Forced cold calls, and warm ones beside them.
#[derive(Debug)]
pub(crate) struct ColdStart;

/// What can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// Rounds, each with every target and function, in another order.
    rounds: u32,
    /// Cold calls in a round.
    cold_calls: u32,
    /// Warm calls after each cold one.
    warm_calls: u32,
    /// The first function's image once more with so many MB (of 10^6 bytes) added that are never run, on platforms that take
    /// binaries or components.
    padding_mb: Vec<u64>,
}

/// What a unit is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Parameters {
    cold_calls: u32,
    warm_calls: u32,
    padding_mb: u64,
}

fn defaults(quick: bool) -> Settings {
    match quick {
        true => Settings { rounds: 2, cold_calls: 4, warm_calls: 2, padding_mb: Vec::new() },
        false => Settings { rounds: 10, cold_calls: 10, warm_calls: 3, padding_mb: vec![10, 50] },
    }
}

/// What a unit measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// The image's size, bytes.
    pub(super) image_bytes: u64,
    /// How much of it is padding, MB.
    pub(super) padding_mb: u64,
    /// Why nothing was measured.
    pub(super) left_out: Option<String>,
    /// Cold calls that were cold.
    pub(super) cold: Vec<Parts>,
    /// Warm calls that were warm.
    pub(super) warm: Vec<Parts>,
    /// Calls meant to be cold that were not.
    pub(super) turned_warm: u64,
    /// Calls meant to be warm that were not.
    pub(super) turned_cold: u64,
    /// Calls that don't say which they were.
    pub(super) unknown: u64,
    /// All calls, with those that failed.
    pub(super) tally: Tally,
}

#[async_trait]
impl Experiment for ColdStart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &'static str {
        "How long is a cold start, and where does it go?"
    }

    fn missing(&self, capabilities: &Capabilities) -> Option<&'static str> {
        (capabilities.cold_start == Way::ByWaiting).then_some("force a cold start")
    }

    fn defaults(&self, quick: bool) -> serde_json::Value {
        serde_json::to_value(defaults(quick)).unwrap_or_default()
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let settings = settings(NAME, &defaults(request.quick), request)?;
        within("rounds", f64::from(settings.rounds), 1.0..=1_000.0)?;
        within("cold-calls", f64::from(settings.cold_calls), 1.0..=10_000.0)?;
        within("warm-calls", f64::from(settings.warm_calls), 0.0..=1_000.0)?;
        let calls = u64::from(settings.cold_calls) * u64::from(settings.warm_calls + 1);
        let mut units = Vec::new();
        settings.padding_mb.iter().try_for_each(|mb| within("padding-mb", *mb as f64, 1.0..=10_000.0))?;
        for round in 0..settings.rounds {
            for target in &request.targets {
                for (number, subject) in request.subjects.iter().enumerate() {
                    let paddings = settings.padding_mb.iter().copied().filter(|_| number == 0);
                    for padding_mb in [0].into_iter().chain(paddings) {
                        let Settings { cold_calls, warm_calls, .. } = settings;
                        let cold_s = if deploying_s(target) < 1.0 { 0.5 } else { 3.0 };
                        let seconds = deploying_s(target) + f64::from(cold_calls) * cold_s + calls as f64 * 0.1;
                        let parameters = Parameters { cold_calls, warm_calls, padding_mb };
                        let variant =
                            if padding_mb == 0 { String::new() } else { format!("padded by {padding_mb} MB") };
                        let estimate = estimate(seconds, calls, 0.2);
                        units.push(unit(self, target, subject, (&variant, round), &parameters, estimate)?);
                    }
                }
            }
        }
        Ok(units)
    }

    async fn run(&self, unit: &Unit, bench: &Bench<'_>) -> Result<serde_json::Value, ExperimentError> {
        let measured = measure(unit, bench).await?;
        serde_json::to_value(measured).map_err(|error| ExperimentError::NoAnswer(error.to_string()))
    }

    fn finding(&self, _: &Request, outcomes: &[Outcome]) -> Finding {
        finding(self, outcomes)
    }
}

async fn measure(unit: &Unit, bench: &Bench<'_>) -> Result<Measured, ExperimentError> {
    let Parameters { cold_calls, warm_calls, padding_mb } = parameters(unit)?;
    let mut measured = Measured {
        image_bytes: 0,
        padding_mb,
        left_out: None,
        cold: Vec::new(),
        warm: Vec::new(),
        turned_warm: 0,
        turned_cold: 0,
        unknown: 0,
        tally: Tally::default(),
    };
    // What is added is in a folder of its own until the last instance was started.
    let folder = tempfile::tempdir().map_err(|error| failed("making a folder for a padded image", &error))?;
    let image = match bench.site.images.get(&unit.function) {
        Some(image) if padding_mb > 0 && can_pad(image.kind) => {
            let (image, path) = (image.clone(), folder.path().to_owned());
            let padding = spawn_blocking(move || padded(&image, padding_mb * 1_000_000, &path)).await;
            let padded = padding.map_err(io::Error::other).flatten();
            Some(padded.map_err(|error| failed("padding the image", &error))?)
        }
        Some(image) if padding_mb > 0 => {
            measured.left_out = Some(format!("images of the kind {:?} can't be padded", image.kind));
            return Ok(measured);
        }
        _ => None,
    };
    bench.deploy_called(&bench.subject()?.calls, |_| {}).await?;
    let deployment = bench
        .deploy(&unit.function, |spec| {
            // An instance that is kept ready would be nobody's cold start.
            without_minimum(&mut spec.scale);
            spec.image = image.unwrap_or_else(|| spec.image.clone());
        })
        .await?;
    measured.image_bytes = deployment.spec.image.bytes;
    // As many more attempts as there are calls, for those that fail or turn out warm.
    for attempt in 0..cold_calls.saturating_mul(2) {
        if measured.cold.len() >= cold_calls as usize {
            break;
        }
        one_start(bench, &deployment, (attempt, warm_calls), &mut measured).await?;
    }
    Ok(measured)
}

fn failed(doing: &str, error: &io::Error) -> ExperimentError {
    ExperimentError::NoAnswer(format!("{doing} failed: {error}"))
}

/// One forced cold call and the warm ones after it.
async fn one_start(
    bench: &Bench<'_>,
    deployment: &Deployment,
    (attempt, warm_calls): (u32, u32),
    measured: &mut Measured,
) -> Result<(), ExperimentError> {
    let event = &bench.subject()?.event;
    if bench.site.platform.capabilities().cold_start != Way::Always {
        bench.force_cold(deployment).await?;
    }
    let call = bench.call(deployment, event.clone(), "cold", attempt).await?;
    measured.tally.count(&call);
    match (call.is_success(), call.is_cold()) {
        (false, _) => {}
        (true, None) => measured.unknown += 1,
        (true, Some(false)) => measured.turned_warm += 1,
        (true, Some(true)) => measured.cold.extend(Parts::of(&call)),
    }
    for number in 0..warm_calls {
        let call = bench.call(deployment, event.clone(), "warm", attempt * warm_calls + number).await?;
        measured.tally.count(&call);
        match (call.is_success(), call.is_cold()) {
            (false, _) => {}
            (true, None) => measured.unknown += 1,
            (true, Some(true)) => measured.turned_cold += 1,
            (true, Some(false)) => measured.warm.extend(Parts::of(&call)),
        }
    }
    Ok(())
}
