//! The plan, and carrying it out.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use platform::{Capabilities, ColdStart, Deployment, DeploymentSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::plan::{deploying_s, estimate, is_timed, keep_alive_s, parameters, unit, within, without_minimum};
use super::super::tally::Tally;
use super::bisection::{Boundary, Observation, Search};
use super::finding::finding;
use super::probe::Prober;
use super::survival::Survivors;
use crate::{Bench, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, Unit, settings};

const NAME: &str = "keep-alive";

/// Idle times that are tried in one unit, whatever comes of them.
const MOST_PROBES: u32 = 60;

/// Idle times until an instance is gone.
#[derive(Debug)]
pub(crate) struct KeepAlive;

/// What can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// Rounds, each with every target and function.
    rounds: u32,
    /// The keep-alive time to set on platforms where it can be, s; null: what the target's configuration says, as it is in a quick
    /// plan on platforms of other machines.
    keep_alive_s: Option<f64>,
    /// The first idle time, s; each further one is twice as long until an instance is gone.
    shortest_idle_s: f64,
    /// The longest idle time, s.
    longest_idle_s: f64,
    /// The interval is narrow enough at this width, s,
    resolution_s: f64,
    /// or at this share of its upper end.
    resolution_share: f64,
    /// Instances, each of a deployment of its own, that are left idle for the same time.
    confirmations: u32,
    /// Instances of one deployment for the survival curve; 0: none.
    instances: u32,
    /// Idle times of the survival curve.
    points: u32,
}

fn defaults(quick: bool) -> Settings {
    match quick {
        true => Settings {
            rounds: 1,
            keep_alive_s: Some(1.0),
            shortest_idle_s: 0.3,
            longest_idle_s: 3.0,
            resolution_s: 0.1,
            resolution_share: 0.02,
            confirmations: 2,
            instances: 3,
            points: 3,
        },
        false => Settings {
            rounds: 2,
            keep_alive_s: None,
            shortest_idle_s: 1.0,
            longest_idle_s: 3_600.0,
            resolution_s: 0.25,
            resolution_share: 0.02,
            confirmations: 3,
            instances: 10,
            points: 8,
        },
    }
}

/// What a unit measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// What was set, s; `None` where it can't be, or was not.
    pub(super) set_s: Option<f64>,
    /// What was seen after single instances' idle times.
    pub(super) observations: Vec<Observation>,
    /// What was seen after several instances' idle times.
    pub(super) survivors: Vec<Survivors>,
    /// Idle times of which nothing could be learnt.
    pub(super) unlearnt: u64,
    /// Idle times of single instances that were tried.
    #[serde(default)]
    probes: u32,
    /// Idle times of several instances that were tried.
    #[serde(default)]
    points: u32,
    /// The longest idle time that was allowed, s.
    pub(super) longest_idle_s: f64,
    /// All calls.
    pub(super) tally: Tally,
}

