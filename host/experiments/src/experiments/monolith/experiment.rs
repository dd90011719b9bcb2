//! What is measured.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use platform::{Capabilities, Deployment, Invocation};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::finding::finding;
use crate::calling::seconds;
use crate::cold_call::{ONLY_BY_WAITING, make_cold};
use crate::experiments::plan::{deploying_s, estimate};
use crate::records::{self, Hop};
use crate::timed_call::TimedCall;
use crate::{Bench, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, Unit, settings};

const NAME: &str = "monolith";
/// The big function.
const BIG: &str = "monolith";
/// The small ones, each of which calls the next.
const SMALL: [&str; 3] = ["function1", "function2", "function3"];
/// Calls of each way before those that count.
const WARM_UP: u32 = 2;

/// One big function or many small ones.
pub(crate) struct Monolith;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// Computing of each small function, s; the big one does all of it.
    work_s: f64,
    /// Warm calls of each way in each round.
    repetitions: u32,
    /// Cold calls of each way in each round.
    cold: u32,
    /// Rounds, between which the targets take turns.
    rounds: u32,
    /// How long an answer is waited for, s.
    patience_s: f64,
}

/// How the work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Way {
    /// By one function.
    Monolith,
    /// By small ones, each of which calls the next.
    Chain,
}

/// What a unit measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) rows: Vec<Row>,
    /// Sizes of the binaries or components, bytes, by function.
    pub(super) code_bytes: BTreeMap<String, u64>,
    /// Why there is no cold call.
    pub(super) no_cold: Option<String>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) way: Way,
    /// Whether a cold start was brought about before it.
    pub(super) wants_cold: bool,
    pub(super) call: TimedCall,
    pub(super) hops: Vec<Hop>,
}

fn defaults(quick: bool) -> Settings {
    if quick {
        Settings { work_s: 0.005, repetitions: 15, cold: 2, rounds: 1, patience_s: 10.0 }
    } else {
        Settings { work_s: 0.02, repetitions: 30, cold: 7, rounds: 3, patience_s: 60.0 }
    }
}

fn read(request: &Request) -> Result<(Settings, Duration), RequestError> {
    let settings = settings(NAME, &defaults(request.quick), request)?;
    let wrong = |what: &str| RequestError(format!("the settings of {NAME} can't be used: {what}"));
    if !(0.0..=60.0).contains(&settings.work_s) {
        return Err(wrong("`work-s` must be 0 to 60"));
    }
    if !(1..=10_000).contains(&settings.repetitions) || settings.cold > 1_000 || !(1..=1_000).contains(&settings.rounds)
    {
        return Err(wrong("`repetitions` must be 1 to 10000, `cold` at most 1000, `rounds` 1 to 1000"));
    }
    let patience =
        seconds(settings.patience_s).ok_or_else(|| wrong("`patience-s` must be more than 0 and at most 86400"))?;
    Ok((settings, patience))
}

impl Way {
    /// The event of its first function.
    fn event(self, work_s: f64) -> Value {
        match self {
            Way::Monolith => json!({"throughput_time": work_s * SMALL.len() as f64}),
            Way::Chain => SMALL.into_iter().rev().fold(Value::Null, |next, function| {
                let mut event = json!({"throughput_time": work_s});
                if !next.is_null() {
                    event["invoke_nested"] = json!([next]);
                }
                // As its caller names it; the first one's caller is nobody.
                if function == SMALL[0] { event } else { json!({"function_name": function, "invoke_payload": event}) }
            }),
        }
    }
}

struct Deployed {
    big: Deployment,
    small: BTreeMap<String, Deployment>,
}

impl Deployed {
    fn first(&self, way: Way) -> Option<&Deployment> {
        match way {
            Way::Monolith => Some(&self.big),
            Way::Chain => self.small.get(SMALL[0]),
        }
    }

