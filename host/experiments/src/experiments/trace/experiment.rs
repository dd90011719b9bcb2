//! What is measured.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use platform::{Capabilities, Deployment};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::finding::finding;
use super::plan::{NAME, Plan, PlanSummary, Planned, Work, defaults};
use crate::experiments::plan::deploying_s;
use crate::timed_call::TimedCall;
use crate::{
    Bench, Call, Estimate, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, SchedulePlan, Unit,
};

/// Sleeps and computes as long as its event says.
const FUNCTION: &str = "function1";
/// What its memory is taken for where nothing says, bytes: only for the estimate of a cost.
const MEMORY_BYTES: u64 = 128_000_000;

/// The calls of so long are saved together.
const SAVED_EVERY: Duration = Duration::from_secs(60);

/// How a platform does under real traffic.
pub(crate) struct TraceReplay;

/// What a unit measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) plan: PlanSummary,
    pub(super) functions: Vec<MeasuredFunction>,
    /// How long the schedule is, s.
    pub(super) length_s: f64,
}

impl Measured {
    /// Adds another part of the same replay.
    pub(super) fn add(&mut self, other: Measured) {
        for function in other.functions {
            match self.functions.iter_mut().find(|own| own.name == function.name) {
                Some(own) => {
                    own.planned += function.planned;
                    own.dropped += function.dropped;
                    own.calls.extend(function.calls);
                }
                None => self.functions.push(function),
            }
        }
    }
}

/// One function's calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct MeasuredFunction {
    pub(super) name: String,
    /// Those that were due; of a part of a replay, those that became something in it.
    pub(super) planned: u64,
    /// Calls that were not made, as too many were under way.
    pub(super) dropped: u64,
    pub(super) calls: Vec<Replayed>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Replayed {
    /// When it was due, ns since the schedule began.
    pub(super) due_ns: u64,
    /// By how much it was made late, ns.
    pub(super) late_ns: u64,
    /// From when it was due until its answer, ns.
    pub(super) response_ns: u64,
    /// How long it was to take, ns.
    pub(super) wanted_ns: u64,
    /// How long it says that it took, ns.
    pub(super) executed_ns: Option<u64>,
    pub(super) is_cold: Option<bool>,
    pub(super) instance: Option<String>,
    pub(super) failure: Option<String>,
}

#[async_trait]
impl Experiment for TraceReplay {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &'static str {
        "How does it do under real traffic?"
    }

    fn missing(&self, _: &Capabilities) -> Option<&'static str> {
        None
    }

    fn defaults(&self, quick: bool) -> serde_json::Value {
        serde_json::to_value(defaults(quick)).unwrap_or_default()
    }

    fn functions(&self, _: &Request) -> BTreeSet<String> {
        BTreeSet::from([FUNCTION.to_owned()])
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let plan = Plan::read(request)?;
        let gigabyte_seconds = plan.functions.iter().map(|function| {
            let seconds: f64 = function.arrivals.iter().map(|arrival| arrival.duration_s).sum();
            seconds * function.memory_bytes.unwrap_or(MEMORY_BYTES) as f64 / 1e9
        });
        let gigabyte_seconds = gigabyte_seconds.sum();
        let units = request.targets.iter().map(|target| Unit {
            experiment: NAME.to_owned(),
            target: target.target.clone(),
            function: FUNCTION.to_owned(),
            size: "none".to_owned(),
            variant: format!("{} functions, {} minutes", plan.functions.len(), plan.settings.minutes),
            round: 0,
            parameters: serde_json::Value::Null,
            estimate: Estimate {
                seconds: plan.length_s() + plan.settings.longest_s + plan.functions.len() as f64 * deploying_s(target),
                invocations: plan.summary.planned,
                gigabyte_seconds,
            },
        });
        Ok(units.collect())
    }

    async fn run(&self, _: &Unit, bench: &Bench<'_>) -> Result<serde_json::Value, ExperimentError> {
        // Reading a day of a trace may take seconds.
        let request = bench.request.clone();
        let plan = tokio::task::spawn_blocking(move || Plan::read(&request)).await;
        let plan = plan.map_err(|error| ExperimentError::NoAnswer(format!("the trace was not read: {error}")))??;
        let mut deployments = Vec::new();
        for function in &plan.functions {
            let limit = function.memory_bytes.filter(|_| bench.site.platform.capabilities().memory_limit);
            let change =
                |spec: &mut platform::DeploymentSpec| spec.limits.memory_bytes = limit.or(spec.limits.memory_bytes);
            deployments.push(bench.deploy(FUNCTION, change).await?);
        }
        // A replay is one whole: one that was cut is begun again, and what it has until then is saved minute by minute.
        let recording = Mutex::new(Recording::of(&plan));
        let shared = &recording;
        let each = plan.functions.iter().zip(&deployments).enumerate();
        let replayed = join_all(each.map(|(number, (function, deployment))| {
            let seen = move |call: &Call, dropped| {
                let mut recording = shared.lock().unwrap_or_else(PoisonError::into_inner);
                recording.seen(number, replayed(call, function), dropped, bench)
            };
            replay(bench, &plan, (function, deployment), seen)
        }))
        .await;
        let mut recording = recording.into_inner().unwrap_or_else(PoisonError::into_inner);
        match replayed.into_iter().collect::<Result<Vec<u64>, _>>() {
            Ok(dropped) => {
                let measured = recording.whole(dropped);
                serde_json::to_value(measured).map_err(|error| ExperimentError::NoAnswer(error.to_string()))
            }
            Err(error) => {
                recording.save(bench)?;
                Err(error)
            }
        }
    }

    fn finding(&self, _: &Request, outcomes: &[Outcome]) -> Finding {
        finding(self, outcomes)
    }
}

