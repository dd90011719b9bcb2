//! What is measured.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use platform::{Capabilities, Invocation};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::clocks::Clocks;
use super::finding::finding;
use super::spans::{TraceContext, spans};
use super::tree::{FUNCTIONS, Shape};
use crate::calling::seconds;
use crate::experiments::plan::{deploying_s, estimate};
use crate::records::{self, Hop};
use crate::timed_call::TimedCall;
use crate::{Bench, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, Span, Unit, otlp, settings};

const NAME: &str = "chain";
/// Trees before those that count; the first of them is cold.
const WARM_UP: u32 = 2;
/// Most invocations of one tree.
const LARGEST_TREE: u32 = 200;
/// Most invocations of a unit.
const MOST_INVOCATIONS: u64 = 100_000;

/// What it costs to call functions from functions.
pub(crate) struct Chain;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// Levels of nested calls.
    depths: Vec<u32>,
    /// Calls that each function makes.
    fan_outs: Vec<u32>,
    /// Trees of each shape in each round.
    repetitions: u32,
    /// Rounds, between which the targets take turns.
    rounds: u32,
    /// How long every invocation computes, s.
    work_s: f64,
    /// How long a tree is waited for, s.
    patience_s: f64,
    /// Where spans are sent over OTLP, as in `http://127.0.0.1:4318`; empty: nowhere.
    otlp: String,
}

/// What a unit measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) trees: Vec<Tree>,
    /// Spans that were sent over OTLP, or why they were not; `None`: nobody wanted them.
    pub(super) exported: Option<Result<u64, String>>,
}

/// One tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree {
    pub(super) shape: Shape,
    /// Whether it does not count, as it was to warm up.
    pub(super) is_warm_up: bool,
    pub(super) trace_id: String,
    pub(super) call: TimedCall,
    /// Its invocations as they told of themselves, the root's first; empty where the root did not answer.
    pub(super) hops: Vec<Hop>,
}

fn defaults(quick: bool) -> Settings {
    let (depths, fan_outs) = if quick { (vec![0, 1, 2], vec![1, 2]) } else { (vec![0, 1, 2, 3], vec![1, 2, 4]) };
    let (repetitions, rounds, patience_s) = if quick { (8, 1, 10.0) } else { (20, 3, 60.0) };
    Settings { depths, fan_outs, repetitions, rounds, work_s: 0.0, patience_s, otlp: String::new() }
}

struct Plan {
    settings: Settings,
    patience: Duration,
    shapes: Vec<Shape>,
}

impl Plan {
    fn read(request: &Request) -> Result<Plan, RequestError> {
        let settings = settings(NAME, &defaults(request.quick), request)?;
        let wrong = |what: String| RequestError(format!("the settings of {NAME} can't be used: {what}"));
        let mut shapes = BTreeSet::new();
        for &depth in &settings.depths {
            for &fan_out in &settings.fan_outs {
                if fan_out == 0 {
                    return Err(wrong("`fan-outs` must be 1 or more".to_owned()));
                }
                for parallel in [false, true] {
                    // Without a second call there is nothing to be made at once.
                    let (fan_out, parallel) = if depth == 0 { (1, false) } else { (fan_out, parallel && fan_out > 1) };
                    shapes.insert(Shape { depth, fan_out, parallel });
                }
            }
        }
        if shapes.is_empty() || settings.repetitions == 0 || !(1..=1_000).contains(&settings.rounds) {
            return Err(wrong(
                "`depths`, `fan-outs` and `repetitions` must not be empty or 0, `rounds` 1 to 1000".to_owned(),
            ));
        }
        if let Some(large) = shapes.iter().find(|shape| shape.invocations().is_none_or(|all| all > LARGEST_TREE)) {
            return Err(wrong(format!("a tree {} has more than {LARGEST_TREE} invocations", large.name())));
        }
        if !(0.0..=60.0).contains(&settings.work_s) {
            return Err(wrong("`work-s` must be 0 to 60".to_owned()));
        }
        let patience = seconds(settings.patience_s)
            .ok_or_else(|| wrong("`patience-s` must be more than 0 and at most 86400".to_owned()))?;
        if !settings.otlp.is_empty() {
            otlp::endpoint(&settings.otlp).map_err(|error| wrong(error.to_string()))?;
        }
        let plan = Plan { settings, patience, shapes: shapes.into_iter().collect() };
        if plan.invocations() > MOST_INVOCATIONS {
            return Err(wrong(format!("more than {MOST_INVOCATIONS} invocations in a round")));
        }
        Ok(plan)
    }

    fn largest(&self) -> Shape {
        let by_size = |shape: &&Shape| shape.invocations();
        self.shapes.iter().max_by_key(by_size).copied().unwrap_or(Shape { depth: 0, fan_out: 1, parallel: false })
    }