    /// `false` where only waiting brings a cold start about.
    async fn make_cold(&mut self, bench: &Bench<'_>, way: Way, number: u32) -> Result<bool, ExperimentError> {
        match way {
            Way::Monolith => make_cold(bench, &mut self.big, number).await,
            Way::Chain => {
                for deployment in self.small.values_mut() {
                    if !make_cold(bench, deployment, number).await? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}

#[async_trait]
impl Experiment for Monolith {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &'static str {
        "One big function or many small ones?"
    }

    fn missing(&self, capabilities: &Capabilities) -> Option<&'static str> {
        (!capabilities.nested_calls).then_some("call functions from functions")
    }

    fn defaults(&self, quick: bool) -> serde_json::Value {
        serde_json::to_value(defaults(quick)).unwrap_or_default()
    }

    fn functions(&self, _: &Request) -> BTreeSet<String> {
        SMALL.into_iter().chain([BIG]).map(str::to_owned).collect()
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let (settings, _) = read(request)?;
        let rounds = (0..settings.rounds).flat_map(|round| request.targets.iter().map(move |target| (round, target)));
        let calls = f64::from(WARM_UP + settings.repetitions + settings.cold);
        Ok(rounds
            .map(|(round, target)| Unit {
                experiment: NAME.to_owned(),
                target: target.target.clone(),
                function: BIG.to_owned(),
                size: "none".to_owned(),
                variant: format!("against {}", SMALL.join(", ")),
                round,
                parameters: serde_json::Value::Null,
                estimate: estimate(
                    deploying_s(target) * (4.0 + f64::from(settings.cold) * 2.0)
                        + calls * 2.0 * (3.0 * settings.work_s + 0.01),
                    calls as u64 * (1 + SMALL.len() as u64),
                    2.25 * settings.work_s + 0.001,
                ),
            })
            .collect())
    }

    async fn run(&self, unit: &Unit, bench: &Bench<'_>) -> Result<serde_json::Value, ExperimentError> {
        let (settings, patience) = read(bench.request)?;
        let small: Vec<String> = SMALL.into_iter().map(str::to_owned).collect();
        let mut deployed =
            Deployed { big: bench.deploy(BIG, |_| ()).await?, small: bench.deploy_called(&small, |_| ()).await? };
        let mut chance = ChaCha8Rng::seed_from_u64(bench.request.seed.wrapping_add(u64::from(unit.round)));
        let mut rows = Vec::new();
        for repetition in 0..WARM_UP + settings.repetitions {
            for way in order(&mut chance) {
                let row = call(bench, &deployed, way, false, repetition, settings.work_s, patience).await?;
                rows.extend(row.filter(|_| repetition >= WARM_UP));
            }
        }
        let mut no_cold = (settings.cold == 0).then(|| "none were asked for".to_owned());
        'cold: for repetition in 0..settings.cold {
            for way in order(&mut chance) {
                if !deployed.make_cold(bench, way, repetition + 1).await? {
                    no_cold = Some(ONLY_BY_WAITING.to_owned());
                    break 'cold;
                }
                rows.extend(call(bench, &deployed, way, true, repetition, settings.work_s, patience).await?);
            }
        }
        let sizes = SMALL
            .into_iter()
            .chain([BIG])
            .filter_map(|function| Some((function.to_owned(), bench.site.images.get(function)?.code_bytes)));
        let measured = Measured { rows, code_bytes: sizes.collect(), no_cold };
        serde_json::to_value(measured).map_err(|error| ExperimentError::NoAnswer(error.to_string()))
    }

    fn finding(&self, _: &Request, outcomes: &[Outcome]) -> Finding {
        finding(self, outcomes)
    }
}

fn order(chance: &mut ChaCha8Rng) -> [Way; 2] {
    let mut ways = [Way::Monolith, Way::Chain];
    ways.shuffle(chance);
    ways
}

async fn call(
    bench: &Bench<'_>,
    deployed: &Deployed,
    way: Way,
    wants_cold: bool,
    repetition: u32,
    work_s: f64,
    patience: Duration,
) -> Result<Option<Row>, ExperimentError> {
    let Some(first) = deployed.first(way) else { return Ok(None) };
    let invocation =
        Invocation { patience: Some(patience), ..Invocation::new(Bytes::from(way.event(work_s).to_string())) };
    let label = match (way, wants_cold) {
        (Way::Monolith, false) => "monolith, warm",
        (Way::Monolith, true) => "monolith, cold",
        (Way::Chain, false) => "chain, warm",
        (Way::Chain, true) => "chain, cold",
    };
    let (call, _) = bench.invoke(first, &invocation, label, repetition).await?;
    let hops = records::read(&call.response()).unwrap_or_default();
    Ok(Some(Row { way, wants_cold, call: TimedCall::of(&call), hops }))
}

impl Row {
    /// Whether all invocations were done and told.
    pub(super) fn is_whole(&self) -> bool {
        let expected = match self.way {
            Way::Monolith => 1,
            Way::Chain => SMALL.len(),
        };
        self.call.is_success() && self.hops.len() == expected && self.hops.iter().all(|hop| hop.error.is_none())
    }

    /// Whether all of its instances were cold, or none was; `None` for something in between, or where nothing says.
    pub(super) fn is_cold(&self) -> Option<bool> {
        let cold: Vec<Option<bool>> = self.hops.iter().map(|hop| hop.is_cold).collect();
        let first = *cold.first()?;
        cold.iter().all(|other| *other == first).then_some(first)?
    }

    /// What all invocations executed together, ns: what is billed, with what callers wait.
    pub(super) fn executed_ns(&self) -> f64 {
        self.hops.iter().filter_map(|hop| hop.executed).map(|executed| executed.length_ns as f64).sum()
    }

    pub(super) fn iterations(&self) -> f64 {
        self.hops.iter().map(|hop| hop.iterations as f64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_have_the_same_work() {
        let chain = Way::Chain.event(0.25);
        let second = &chain["invoke_nested"][0];
        let third = &second["invoke_payload"]["invoke_nested"][0];
        assert_eq!((&second["function_name"], &third["function_name"]), (&json!("function2"), &json!("function3")));
        assert_eq!(third["invoke_payload"], json!({"throughput_time": 0.25}));
        let work = [&chain, &second["invoke_payload"], &third["invoke_payload"]];
        let together: f64 = work.iter().filter_map(|event| event["throughput_time"].as_f64()).sum();
        assert_eq!(Way::Monolith.event(0.25)["throughput_time"].as_f64(), Some(together));
    }
}