/// What came until now.
struct Recording<'a> {
    plan: &'a Plan,
    /// In the order of the plan's.
    functions: Vec<MeasuredFunction>,
    /// How many calls, and dropped ones, of each are saved.
    saved: Vec<(usize, u64)>,
    saved_at: Instant,
}

impl Recording<'_> {
    fn of(plan: &Plan) -> Recording<'_> {
        let nothing = |function: &Planned| MeasuredFunction {
            name: function.name.clone(),
            planned: function.arrivals.len() as u64,
            dropped: 0,
            calls: Vec::new(),
        };
        Recording {
            plan,
            functions: plan.functions.iter().map(nothing).collect(),
            saved: vec![(0, 0); plan.functions.len()],
            saved_at: Instant::now(),
        }
    }

    /// Takes a call of the function of that number, of which so many were dropped until then.
    fn seen(&mut self, number: usize, call: Replayed, dropped: u64, bench: &Bench<'_>) -> Result<(), ExperimentError> {
        if let Some(function) = self.functions.get_mut(number) {
            function.calls.push(call);
            function.dropped = dropped;
        }
        // Other threads make the calls and take their times.
        if self.saved_at.elapsed() >= SAVED_EVERY { self.save(bench) } else { Ok(()) }
    }

    /// Saves what came since this was done last.
    fn save(&mut self, bench: &Bench<'_>) -> Result<(), ExperimentError> {
        let mut functions = Vec::new();
        for (function, saved) in self.functions.iter().zip(&mut self.saved) {
            let calls = function.calls.get(saved.0..).unwrap_or_default().to_vec();
            let dropped = function.dropped - saved.1;
            *saved = (function.calls.len(), function.dropped);
            let planned = calls.len() as u64 + dropped;
            if planned > 0 {
                functions.push(MeasuredFunction { name: function.name.clone(), planned, dropped, calls });
            }
        }
        self.saved_at = Instant::now();
        if functions.is_empty() { Ok(()) } else { bench.save_more(&self.measured(functions)) }
    }

    /// All of it, when it is over.
    fn whole(mut self, dropped: Vec<u64>) -> Measured {
        for (function, dropped) in self.functions.iter_mut().zip(dropped) {
            function.dropped = dropped;
        }
        let functions = std::mem::take(&mut self.functions);
        self.measured(functions)
    }

    fn measured(&self, functions: Vec<MeasuredFunction>) -> Measured {
        Measured { length_s: self.plan.length_s(), plan: self.plan.summary.clone(), functions }
    }
}

/// Makes one function's calls; returns how many were dropped.
async fn replay(
    bench: &Bench<'_>,
    plan: &Plan,
    (function, deployment): (&Planned, &Deployment),
    seen: impl FnMut(&Call, u64) -> Result<(), ExperimentError>,
) -> Result<u64, ExperimentError> {
    let events: Vec<Bytes> =
        function.arrivals.iter().map(|arrival| event(arrival.duration_s, plan.settings.work)).collect();
    let schedule = SchedulePlan {
        times_ns: function.arrivals.iter().map(|arrival| (arrival.at_s * 1e9) as u64).collect(),
        events: Arc::from(events),
        most_in_flight: plan.settings.most_in_flight,
        patience: plan.patience,
        label: function.name.clone(),
    };
    Ok(bench.on_schedule_seen(deployment, schedule, seen).await?.dropped)
}

fn event(duration_s: f64, work: Work) -> Bytes {
    let key = match work {
        Work::Sleep => "sleep",
        Work::Compute => "throughput_time",
    };
    Bytes::from(format!("{{\"{key}\":{duration_s:.6}}}"))
}

fn replayed(call: &Call, function: &Planned) -> Replayed {
    let wanted_s = function.arrivals.get(call.repetition as usize).map_or(0.0, |arrival| arrival.duration_s);
    let timed = TimedCall::of(call);
    Replayed {
        due_ns: call.intended_ns.unwrap_or(0),
        late_ns: call.sent_ns.zip(call.intended_ns).map_or(0, |(sent, due)| sent.saturating_sub(due)),
        response_ns: call.response_ns(),
        wanted_ns: (wanted_s * 1e9) as u64,
        executed_ns: timed.there.map(|(_, ns)| ns),
        is_cold: timed.is_cold,
        instance: timed.instance,
        failure: timed.failure,
    }
}
