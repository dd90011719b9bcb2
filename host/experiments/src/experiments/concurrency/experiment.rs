//! The plan, and carrying it out.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use bytes::Bytes;
use platform::{Capabilities, ColdStart};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::plan::{deploying_s, estimate, parameters, timed_subjects, unit, within};
use super::super::record::root_record;
use super::super::tally::Tally;
use super::finding::finding;
use crate::{Bench, Call, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, Unit, settings};

const NAME: &str = "concurrency";

/// Bursts of 1, 2, 4 and more calls.
#[derive(Debug)]
pub(crate) struct Concurrency;

/// What can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// Rounds, each with every target, function and size of burst, in another order.
    rounds: u32,
    /// The largest burst; the others are the powers of two below it.
    maximum: u32,
    /// How long each call computes, s.
    work_s: f64,
}

fn defaults(quick: bool) -> Settings {
    match quick {
        true => Settings { rounds: 3, maximum: 8, work_s: 0.05 },
        false => Settings { rounds: 6, maximum: 64, work_s: 0.2 },
    }
}

/// The sizes of bursts: powers of two, and the largest.
fn sizes(most: u32) -> Vec<u32> {
    let mut sizes: Vec<u32> = (0..32).map(|power| 1_u32 << power).take_while(|size| *size < most).collect();
    sizes.push(most);
    sizes
}

/// One burst.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Burst {
    /// Calls at once.
    pub(super) size: u32,
    /// Whether all instances were ended before it.
    pub(super) was_forced_cold: bool,
    /// All calls.
    pub(super) tally: Tally,
    /// Answers that say who gave them.
    pub(super) identified: u64,
    /// Instances that answered.
    pub(super) instances: u64,
    /// Of these, instances that had answered in an earlier burst.
    pub(super) reused: u64,
    /// Most calls that one instance served.
    pub(super) most_of_one: u64,
    /// Calls that were their instance's first.
    pub(super) cold: u64,
    /// Times of the calls that succeeded, ns.
    pub(super) total_ns: Vec<u64>,
    /// What they waited for an instance, where the platform says so, ns.
    pub(super) queue_ns: Vec<u64>,
    /// How fast they computed, iterations per second.
    pub(super) speeds: Vec<f64>,
}

#[async_trait]
impl Experiment for Concurrency {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &'static str {
        "What do N calls at once get?"
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
        within("maximum", f64::from(settings.maximum), 1.0..=10_000.0)?;
        within("work-s", settings.work_s, 0.001..=60.0)?;
        let sizes = sizes(settings.maximum);
        let calls: u64 = sizes.iter().map(|size| 2 * u64::from(*size)).sum();
        let mut units = Vec::new();
        for round in 0..settings.rounds {
            for target in &request.targets {
                for subject in timed_subjects(NAME, request)? {
                    let bursts = sizes.len() as f64 * 2.0;
                    // On one machine calls that compute at once share its cores.
                    let computing_s = bursts * (0.3 + settings.work_s) + calls as f64 * settings.work_s / 2.0;
                    let estimate = estimate(deploying_s(target) + computing_s, calls, settings.work_s + 0.1);
                    units.push(unit(self, target, subject, ("", round), &settings, estimate)?);
                }
            }
        }
        Ok(units)
    }

    async fn run(&self, unit: &Unit, bench: &Bench<'_>) -> Result<serde_json::Value, ExperimentError> {
        let bursts = measure(parameters(unit)?, unit, bench).await?;
        serde_json::to_value(bursts).map_err(|error| ExperimentError::NoAnswer(error.to_string()))
    }

    fn finding(&self, _: &Request, outcomes: &[Outcome]) -> Finding {
        finding(self, outcomes)
    }
}

async fn measure(settings: Settings, unit: &Unit, bench: &Bench<'_>) -> Result<Vec<Burst>, ExperimentError> {
    let deployment = bench.deploy(&unit.function, |_| {}).await?;
    let event = Bytes::from(serde_json::json!({ "throughput_time": settings.work_s }).to_string());
    let mut sizes = sizes(settings.maximum);
    sizes.shuffle(&mut ChaCha8Rng::seed_from_u64(bench.request.seed ^ u64::from(unit.round)));
    let way = bench.site.platform.capabilities().cold_start;
    let mut seen = BTreeSet::new();
    let mut bursts = Vec::new();
    for size in sizes {
        let can_force = way != ColdStart::ByWaiting;
        if way == ColdStart::Forced || way == ColdStart::ByUpdate {
            bench.force_cold(&deployment).await?;
        }
        for was_forced_cold in [true, false].into_iter().filter(|cold| can_force || !*cold) {
            let label = format!("{} {size}", if was_forced_cold { "cold" } else { "next" });
            let calls = bench.at_once(&deployment, vec![event.clone(); size as usize], &label).await?;
            bursts.push(Burst::of(size, was_forced_cold, &calls, &mut seen));
        }
    }
    Ok(bursts)
}

impl Burst {
    fn of(size: u32, was_forced_cold: bool, calls: &[Call], seen: &mut BTreeSet<String>) -> Burst {
        let mut served: BTreeMap<&str, u64> = BTreeMap::new();
        let mut tally = Tally::default();
        for call in calls {
            tally.count(call);
            if let Some(instance) = call.instance() {
                *served.entry(&instance.id).or_default() += 1;
            }
        }
        let successes = || calls.iter().filter(|call| call.is_success());
        let speed = |call: &Call| {
            let record = root_record(call);
            let seconds = record["throughput_running_us"].as_f64()? / 1e6;
            (seconds > 0.0).then_some(record["throughput"].as_f64()? / seconds)
        };
        let reused = served.keys().filter(|instance| seen.contains(**instance)).count() as u64;
        seen.extend(served.keys().map(|instance| (*instance).to_owned()));
        Burst {
            size,
            was_forced_cold,
            tally,
            identified: served.values().sum(),
            instances: served.len() as u64,
            reused,
            most_of_one: served.values().copied().max().unwrap_or(0),
            cold: calls.iter().filter(|call| call.is_cold() == Some(true)).count() as u64,
            total_ns: successes().map(|call| call.total_ns).collect(),
            queue_ns: successes().filter_map(|call| call.answer.as_ref()?.timings.queue_ns).collect(),
            speeds: successes().filter_map(speed).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_are_powers_of_two_and_the_largest() {
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(8), [1, 2, 4, 8]);
        assert_eq!(sizes(10), [1, 2, 4, 8, 10]);
    }
}
