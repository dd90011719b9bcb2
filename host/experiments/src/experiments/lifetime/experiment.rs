//! The plan, and carrying it out.

use std::time::Duration;

use async_trait::async_trait;
use platform::{Capabilities, ColdStart, Deployment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::super::plan::{deploying_s, estimate, parameters, unit, within, without_minimum};
use super::super::tally::Tally;
use super::finding::finding;
use super::lives::{Life, Seen, lives};
use crate::{Bench, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, Subject, Unit, settings};

const NAME: &str = "lifetime";

/// Calls of one unit, whatever the settings come to.
const MOST_CALLS: f64 = 1_000_000.0;

/// What was seen is saved after so long, s, if no other instance comes.
const SAVED_EVERY_S: f64 = 60.0;

/// Calls an instance again and again until it is another.
#[derive(Debug)]
pub(crate) struct Lifetime;

/// What can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// Rounds, each with every target and function.
    rounds: u32,
    /// How long is watched, s.
    longest_s: f64,
    /// Time between calls, s; half the keep-alive time where that is known and shorter.
    every_s: f64,
    /// Lives that are seen to their end, after which no more is watched.
    lives: u32,
}

fn defaults(quick: bool) -> Settings {
    match quick {
        true => Settings { rounds: 1, longest_s: 8.0, every_s: 0.25, lives: 3 },
        false => Settings { rounds: 1, longest_s: 4.0 * 3_600.0, every_s: 30.0, lives: 5 },
    }
}

/// What a unit measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// Instances in the order of their first answers.
    pub(super) lives: Vec<Life>,
    /// Time between calls, s.
    pub(super) every_s: f64,
    /// How long was watched, s.
    pub(super) watched_s: f64,
    /// All calls.
    pub(super) tally: Tally,
}

#[async_trait]
impl Experiment for Lifetime {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &'static str {
        "How long does a busy instance live?"
    }

    fn missing(&self, capabilities: &Capabilities) -> Option<&'static str> {
        (capabilities.cold_start == ColdStart::Always).then_some("keep an instance after its call")
    }

    fn defaults(&self, quick: bool) -> serde_json::Value {
        serde_json::to_value(defaults(quick)).unwrap_or_default()
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let settings = settings(NAME, &defaults(request.quick), request)?;
        within("rounds", f64::from(settings.rounds), 1.0..=1_000.0)?;
        within("longest-s", settings.longest_s, 0.1..=30.0 * 86_400.0)?;
        within("every-s", settings.every_s, 0.01..=settings.longest_s)?;
        within("longest-s / every-s", settings.longest_s / settings.every_s, 1.0..=MOST_CALLS)?;
        within("lives", f64::from(settings.lives), 1.0..=10_000.0)?;
        let calls = (settings.longest_s / settings.every_s) as u64 + 1;
        let mut units = Vec::new();
        for round in 0..settings.rounds {
            for target in &request.targets {
                for subject in &request.subjects {
                    let estimate = estimate(settings.longest_s + deploying_s(target), calls, 0.1);
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

async fn measure(settings: Settings, unit: &Unit, bench: &Bench<'_>) -> Result<Measured, ExperimentError> {
    let subject = bench.subject()?;
    bench.deploy_called(&subject.calls, |_| {}).await?;
    let deployment = bench.deploy(&unit.function, |spec| without_minimum(&mut spec.scale)).await?;
    let half = deployment.spec.scale.keep_alive.map(|keep_alive| keep_alive.as_secs_f64() / 2.0);
    // Not so often that one call is not answered before the next.
    let every_s = half.map_or(settings.every_s, |half| half.clamp(0.01, settings.every_s));
    // Lives of which the end was not seen, as the unit was cut, stay what they are: lives that lasted for so long at least.
    let before =
        bench.earlier().unwrap_or(Measured { lives: Vec::new(), every_s, watched_s: 0.0, tally: Tally::default() });
    let mut watch = Watch { begin: Instant::now(), before, seen: Vec::new(), tally: Tally::default(), saved_s: None };
    let came = watch.watch(&settings, every_s, bench, &deployment, subject).await;
    let measured = watch.measured();
    if measured.lives.is_empty() {
        came?;
        let said = measured.tally.in_words();
        return Err(ExperimentError::NoAnswer(format!("no answer says which instance gave it: {said}")));
    }
    if came.is_err() {
        bench.save(&measured)?;
    }
    came.map(|()| measured)
}

/// What is watched.
struct Watch {
    begin: Instant,
    /// What was seen before the unit was cut.
    before: Measured,
    seen: Vec<Seen>,
    tally: Tally,
    /// When it was saved, s since the observation's beginning.
    saved_s: Option<f64>,
}

impl Watch {
    /// Since the observation's beginning, without the time between two processes, s.
    fn now_s(&self) -> f64 {
        self.before.watched_s + self.begin.elapsed().as_secs_f64()
    }

    async fn watch(
        &mut self,
        settings: &Settings,
        every_s: f64,
        bench: &Bench<'_>,
        deployment: &Deployment,
        subject: &Subject,
    ) -> Result<(), ExperimentError> {
        let is_ended = |life: &&Life| life.gone_by_s.is_some() && !life.after_failure;
        let ended_before = self.before.lives.iter().filter(is_ended).count();
        let calls = (settings.longest_s / every_s).min(MOST_CALLS) as u32 + 1;
        let first = u32::try_from(self.before.tally.calls).unwrap_or(u32::MAX);
        for number in 0..calls {
            let due = Duration::from_secs_f64(f64::from(number) * every_s);
            bench.wait(due.saturating_sub(self.begin.elapsed())).await?;
            let at_s = self.now_s();
            if at_s > settings.longest_s {
                break;
            }
            let repetition = first.saturating_add(number);
            let call = bench.call(deployment, subject.event.clone(), "again", repetition).await?;
            self.tally.count(&call);
            let instance = call.instance().map(|instance| (instance.id.clone(), instance.age_us as f64 / 1e6));
            // Only a new instance ends the life of another.
            let is_another = instance.is_some() && call.is_cold() == Some(true);
            self.seen.push(Seen { at_s, instance, failed: !call.is_success() });
            if is_another {
                let ended = ended_before + lives(&self.seen).iter().filter(is_ended).count();
                if ended >= settings.lives as usize {
                    break;
                }
            }
            self.save(is_another, bench)?;
        }
        Ok(())
    }

    /// Saves what was seen when there is another instance, and each minute; but not more often than each second for each life,
    /// so that it is a hundred bytes or so a second however many there are.
    fn save(&mut self, is_another: bool, bench: &Bench<'_>) -> Result<(), ExperimentError> {
        let now_s = self.now_s();
        let since_s = self.saved_s.map_or(f64::INFINITY, |saved| now_s - saved);
        if !(is_another || since_s >= SAVED_EVERY_S) {
            return Ok(());
        }
        let measured = self.measured();
        if measured.lives.is_empty() || since_s < measured.lives.len() as f64 {
            return Ok(());
        }
        self.saved_s = Some(now_s);
        bench.save(&measured)
    }

    fn measured(&self) -> Measured {
        let mut measured = self.before.clone();
        measured.lives.extend(lives(&self.seen));
        measured.watched_s = self.now_s();
        measured.tally.add(&self.tally);
        measured
    }
}