#[async_trait]
impl Experiment for KeepAlive {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &'static str {
        "After how long idle is an instance reclaimed?"
    }

    fn missing(&self, capabilities: &Capabilities) -> Option<&'static str> {
        (capabilities.cold_start == ColdStart::Always).then_some("keep an instance after its call")
    }

    fn defaults(&self, quick: bool) -> serde_json::Value {
        serde_json::to_value(defaults(quick)).unwrap_or_default()
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let settings = checked(settings(NAME, &defaults(request.quick), request)?)?;
        let mut units = Vec::new();
        for round in 0..settings.rounds {
            for target in &request.targets {
                for subject in &request.subjects {
                    let own = keep_alive_s(request, target, settings.keep_alive_s);
                    let settings = Settings { keep_alive_s: own, ..settings.clone() };
                    let about_s = own.unwrap_or(settings.longest_idle_s).min(settings.longest_idle_s);
                    // Doubling and halving take four times the boundary, each point of the curve about once.
                    let waiting_s = about_s * (4.0 + f64::from(settings.points.min(settings.instances)));
                    let deployments = f64::from(settings.confirmations + 1);
                    let calls =
                        u64::from(settings.confirmations) * 36 + u64::from(settings.instances * settings.points) * 3;
                    let estimate = estimate(waiting_s + deployments * deploying_s(target), calls, 0.1);
                    units.push(unit(self, target, subject, ("", round), &settings, estimate)?);
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
    const DAY: f64 = 86_400.0;
    within("rounds", f64::from(settings.rounds), 1.0..=1_000.0)?;
    within("longest-idle-s", settings.longest_idle_s, 0.1..=7.0 * DAY)?;
    within("shortest-idle-s", settings.shortest_idle_s, 0.01..=settings.longest_idle_s)?;
    within("resolution-s", settings.resolution_s, 0.001..=DAY)?;
    within("resolution-share", settings.resolution_share, 0.0..=0.5)?;
    within("confirmations", f64::from(settings.confirmations), 1.0..=100.0)?;
    within("instances", f64::from(settings.instances), 0.0..=1_000.0)?;
    within("points", f64::from(settings.points), 0.0..=1_000.0)?;
    if let Some(keep_alive_s) = settings.keep_alive_s {
        within("keep-alive-s", keep_alive_s, 0.01..=7.0 * DAY)?;
    }
    Ok(settings)
}

async fn measure(settings: Settings, unit: &Unit, bench: &Bench<'_>) -> Result<Measured, ExperimentError> {
    let subject = bench.subject()?;
    bench.deploy_called(&subject.calls, |_| {}).await?;
    let can_set = bench.site.platform.capabilities().keep_alive;
    let own = settings.keep_alive_s.filter(|_| can_set).map(Duration::from_secs_f64);
    // Instances that are kept for a minimum are never reclaimed.
    let change = |spec: &mut DeploymentSpec| {
        without_minimum(&mut spec.scale);
        spec.scale.keep_alive = own.or(spec.scale.keep_alive);
    };
    let mut deployments = Vec::new();
    for _ in 0..settings.confirmations {
        deployments.push(bench.deploy(&unit.function, change).await?);
    }
    let set = deployments.first().and_then(|deployment| deployment.spec.scale.keep_alive).filter(|_| can_set);
    // What was tried before the unit was cut is not tried again.
    let mut measured = bench.earlier().unwrap_or(Measured {
        set_s: set.map(|set| set.as_secs_f64()),
        observations: Vec::new(),
        survivors: Vec::new(),
        unlearnt: 0,
        probes: 0,
        points: 0,
        longest_idle_s: settings.longest_idle_s,
        tally: Tally::default(),
    });
    let prober = Prober { bench, event: subject.event.clone(), tally: Mutex::new(measured.tally.clone()) };
    let came = probe((&settings, unit), &prober, deployments, change, &mut measured).await;
    measured.tally = prober.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    if came.is_err() && !measured.observations.is_empty() {
        bench.save(&measured)?;
    }
    came.map(|()| measured)
}

/// Both parts of a unit. What they come to is in `measured` also when they end early.
async fn probe(
    (settings, unit): (&Settings, &Unit),
    prober: &Prober<'_>,
    deployments: Vec<Deployment>,
    change: impl Fn(&mut DeploymentSpec),
    measured: &mut Measured,
) -> Result<(), ExperimentError> {
    let bench = prober.bench;
    search(prober, &deployments, settings, measured).await?;
    if measured.observations.is_empty() {
        return Err(ExperimentError::NoAnswer(format!(
            "no two calls in turn were answered by an instance that says which it is: {}",
            prober.tally.lock().unwrap_or_else(PoisonError::into_inner).in_words()
        )));
    }
    let boundary = Boundary::of(&measured.observations);
    if boundary.first_gone_s.is_some() && settings.instances > 1 && settings.points > 0 && is_timed(&unit.function) {
        for deployment in &deployments {
            bench.remove(deployment).await?;
        }
        let deployment = bench.deploy(&unit.function, |spec| {
            change(spec);
            // Each call of those at once has an instance of its own.
            if bench.site.platform.capabilities().concurrency {
                spec.scale.concurrency = Some(1);
            }
        });
        survive(prober, &deployment.await?, settings, &boundary, measured).await?;
    }
    Ok(())
}

/// Saves what is known between two idle times, when nothing is measured.
fn save(prober: &Prober<'_>, measured: &mut Measured) -> Result<(), ExperimentError> {
    if measured.observations.is_empty() {
        return Ok(());
    }
    measured.tally = prober.tally.lock().unwrap_or_else(PoisonError::into_inner).clone();
    prober.bench.save(measured)
}

/// Tries idle times until the boundary is known.
async fn search(
    prober: &Prober<'_>,
    deployments: &[Deployment],
    settings: &Settings,
    measured: &mut Measured,
) -> Result<(), ExperimentError> {
    let search = Search {
        shortest_s: settings.shortest_idle_s,
        longest_s: settings.longest_idle_s,
        resolution_s: settings.resolution_s,
        resolution_share: settings.resolution_share,
    };
    for number in measured.probes..MOST_PROBES {
        let Some(idle_s) = search.next(&measured.observations) else { break };
        let seen = prober.observe(deployments, Duration::from_secs_f64(idle_s), number).await?;
        if seen.is_empty() {
            measured.unlearnt += 1;
            // The same would be tried again and again.
            if measured.unlearnt > 3 {
                break;
            }
        }
        measured.observations.extend(seen);
        measured.probes = number + 1;
        save(prober, measured)?;
    }
    Ok(())
}

/// The survival curve, from well before the boundary to well after it.
async fn survive(
    prober: &Prober<'_>,
    deployment: &Deployment,
    settings: &Settings,
    boundary: &Boundary,
    measured: &mut Measured,
) -> Result<(), ExperimentError> {
    let events = vec![Bytes::from_static(br#"{"sleep": 0.2}"#); settings.instances as usize];
    let end = boundary.gone_s.unwrap_or(settings.longest_idle_s);
    let (from, to) = (0.6 * boundary.kept_s, (1.25 * end).min(settings.longest_idle_s));
    for number in measured.points..settings.points {
        let idle_s = from + (to - from) * f64::from(number) / f64::from(settings.points.saturating_sub(1).max(1));
        match prober.survivors(deployment, &events, Duration::from_secs_f64(idle_s)).await? {
            Some(survivors) => measured.survivors.push(survivors),
            None => measured.unlearnt += 1,
        }
        measured.points = number + 1;
        save(prober, measured)?;
    }
    Ok(())
}