    /// In a round, on one target.
    fn invocations(&self) -> u64 {
        let once: u64 = self.shapes.iter().filter_map(|shape| shape.invocations()).map(u64::from).sum();
        let warm_up = u64::from(self.largest().invocations().unwrap_or(0)) * u64::from(WARM_UP);
        warm_up + once * u64::from(self.settings.repetitions)
    }
}

#[async_trait]
impl Experiment for Chain {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &'static str {
        "What does it cost to call functions from functions?"
    }

    fn missing(&self, capabilities: &Capabilities) -> Option<&'static str> {
        (!capabilities.nested_calls).then_some("call functions from functions")
    }

    fn defaults(&self, quick: bool) -> serde_json::Value {
        serde_json::to_value(defaults(quick)).unwrap_or_default()
    }

    fn functions(&self, _: &Request) -> BTreeSet<String> {
        FUNCTIONS.map(str::to_owned).into()
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let plan = Plan::read(request)?;
        let rounds =
            (0..plan.settings.rounds).flat_map(|round| request.targets.iter().map(move |target| (round, target)));
        let unit = |(round, target): (u32, &crate::PlannedTarget)| Unit {
            experiment: NAME.to_owned(),
            target: target.target.clone(),
            function: FUNCTIONS[0].to_owned(),
            size: "none".to_owned(),
            variant: format!("{} shapes", plan.shapes.len()),
            round,
            parameters: serde_json::Value::Null,
            estimate: estimate(
                deploying_s(target) * FUNCTIONS.len() as f64
                    + plan.invocations() as f64 * (0.003 + plan.settings.work_s),
                plan.invocations(),
                // A caller is billed while it waits for those that it calls.
                (0.003 + plan.settings.work_s) * 3.0,
            ),
        };
        Ok(rounds.map(unit).collect())
    }

    async fn run(&self, unit: &Unit, bench: &Bench<'_>) -> Result<serde_json::Value, ExperimentError> {
        let plan = Plan::read(bench.request)?;
        let deepest = plan.shapes.iter().max_by_key(|shape| shape.depth).copied().unwrap_or(plan.largest());
        let functions: Vec<String> = deepest.functions().map(str::to_owned).collect();
        let deployments = bench.deploy_called(&functions, |_| ()).await?;
        let Some(root) = deployments.get(FUNCTIONS[0]) else {
            return Err(ExperimentError::NoAnswer(format!("{} was not deployed", FUNCTIONS[0])));
        };
        let mut chance = ChaCha8Rng::seed_from_u64(bench.request.seed.wrapping_add(u64::from(unit.round)));
        let mut order: Vec<(Shape, u32, bool)> = (0..WARM_UP).map(|number| (plan.largest(), number, true)).collect();
        for repetition in 0..plan.settings.repetitions {
            let mut shapes = plan.shapes.clone();
            shapes.shuffle(&mut chance);
            order.extend(shapes.into_iter().map(|shape| (shape, repetition, false)));
        }
        let mut called = Vec::with_capacity(order.len());
        for (shape, repetition, is_warm_up) in order {
            let context = TraceContext::new();
            let invocation = Invocation {
                traceparent: Some(context.traceparent()),
                patience: Some(plan.patience),
                ..Invocation::new(Bytes::from(shape.event(plan.settings.work_s).to_string()))
            };
            let label = if is_warm_up { "warm-up".to_owned() } else { shape.name() };
            let (call, _) = bench.invoke(root, &invocation, &label, repetition).await?;
            let hops = records::read(&call.response()).unwrap_or_default();
            let trace_id = context.trace_id.clone();
            called.push((context, Tree { shape, is_warm_up, trace_id, call: TimedCall::of(&call), hops }));
        }
        let clocks = Clocks::of(called.iter().map(|(_, tree)| (&tree.call, tree.hops.as_slice())));
        let mut all: Vec<Span> = Vec::new();
        for (context, tree) in &called {
            let corrected = clocks.correct(&tree.call, &tree.hops);
            for span in spans(context, FUNCTIONS[0], &tree.call, &tree.hops, &corrected) {
                bench.sink().span(unit, &span)?;
                all.push(span);
            }
        }
        let exported = export(bench, &plan.settings.otlp, &all).await?;
        let trees = called.into_iter().map(|(_, tree)| tree).collect();
        serde_json::to_value(Measured { trees, exported }).map_err(|error| ExperimentError::NoAnswer(error.to_string()))
    }

    fn finding(&self, _: &Request, outcomes: &[Outcome]) -> Finding {
        finding(self, outcomes)
    }
}

/// Sends the spans to whoever wants them. They are recorded already, so a failure loses nothing and is noted.
async fn export(
    bench: &Bench<'_>,
    address: &str,
    spans: &[Span],
) -> Result<Option<Result<u64, String>>, ExperimentError> {
    if address.is_empty() {
        return Ok(None);
    }
    match otlp::export(address, spans).await {
        Ok(sent) => Ok(Some(Ok(sent))),
        Err(error) => {
            bench.sink().note(&format!("spans were not exported: {error}"))?;
            Ok(Some(Err(error.to_string())))
        }
    }
}
