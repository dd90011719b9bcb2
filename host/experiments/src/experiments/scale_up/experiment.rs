//! The plan, and carrying it out.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use load::{Arrivals, Shape};
use platform::{Capabilities, ColdStart, Deployment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::super::plan::{
    deploying_s, estimate, keep_alive_s, parameters, timed_subjects, unit, within, without_minimum,
};
use super::super::tally::Tally;
use super::alive::{Alive, Compared, Presence, compare, of_answers, of_lives};
use super::finding::finding;
use super::timeline::{Part, timeline};
use super::watcher::{Sample, watch_instances};
use crate::{
    Bench, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, SchedulePlan, Scheduled, Unit,
    settings,
};

const NAME: &str = "scale-up";

/// Calls of one unit.
const MOST_CALLS: f64 = 100_000.0;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Arrivals that change.
#[derive(Debug)]
pub(crate) struct ScaleUp;

/// How arrivals change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Change {
    /// From the rate to the peak in four steps.
    Step,
    /// Evenly from the rate to the peak.
    Ramp,
    /// The peak for the middle third, the rate before and after.
    Spike,
    /// Evenly to the peak and back.
    Pyramid,
}

impl Change {
    /// In a word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Change::Step => "step",
            Change::Ramp => "ramp",
            Change::Spike => "spike",
            Change::Pyramid => "pyramid",
        }
    }

    fn shape(self, rate: f64, peak: f64) -> Shape {
        match self {
            Change::Step => Shape::Step { from: rate, to: peak, steps: 4 },
            Change::Ramp => Shape::Ramp { from: rate, to: peak },
            Change::Spike => Shape::Spike { rate, peak, share: 1.0 / 3.0 },
            Change::Pyramid => Shape::Pyramid { rate, peak },
        }
    }
}

/// What can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// Rounds, each with every target, function and shape.
    rounds: u32,
    /// How arrivals change.
    shapes: Vec<Change>,
    /// The least calls per second.
    rate: f64,
    /// The most calls per second.
    peak: f64,
    /// How long calls arrive, s.
    length_s: f64,
    /// How long each call keeps its instance, asleep, s.
    service_s: f64,
    /// How long is watched afterwards, s.
    watch_s: f64,
    /// How often the platform is asked for its instances, s.
    sample_s: f64,
    /// The keep-alive time to set on platforms where it can be, s; null: what the target's configuration says, as it is in a quick
    /// plan on platforms of other machines.
    keep_alive_s: Option<f64>,
    /// Calls under way at once; further ones are dropped, and counted.
    most_in_flight: u64,
    /// Parts that the time is divided into for the plots.
    parts: u32,
}

fn defaults(quick: bool) -> Settings {
    let all = vec![Change::Step, Change::Ramp, Change::Spike, Change::Pyramid];
    match quick {
        true => Settings {
            rounds: 1,
            shapes: vec![Change::Step, Change::Spike],
            rate: 4.0,
            peak: 20.0,
            length_s: 4.0,
            service_s: 0.2,
            watch_s: 2.0,
            sample_s: 0.1,
            keep_alive_s: Some(1.0),
            most_in_flight: 1_000,
            parts: 30,
        },
        false => Settings {
            rounds: 3,
            shapes: all,
            rate: 2.0,
            peak: 50.0,
            length_s: 60.0,
            service_s: 0.5,
            watch_s: 60.0,
            sample_s: 0.5,
            keep_alive_s: None,
            most_in_flight: 10_000,
            parts: 120,
        },
    }
}

/// What a unit is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Parameters {
    shape: Change,
    settings: Settings,
}

/// What a unit measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// How arrivals changed.
    pub(super) shape: Change,
    /// The least and the most calls per second.
    pub(super) rates: (f64, f64),
    /// How long each call kept its instance, s.
    pub(super) service_s: f64,
    /// All calls.
    pub(super) tally: Tally,
    /// Calls that were not made, as too many were under way.
    pub(super) dropped: u64,
    /// Calls that were their instance's first.
    pub(super) cold: u64,
    /// Most calls under way at once.
    pub(super) most_in_flight: u64,
    /// Response times of those that succeeded, ns.
    pub(super) response_ns: Vec<u64>,
    /// Their waits for an instance, where the platform says so, ns.
    pub(super) queue_ns: Vec<u64>,
    /// By how much the generator was late, ns: its 99th percentile; `None` without calls.
    pub(super) late_ns: Option<f64>,
    /// When each instance first served, s since the schedule began, in rising order.
    pub(super) first_served_s: Vec<f64>,
    /// Most instances at once as the answers show.
    pub(super) most_seen: u64,
    /// The answers beside what the platform knows; `None` on platforms that aren't of this machine.
    pub(super) compared: Option<Compared>,
    /// What the platform said when it was asked.
    pub(super) told: Vec<Sample>,
    /// After the last answer, s, when none was left; `None`: that was not seen.
    pub(super) gone_after_s: Option<f64>,
    /// Over time.
    pub(super) parts: Vec<Part>,
}

