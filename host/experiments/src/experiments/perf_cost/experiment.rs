//! The plan, and carrying it out.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use platform::{Capabilities, ColdStart as Way, Deployment};
use serde::{Deserialize, Serialize};
use stats::{Confidence, StoppingRule};
use tokio::time::Instant;

use super::super::plan::{deploying_s, unit, without_minimum};
use super::super::tally::Tally;
use super::billing::{Sample, ask};
use super::finding::finding;
use super::settings::{Parameters, Start, defaults, left_out, parameters, rounds};
use crate::{Bench, Call, Estimate, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, Unit};

pub(super) const NAME: &str = "perf-cost";

/// Memory sizes times states of the function.
#[derive(Debug)]
pub(crate) struct PerfCost;

/// Why calls were not made any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ended {
    /// The median's interval was narrow enough.
    Interval,
    /// As many were made as might be.
    Calls,
    /// The time was over.
    Time,
}

/// What a unit measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// Calls that succeeded in the state that was meant.
    pub(super) samples: Vec<Sample>,
    /// Calls that succeeded in another state, or don't say in which.
    pub(super) other: u64,
    /// All calls, with those that failed and those that prepared.
    pub(super) tally: Tally,
    pub(super) ended: Ended,
    /// The instances' memory, bytes, as it was deployed.
    pub(super) memory_bytes: Option<u64>,
    /// The instances' processors, as they were deployed.
    pub(super) cpus: Option<f64>,
}

impl Measured {
    /// What another round measured as well.
    pub(super) fn add(&mut self, round: Measured) {
        self.samples.extend(round.samples);
        self.other += round.other;
        self.tally.add(&round.tally);
        self.ended = self.ended.max(round.ended);
    }
}

#[async_trait]
impl Experiment for PerfCost {
    fn name(&self) -> &str {
        NAME
    }

    fn question(&self) -> &str {
        "What does a call cost in time and money at each memory size?"
    }

    fn missing(&self, _: &Capabilities) -> Option<&'static str> {
        None
    }

    fn defaults(&self, quick: bool) -> serde_json::Value {
        serde_json::to_value(defaults(quick)).unwrap_or_default()
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let mut planned = Vec::new();
        for target in &request.targets {
            let variants = parameters(request, target)?;
            for subject in &request.subjects {
                planned.extend(variants.iter().map(|one| (target, subject, one.clone())));
            }
        }
        let mut units = Vec::new();
        for round in 0..rounds(request)? {
            for (target, subject, one) in &planned {
                let memory = one.memory_mib.map_or_else(|| "own memory".to_owned(), |mib| format!("{mib} MiB"));
                let variant = format!("{memory}, {}", one.start.name());
                let each = if one.start == Start::Cold && deploying_s(target) > 1.0 { 3.0 } else { 0.2 };
                let calls = f64::from(one.most_calls).min(one.seconds / each);
                let gigabytes = one.memory_mib.unwrap_or(256) as f64 * 1_048_576.0 / 1e9;
                let estimate = Estimate {
                    seconds: deploying_s(target) + calls * each,
                    invocations: calls as u64,
                    gigabyte_seconds: calls * each.min(0.2) * gigabytes,
                };
                units.push(unit(self, target, subject, (&variant, round), one, estimate)?);
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

    fn finding(&self, request: &Request, outcomes: &[Outcome]) -> Finding {
        let mut finding = finding(self, outcomes);
        finding.notes.extend(left_out(request));
        finding
    }
}

async fn measure(unit: &Unit, bench: &Bench<'_>, parameters: &Parameters) -> Result<Measured, ExperimentError> {
    let subject = bench.subject()?;
    bench.deploy_called(&subject.calls, |_| {}).await?;
    let deployment = bench
        .deploy(&unit.function, |spec| {
            // What is kept ready would cost by itself, too.
            without_minimum(&mut spec.scale);
            if let Some(mib) = parameters.memory_mib {
                spec.limits.memory_bytes = Some(mib << 20);
            }
        })
        .await?;
    let rule = StoppingRule::new(parameters.interval, parameters.least_calls as usize, Confidence::NINETY_FIVE)
        .ok_or_else(|| ExperimentError::NoAnswer("the interval asked for is none".to_owned()))?;
    let mut measured = Measured {
        samples: Vec::new(),
        other: 0,
        tally: Tally::default(),
        ended: Ended::Calls,
        memory_bytes: deployment.spec.limits.memory_bytes,
        cpus: deployment.spec.limits.cpus,
    };
    let mut unbilled = Vec::new();
    prepare(bench, &deployment, parameters, &subject.event, &mut measured.tally).await?;
    let begin = Instant::now();
    let mut batch = 0;
    let prepared = measured.tally.calls;
    while measured.tally.calls - prepared < u64::from(parameters.most_calls) {
        if begin.elapsed() >= Duration::from_secs_f64(parameters.seconds) {
            measured.ended = Ended::Time;
            break;
        }
        for call in calls(bench, &deployment, parameters, &subject.event, batch).await? {
            measured.tally.count(&call);
            if !call.is_success() {
                continue;
            }
            if counts(parameters.start, &call) {
                let sample = Sample::of(&call);
                if let (None, Some(id)) =
                    (sample.billed_us, call.answer.as_ref().and_then(|answer| answer.call.clone()))
                {
                    unbilled.push((measured.samples.len(), id));
                }
                measured.samples.push(sample);
            } else {
                measured.other += 1;
            }
        }
        batch += 1;
        let times = measured.samples.iter().map(|sample| sample.client_ns as f64).collect();
        if stats::Sample::new(times).is_ok_and(|sample| rule.is_satisfied(&sample)) {
            measured.ended = Ended::Interval;
            break;
        }
    }
    ask(bench, &deployment, &mut measured.samples, unbilled).await?;
    Ok(measured)
}

/// Makes the instances that warm calls find.
async fn prepare(
    bench: &Bench<'_>,
    deployment: &Deployment,
    parameters: &Parameters,
    event: &Bytes,
    tally: &mut Tally,
) -> Result<(), ExperimentError> {
    let first = match parameters.start {
        Start::Cold | Start::Burst => return Ok(()),
        Start::Warm => bench.at_once(deployment, vec![event.clone(); parameters.burst as usize], "prepare").await?,
        Start::Sequential => vec![bench.call(deployment, event.clone(), "prepare", 0).await?],
    };
    first.iter().for_each(|call| tally.count(call));
    Ok(())
}

/// One call, or as many at once, in the state that is meant.
async fn calls(
    bench: &Bench<'_>,
    deployment: &Deployment,
    parameters: &Parameters,
    event: &Bytes,
    batch: u32,
) -> Result<Vec<Call>, ExperimentError> {
    let (start, way) = (parameters.start, bench.site.platform.capabilities().cold_start);
    // Where it can't be forced, the first burst alone finds no instances; the finding says how many were cold.
    if matches!(start, Start::Cold | Start::Burst) && matches!(way, Way::Forced | Way::ByUpdate) {
        bench.force_cold(deployment).await?;
    }
    match start {
        Start::Cold | Start::Sequential => Ok(vec![bench.call(deployment, event.clone(), start.name(), batch).await?]),
        Start::Warm | Start::Burst => {
            bench.at_once(deployment, vec![event.clone(); parameters.burst as usize], start.name()).await
        }
    }
}

fn counts(start: Start, call: &Call) -> bool {
    match start {
        Start::Cold => call.is_cold() == Some(true),
        Start::Warm | Start::Sequential => call.is_cold() == Some(false),
        Start::Burst => true,
    }
}
