//! The plan, and carrying it out.

use async_trait::async_trait;
use bytes::Bytes;
use platform::{Capabilities, Deployment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::neighbours::{Neighbours, Worked};
use super::super::plan::{deploying_s, estimate, left_out, parameters, timed_subjects, unit, within};
use super::super::record::root_record;
use super::super::tally::Tally;
use super::finding::finding;
use crate::{
    Bench, Call, Experiment, ExperimentError, Finding, Outcome, PlannedTarget, Request, RequestError, Unit, settings,
};

const NAME: &str = "throughput";

/// Counts iterations at several sizes of an instance, and beside neighbours.
#[derive(Debug)]
pub(crate) struct Throughput;

/// What can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// Rounds, each with every target, function and variant, in another order.
    rounds: u32,
    /// Calls in each.
    calls: u32,
    /// How long each computes, s.
    work_s: f64,
    /// Shares of processors to set, where they can be.
    cpus: Vec<f64>,
    /// Memory sizes to set, where they can be, MiB.
    memory_mib: Vec<u64>,
    /// Numbers of neighbours that compute at the same time.
    neighbours: Vec<u32>,
}

fn defaults(quick: bool) -> Settings {
    match quick {
        true => Settings {
            rounds: 1,
            calls: 6,
            work_s: 0.1,
            cpus: vec![0.5],
            memory_mib: vec![128],
            neighbours: vec![1, 4],
        },
        false => Settings {
            rounds: 5,
            calls: 10,
            work_s: 1.0,
            cpus: vec![0.25, 0.5, 1.0, 2.0],
            memory_mib: vec![128, 256, 512, 1_024, 2_048],
            neighbours: vec![1, 2, 4, 8],
        },
    }
}

/// What is varied in one unit; what is `None` is as the target's configuration says.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Variant {
    pub(super) cpus: Option<f64>,
    pub(super) memory_mib: Option<u64>,
    pub(super) neighbours: u32,
}

impl Variant {
    /// In words.
    pub(super) fn name(&self) -> String {
        match self {
            Variant { cpus: Some(cpus), .. } => format!("{cpus} CPU"),
            Variant { memory_mib: Some(memory), .. } => format!("{memory} MiB"),
            Variant { neighbours: 0, .. } => "as configured".to_owned(),
            Variant { neighbours: 1, .. } => "1 neighbour".to_owned(),
            Variant { neighbours, .. } => format!("{neighbours} neighbours"),
        }
    }

    /// All that are asked for.
    fn all(settings: &Settings) -> Vec<Variant> {
        let mut variants = vec![Variant::default()];
        variants.extend(settings.cpus.iter().map(|cpus| Variant { cpus: Some(*cpus), ..Variant::default() }));
        let memory = settings.memory_mib.iter();
        variants.extend(memory.map(|memory| Variant { memory_mib: Some(*memory), ..Variant::default() }));
        let neighbours = settings.neighbours.iter().filter(|number| **number > 0);
        variants.extend(neighbours.map(|neighbours| Variant { neighbours: *neighbours, ..Variant::default() }));
        variants
    }

    /// Whether a target can have it.
    fn is_possible(&self, target: &PlannedTarget) -> bool {
        let can = &target.capabilities;
        self.cpus.is_none_or(|cpus| can.cpu_limit && target.cpus.has(cpus))
            && self.memory_mib.is_none_or(|mib| can.memory_limit && target.memory_bytes.has((mib << 20) as f64))
    }
}

/// What a unit is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Parameters {
    pub(super) variant: Variant,
    calls: u32,
    work_s: f64,
}

/// What one call computed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Computed {
    /// Units of work.
    pub(super) iterations: f64,
    /// Wall time, s.
    pub(super) wall_s: f64,
    /// CPU time, s; `None` where the instance can't tell.
    pub(super) cpu_s: Option<f64>,
}

impl Computed {
    fn of(call: &Call) -> Option<Computed> {
        let record = root_record(call);
        let wall_s = record["throughput_running_us"].as_f64()? / 1e6;
        let cpu_s = record["throughput_cpu_us"].as_f64().map(|us| us / 1e6);
        (wall_s > 0.0).then_some(Computed { iterations: record["throughput"].as_f64()?, wall_s, cpu_s })
    }

    /// Iterations per second.
    pub(super) fn speed(&self) -> f64 {
        self.iterations / self.wall_s
    }

    /// CPU time over wall time.
    pub(super) fn share(&self) -> Option<f64> {
        Some(self.cpu_s? / self.wall_s)
    }
}