#[async_trait]
impl Experiment for ScaleUp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &'static str {
        "When are more instances started, and how fast?"
    }

    fn missing(&self, _: &Capabilities) -> Option<&'static str> {
        None
    }

    fn defaults(&self, quick: bool) -> serde_json::Value {
        serde_json::to_value(defaults(quick)).unwrap_or_default()
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let settings = checked(settings(NAME, &defaults(request.quick), request)?)?;
        let mut units = Vec::new();
        for round in 0..settings.rounds {
            for target in &request.targets {
                for subject in timed_subjects(NAME, request)? {
                    for shape in &settings.shapes {
                        let length = Duration::from_secs_f64(settings.length_s);
                        let calls = Arrivals::expected(&shape.shape(settings.rate, settings.peak), length);
                        let seconds = deploying_s(target) + settings.length_s + settings.service_s + settings.watch_s;
                        let estimate = estimate(seconds, calls as u64, settings.service_s);
                        let own = keep_alive_s(request, target, settings.keep_alive_s);
                        let settings = Settings { keep_alive_s: own, ..settings.clone() };
                        let parameters = Parameters { shape: *shape, settings };
                        units.push(unit(self, target, subject, (shape.name(), round), &parameters, estimate)?);
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

    fn finding(&self, _: &Request, outcomes: &[Outcome]) -> Finding {
        finding(self, outcomes)
    }
}

fn checked(settings: Settings) -> Result<Settings, RequestError> {
    within("rounds", f64::from(settings.rounds), 1.0..=1_000.0)?;
    within("length-s", settings.length_s, 0.1..=86_400.0)?;
    within("service-s", settings.service_s, 0.0..=600.0)?;
    within("watch-s", settings.watch_s, 0.0..=86_400.0)?;
    within("sample-s", settings.sample_s, 0.01..=3_600.0)?;
    within("most-in-flight", settings.most_in_flight as f64, 1.0..=MOST_CALLS)?;
    within("parts", f64::from(settings.parts), 1.0..=10_000.0)?;
    within("length-s times peak", settings.length_s * settings.peak.max(settings.rate), 1.0..=MOST_CALLS)?;
    if let Some(keep_alive_s) = settings.keep_alive_s {
        within("keep-alive-s", keep_alive_s, 0.01..=86_400.0)?;
    }
    for shape in &settings.shapes {
        shape.shape(settings.rate, settings.peak).validate().map_err(|error| RequestError(error.to_string()))?;
    }
    Ok(settings)
}

async fn measure(parameters: Parameters, unit: &Unit, bench: &Bench<'_>) -> Result<Measured, ExperimentError> {
    let Parameters { shape, settings } = parameters;
    let capabilities = bench.site.platform.capabilities();
    let own = settings.keep_alive_s.filter(|_| capabilities.keep_alive).map(Duration::from_secs_f64);
    let deployment = bench
        .deploy(&unit.function, |spec| {
            without_minimum(&mut spec.scale);
            spec.scale.keep_alive = own.or(spec.scale.keep_alive);
        })
        .await?;
    // From none, where that can be had.
    if matches!(capabilities.cold_start, ColdStart::Forced | ColdStart::ByUpdate) {
        bench.force_cold(&deployment).await?;
    }
    let length = Duration::from_secs_f64(settings.length_s);
    let seed = bench.request.seed ^ u64::from(unit.round);
    let plan = SchedulePlan {
        times_ns: Arrivals::new(&shape.shape(settings.rate, settings.peak), length, seed).collect(),
        events: vec![Bytes::from(serde_json::json!({ "sleep": settings.service_s }).to_string())].into(),
        most_in_flight: settings.most_in_flight,
        patience: deployment.spec.limits.time.map_or(PATIENCE, |limit| limit + Duration::from_secs(10)),
        label: shape.name().to_owned(),
    };
    let over = watch::Sender::new(false);
    let period = Duration::from_secs_f64(settings.sample_s);
    let watching = watch_instances(bench, &deployment, period, over.subscribe());
    let calling = async {
        let scheduled = bench.on_schedule(&deployment, plan).await;
        // Scale-down is watched as well.
        let watched =
            if scheduled.is_ok() { bench.wait(Duration::from_secs_f64(settings.watch_s)).await } else { Ok(()) };
        over.send_replace(true);
        watched.and(scheduled)
    };
    let (scheduled, told) = tokio::join!(calling, watching);
    Ok(measured((shape, &settings), bench, &deployment, &scheduled?, told?))
}

fn measured(
    (shape, settings): (Change, &Settings),
    bench: &Bench<'_>,
    deployment: &Deployment,
    scheduled: &Scheduled,
    told: Vec<(u64, Sample)>,
) -> Measured {
    let since = |unix_ns: u64| (unix_ns as f64 - scheduled.start_unix_ns as f64) / 1e9;
    let told: Vec<Sample> =
        told.into_iter().map(|(unix_ns, sample)| Sample { at_s: since(unix_ns), ..sample }).collect();
    let by_instance = of_answers(&scheduled.calls);
    let seen = Alive::of(by_instance.values().copied());
    let end_ns = scheduled.calls.iter().filter_map(|call| call.sent_ns?.checked_add(call.total_ns)).max().unwrap_or(0);
    let end_ns = i64::try_from(end_ns).unwrap_or(i64::MAX);
    let lives = bench.site.known.as_ref().map(|known| known.lives(&deployment.spec.id));
    let known = lives.as_ref().map(|lives| of_lives(lives, scheduled.start_unix_ns));
    let compared = lives.as_ref().map(|lives| compare(&by_instance, lives, (scheduled.start_unix_ns, end_ns)));
    let mut tally = Tally::default();
    scheduled.calls.iter().for_each(|call| tally.count(call));
    let successes = || scheduled.calls.iter().filter(|call| call.is_success());
    let mut first_served_s: Vec<f64> = by_instance.values().map(|presence| presence.from_ns as f64 / 1e9).collect();
    first_served_s.sort_unstable_by(f64::total_cmp);
    let until_s = (end_ns as f64 / 1e9).max(settings.length_s) + settings.watch_s;
    let under_way = Alive::of(scheduled.calls.iter().filter_map(under_way));
    let alive_known = known.as_ref().map(|known| Alive::of(known.iter().copied()));
    let alive = (&seen, alive_known.as_ref(), &under_way);
    let late: Vec<f64> = scheduled.lateness_ns.iter().map(|ns| *ns as f64).collect();
    Measured {
        shape,
        rates: (settings.rate, settings.peak),
        service_s: settings.service_s,
        tally,
        dropped: scheduled.dropped,
        cold: scheduled.calls.iter().filter(|call| call.is_cold() == Some(true)).count() as u64,
        most_in_flight: under_way.most(),
        response_ns: successes().map(crate::Call::response_ns).collect(),
        queue_ns: successes().filter_map(|call| call.answer.as_ref()?.timings.queue_ns).collect(),
        late_ns: stats::Sample::new(late).ok().map(|late| late.quantile(0.99)),
        first_served_s,
        most_seen: seen.most(),
        compared,
        gone_after_s: gone_after(known.as_deref(), &told, end_ns),
        parts: timeline(scheduled, (until_s, settings.parts), alive, &told),
        told,
    }
}

fn under_way(call: &crate::Call) -> Option<Presence> {
    let sent = i64::try_from(call.sent_ns?).ok()?;
    Some(Presence { from_ns: sent, until_ns: Some(sent.saturating_add(i64::try_from(call.total_ns).ok()?)) })
}

/// How long after the last answer none was left.
fn gone_after(known: Option<&[Presence]>, told: &[Sample], end_ns: i64) -> Option<f64> {
    match known {
        Some(known) => {
            let last = known.iter().map(|presence| presence.until_ns).collect::<Option<Vec<_>>>()?.into_iter().max()?;
            Some((last - end_ns).max(0) as f64 / 1e9)
        }
        None => {
            let end_s = end_ns as f64 / 1e9;
            let after = told.iter().find(|sample| sample.at_s >= end_s && sample.instances == 0)?;
            Some(after.at_s - end_s)
        }
    }
}
