//! The plan, and carrying it out.

use std::collections::BTreeSet;

use async_trait::async_trait;
use platform::{Capabilities, Deployment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::neighbours::{Neighbours, Worked};
use super::super::plan::{deploying_s, estimate, parameters, unit, within};
use super::super::record::root_record;
use super::super::tally::Tally;
use super::finding::finding;
use super::kind::Kind;
use crate::{Bench, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, Unit, settings};

const NAME: &str = "isolation";

/// A victim beside neighbours.
#[derive(Debug)]
pub(crate) struct Isolation;

/// What can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// Rounds, each with every target, function and kind of neighbour.
    rounds: u32,
    /// Blocks of calls alone, and as many beside neighbours, in one round.
    blocks: u32,
    /// Calls in a block.
    calls: u32,
    /// Neighbours that work at once.
    neighbours: u32,
    /// What they take.
    kinds: Vec<Kind>,
}

fn defaults(quick: bool) -> Settings {
    let kinds = vec![Kind::Cpu, Kind::Memory, Kind::Disk];
    match quick {
        true => Settings { rounds: 1, blocks: 3, calls: 10, neighbours: 2, kinds },
        false => Settings { rounds: 4, blocks: 5, calls: 20, neighbours: 4, kinds },
    }
}

/// What a unit is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Parameters {
    kind: Kind,
    blocks: u32,
    calls: u32,
    neighbours: u32,
}

/// What a unit measured. Each block is a list of its calls that succeeded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// What the neighbours took.
    pub(super) kind: Kind,
    /// How many worked at once.
    pub(super) neighbours: u32,
    /// Calls alone.
    pub(super) alone: Vec<Vec<Served>>,
    /// Calls beside neighbours.
    pub(super) beside: Vec<Vec<Served>>,
    /// All calls of the victim.
    pub(super) tally: Tally,
    /// What the neighbours did.
    pub(super) worked: Vec<Worked>,
}

/// One call of the victim.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Served {
    /// How long it took, ns.
    pub(super) total_ns: u64,
    /// How fast it computed, iterations per second, where its event has it compute.
    pub(super) speed: Option<f64>,
}

#[async_trait]
impl Experiment for Isolation {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &'static str {
        "Do neighbours disturb each other?"
    }

    fn missing(&self, _: &Capabilities) -> Option<&'static str> {
        None
    }

    fn functions(&self, request: &Request) -> BTreeSet<String> {
        // Settings that can't be used are refused with the plan.
        let kinds =
            settings(NAME, &defaults(request.quick), request).map_or_else(|_| Vec::new(), |settings| settings.kinds);
        let named = request.subjects.iter().flat_map(|subject| subject.calls.iter().chain([&subject.function]));
        let neighbours = kinds.iter().filter_map(|kind| Some(kind.function(request)?.0));
        named.cloned().chain(neighbours).collect()
    }

    fn defaults(&self, quick: bool) -> serde_json::Value {
        serde_json::to_value(defaults(quick)).unwrap_or_default()
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let settings = settings(NAME, &defaults(request.quick), request)?;
        within("rounds", f64::from(settings.rounds), 1.0..=1_000.0)?;
        within("blocks", f64::from(settings.blocks), 1.0..=1_000.0)?;
        within("calls", f64::from(settings.calls), 1.0..=10_000.0)?;
        within("neighbours", f64::from(settings.neighbours), 1.0..=1_000.0)?;
        let Settings { rounds, blocks, calls, neighbours, kinds } = settings;
        let kinds: Vec<Kind> = kinds.into_iter().filter(|kind| kind.function(request).is_some()).collect();
        if kinds.is_empty() {
            return Err(RequestError(format!(
                "{NAME} has no neighbours: those for the disk are the function compression, which must be among the functions"
            )));
        }
        let victims = u64::from(blocks) * u64::from(calls) * 2;
        let mut units = Vec::new();
        for round in 0..rounds {
            for target in &request.targets {
                for subject in &request.subjects {
                    for kind in &kinds {
                        let parameters = Parameters { kind: *kind, blocks, calls, neighbours };
                        let seconds = 2.0 * deploying_s(target) + f64::from(blocks) * 1.2 + victims as f64 * 0.02;
                        let estimate = estimate(seconds, victims + u64::from(blocks * neighbours) * 3, 0.2);
                        units.push(unit(self, target, subject, (kind.name(), round), &parameters, estimate)?);
                    }
                }
            }
        }
        Ok(units)
    }

    async fn run(&self, unit: &Unit, bench: &Bench<'_>) -> Result<serde_json::Value, ExperimentError> {
        let measured = measure(parameters(unit)?, unit, bench).await?;
        serde_json::to_value(measured).map_err(|error| ExperimentError::NoAnswer(error.to_string()))
    }

    fn finding(&self, request: &Request, outcomes: &[Outcome]) -> Finding {
        finding(self, request, outcomes)
    }
}

async fn measure(parameters: Parameters, unit: &Unit, bench: &Bench<'_>) -> Result<Measured, ExperimentError> {
    let Parameters { kind, blocks, calls, neighbours } = parameters;
    let subject = bench.subject()?;
    let Some((function, event)) = kind.function(bench.request) else {
        return Err(ExperimentError::NoAnswer(format!("there is no input for neighbours of the {}", kind.name())));
    };
    bench.deploy_called(&subject.calls, |_| {}).await?;
    let victim = bench.deploy(&unit.function, |_| {}).await?;
    let other = bench.deploy(&function, |_| {}).await?;
    let neighbours_are = Neighbours { deployment: &other, event, number: neighbours };
    let mut measured = Measured {
        kind,
        neighbours,
        alone: Vec::new(),
        beside: Vec::new(),
        tally: Tally::default(),
        worked: Vec::new(),
    };
    measured.worked.push(neighbours_are.start(bench).await?);
    let first = bench.call(&victim, subject.event.clone(), "first", 0).await?;
    measured.tally.count(&first);
    for number in 0..blocks {
        // Alone first and last by turns: what drifts meets both alike.
        for alone in [number % 2 == 0, number % 2 == 1] {
            if alone {
                let (served, tally) = block(bench, &victim, "alone", (number, calls)).await?;
                measured.alone.push(served);
                measured.tally.add(&tally);
            } else {
                let work = block(bench, &victim, "beside", (number, calls));
                let ((served, tally), worked) = neighbours_are.beside(bench, work).await?;
                measured.beside.push(served);
                measured.tally.add(&tally);
                measured.worked.push(worked);
            }
        }
    }
    Ok(measured)
}

async fn block(
    bench: &Bench<'_>,
    victim: &Deployment,
    label: &str,
    (block, calls): (u32, u32),
) -> Result<(Vec<Served>, Tally), ExperimentError> {
    let event = &bench.subject()?.event;
    let (mut served, mut tally) = (Vec::new(), Tally::default());
    for number in 0..calls {
        let call = bench.call(victim, event.clone(), label, block * calls + number).await?;
        tally.count(&call);
        // One that had to be started anew is slow for another reason.
        if call.is_success() && call.is_cold() != Some(true) {
            let record = root_record(&call);
            let seconds = record["throughput_running_us"].as_f64().unwrap_or(0.0) / 1e6;
            let speed = record["throughput"].as_f64().filter(|_| seconds > 0.0).map(|iterations| iterations / seconds);
            served.push(Served { total_ns: call.total_ns, speed });
        }
    }
    Ok((served, tally))
}