/// What a unit measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// What was varied.
    pub(super) variant: Variant,
    /// What the calls that succeeded computed.
    pub(super) computed: Vec<Computed>,
    /// Memory that the deployment has, bytes, as far as it is known.
    pub(super) memory_bytes: Option<u64>,
    /// Its share of processors, as far as it is known.
    pub(super) cpus: Option<f64>,
    /// All its calls.
    pub(super) tally: Tally,
    /// What the neighbours did.
    pub(super) neighbours: Worked,
}

#[async_trait]
impl Experiment for Throughput {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &'static str {
        "How much computing does an instance really get?"
    }

    fn missing(&self, _: &Capabilities) -> Option<&'static str> {
        None
    }

    fn defaults(&self, quick: bool) -> serde_json::Value {
        serde_json::to_value(defaults(quick)).unwrap_or_default()
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let settings = settings(NAME, &defaults(request.quick), request)?;
        within("rounds", f64::from(settings.rounds), 1.0..=1_000.0)?;
        within("calls", f64::from(settings.calls), 1.0..=10_000.0)?;
        within("work-s", settings.work_s, 0.001..=600.0)?;
        settings.cpus.iter().try_for_each(|cpus| within("cpus", *cpus, 0.001..=1_024.0))?;
        settings.memory_mib.iter().try_for_each(|memory| within("memory-mib", *memory as f64, 1.0..=1e6))?;
        settings.neighbours.iter().try_for_each(|number| within("neighbours", f64::from(*number), 0.0..=1_000.0))?;
        let mut units = Vec::new();
        for round in 0..settings.rounds {
            for target in &request.targets {
                for subject in timed_subjects(NAME, request)? {
                    for variant in Variant::all(&settings).into_iter().filter(|one| one.is_possible(target)) {
                        let calls = u64::from(settings.calls) * u64::from(variant.neighbours + 1) + 1;
                        let deploying = deploying_s(target) * if variant.neighbours > 0 { 2.0 } else { 1.0 };
                        let seconds = deploying + (f64::from(settings.calls) + 1.0) * (settings.work_s + 0.05);
                        let parameters = Parameters { variant, calls: settings.calls, work_s: settings.work_s };
                        let estimate = estimate(seconds, calls, settings.work_s);
                        units.push(unit(self, target, subject, (&variant.name(), round), &parameters, estimate)?);
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
        let mut finding = finding(self, outcomes);
        let Ok(settings) = settings(NAME, &defaults(request.quick), request) else { return finding };
        finding.notes.extend(request.targets.iter().filter_map(|target| {
            let all = Variant::all(&settings);
            let without = all.iter().filter(|variant| !variant.is_possible(target));
            left_out(target, without.map(Variant::name).collect())
        }));
        finding
    }
}

async fn measure(parameters: Parameters, unit: &Unit, bench: &Bench<'_>) -> Result<Measured, ExperimentError> {
    let Parameters { variant, calls, work_s } = parameters;
    let deployment = bench
        .deploy(&unit.function, |spec| {
            spec.limits.cpus = variant.cpus.or(spec.limits.cpus);
            spec.limits.memory_bytes = variant.memory_mib.map(|mib| mib << 20).or(spec.limits.memory_bytes);
        })
        .await?;
    let event = Bytes::from(serde_json::json!({ "throughput_time": work_s }).to_string());
    let mut measured = Measured {
        variant,
        computed: Vec::new(),
        memory_bytes: deployment.spec.limits.memory_bytes,
        cpus: deployment.spec.limits.cpus,
        tally: Tally::default(),
        neighbours: Worked::default(),
    };
    // The first call of an instance is not what it computes at from then on.
    measured.tally.count(&bench.call(&deployment, event.clone(), "first", 0).await?);
    let work = repeat(bench, &deployment, &event, calls);
    let (made, worked) = match variant.neighbours {
        0 => (work.await?, Worked::default()),
        number => {
            let other = bench.deploy(&unit.function, |_| {}).await?;
            let neighbours = Neighbours { deployment: &other, event: event.clone(), number };
            let started = neighbours.start(bench).await?;
            let (made, mut worked) = neighbours.beside(bench, work).await?;
            worked.tally.add(&started.tally);
            (made, worked)
        }
    };
    measured.neighbours = worked;
    made.iter().for_each(|call| measured.tally.count(call));
    measured.computed = made.iter().filter(|call| call.is_success()).filter_map(Computed::of).collect();
    if measured.computed.is_empty() && measured.tally.failed() < measured.tally.calls {
        return Err(ExperimentError::NoAnswer(format!("{} does not say how much it computed", unit.function)));
    }
    Ok(measured)
}

async fn repeat(
    bench: &Bench<'_>,
    deployment: &Deployment,
    event: &Bytes,
    calls: u32,
) -> Result<Vec<Call>, ExperimentError> {
    let mut made = Vec::new();
    for number in 0..calls {
        made.push(bench.call(deployment, event.clone(), "compute", number).await?);
    }
    Ok(made)
}
