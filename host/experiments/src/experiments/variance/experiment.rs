//! The plan, and carrying it out.

use std::time::Duration;

use async_trait::async_trait;
use platform::{Capabilities, ColdStart as Way};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::plan::{deploying_s, estimate, unit, within, without_minimum};
use super::super::tally::Tally;
use super::finding::finding;
use crate::bench::unix_ns;
use crate::{Bench, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, Unit, settings};

const NAME: &str = "variance";

/// The same small plan again and again.
#[derive(Debug)]
pub(crate) struct Variance;

/// What can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// From the beginning of one interval to that of the next, s.
    every_s: f64,
    /// How many intervals.
    intervals: u32,
    /// Warm calls in each.
    calls: u32,
}

fn defaults(quick: bool) -> Settings {
    match quick {
        true => Settings { every_s: 1.0, intervals: 10, calls: 7 },
        // A day.
        false => Settings { every_s: 600.0, intervals: 144, calls: 20 },
    }
}

/// What one interval measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// When its first call began, Unix time, ns.
    pub(super) start_unix_ns: u64,
    /// The first call of a new deployment, ns, where it was cold.
    pub(super) cold_ns: Option<u64>,
    /// Calls after it, one after another, ns; those that were cold are not among them.
    pub(super) warm_ns: Vec<u64>,
    /// Calls after the first that were cold, where nothing but cold calls can be had they are the warm ones.
    pub(super) turned_cold: u64,
    /// All calls, with those that failed.
    pub(super) tally: Tally,
}

#[async_trait]
impl Experiment for Variance {
    fn name(&self) -> &str {
        NAME
    }

    fn question(&self) -> &str {
        "Is today like yesterday?"
    }

    fn missing(&self, _: &Capabilities) -> Option<&'static str> {
        None
    }

    fn defaults(&self, quick: bool) -> serde_json::Value {
        serde_json::to_value(defaults(quick)).unwrap_or_default()
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let settings = settings(NAME, &defaults(request.quick), request)?;
        within("every-s", settings.every_s, 0.0..=86_400.0)?;
        within("intervals", f64::from(settings.intervals), 2.0..=100_000.0)?;
        within("calls", f64::from(settings.calls), 1.0..=10_000.0)?;
        // An interval is waited for once, whatever is measured in it.
        let share = (request.targets.len() * request.subjects.len()).max(1) as f64;
        let mut units = Vec::new();
        for round in 0..settings.intervals {
            for target in &request.targets {
                for subject in &request.subjects {
                    let busy = deploying_s(target) + f64::from(settings.calls) * 0.1;
                    let seconds = busy.max(settings.every_s / share);
                    let estimate = estimate(seconds, u64::from(settings.calls) + 1, 0.2);
                    units.push(unit(self, target, subject, ("", round), &settings, estimate)?);
                }
            }
        }
        Ok(units)
    }

    async fn run(&self, unit: &Unit, bench: &Bench<'_>) -> Result<serde_json::Value, ExperimentError> {
        let settings: Settings = serde_json::from_value(unit.parameters.clone())
            .map_err(|error| ExperimentError::NoAnswer(format!("the plan of {} can't be read: {error}", unit.key())))?;
        bench.wait_for_round(Duration::from_secs_f64(settings.every_s)).await?;
        let measured = measure(unit, bench, &settings).await?;
        serde_json::to_value(measured).map_err(|error| ExperimentError::NoAnswer(error.to_string()))
    }

    fn finding(&self, _: &Request, outcomes: &[Outcome]) -> Finding {
        finding(self, outcomes)
    }
}

async fn measure(unit: &Unit, bench: &Bench<'_>, settings: &Settings) -> Result<Measured, ExperimentError> {
    let subject = bench.subject()?;
    let all_cold = bench.site.platform.capabilities().cold_start == Way::Always;
    bench.deploy_called(&subject.calls, |_| {}).await?;
    let deployment = bench.deploy(&unit.function, |spec| without_minimum(&mut spec.scale)).await?;
    let mut measured = Measured {
        start_unix_ns: unix_ns(),
        cold_ns: None,
        warm_ns: Vec::new(),
        turned_cold: 0,
        tally: Tally::default(),
    };
    let first = bench.call(&deployment, subject.event.clone(), "first", 0).await?;
    measured.tally.count(&first);
    if first.is_success() && first.is_cold() == Some(true) {
        measured.cold_ns = Some(first.total_ns);
    }
    for repetition in 0..settings.calls {
        let call = bench.call(&deployment, subject.event.clone(), "warm", repetition).await?;
        measured.tally.count(&call);
        if !call.is_success() {
            continue;
        }
        let is_cold = call.is_cold() == Some(true);
        measured.turned_cold += u64::from(is_cold);
        if !is_cold || all_cold {
            measured.warm_ns.push(call.total_ns);
        }
    }
    Ok(measured)
}
