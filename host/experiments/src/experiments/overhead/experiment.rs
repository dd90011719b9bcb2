//! What is measured.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use platform::Capabilities;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::finding::finding;
use crate::calling::{seconds, timed};
use crate::cold_call::{ONLY_BY_WAITING, make_cold};
use crate::experiments::plan::{deploying_s, estimate, functions_with_records};
use crate::timed_call::TimedCall;
use crate::{Bench, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, Unit, settings};

const NAME: &str = "overhead";
/// Warm calls before the first one that counts.
const WARM_UP: u32 = 3;
/// Warm calls after each cold one, which tell its instance's clock.
const AFTER_COLD: u32 = 5;
/// Events beyond this are not sent: more than any platform takes, bytes.
const LARGEST: u64 = 32 << 20;
/// Most calls of a unit.
const MOST_CALLS: u64 = 100_000;

/// What the platform adds to the function's own time.
pub(crate) struct Overhead;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// Sizes of the events, bytes.
    payload_bytes: Vec<u64>,
    /// Warm calls with each of them in each round.
    repetitions: u32,
    /// Cold calls in each round.
    cold: u32,
    /// Rounds, between which the targets take turns.
    rounds: u32,
    /// How long an answer is waited for, s.
    patience_s: f64,
}

/// What a unit measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) rows: Vec<Row>,
    /// Size of the binary or the component in the image, bytes.
    pub(super) code_bytes: u64,
    /// Why there is no cold call.
    pub(super) no_cold: Option<String>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) payload_bytes: u64,
    /// Whether it only tells the clock of an instance that was started for a cold call.
    pub(super) clock_only: bool,
    #[serde(flatten)]
    pub(super) call: TimedCall,
}

fn defaults(quick: bool) -> Settings {
    if quick {
        Settings { payload_bytes: vec![0, 16 << 10, 256 << 10], repetitions: 20, cold: 2, rounds: 1, patience_s: 5.0 }
    } else {
        Settings {
            payload_bytes: vec![0, 1 << 10, 16 << 10, 256 << 10, 1 << 20],
            repetitions: 40,
            cold: 7,
            rounds: 3,
            patience_s: 60.0,
        }
    }
}

fn read(request: &Request) -> Result<(Settings, Duration), RequestError> {
    let settings = settings(NAME, &defaults(request.quick), request)?;
    let wrong = |what: String| Err(RequestError(format!("the settings of {NAME} can't be used: {what}")));
    if settings.payload_bytes.is_empty() || settings.payload_bytes.iter().any(|bytes| *bytes > LARGEST) {
        return wrong(format!("`payload-bytes` must be one or more sizes up to {LARGEST}"));
    }
    if settings.rounds == 0 || settings.repetitions == 0 {
        return wrong("`rounds` and `repetitions` must be 1 or more".to_owned());
    }
    if calls(&settings) > MOST_CALLS || settings.rounds > 1_000 {
        return wrong(format!("more than {MOST_CALLS} calls in a round, or more than 1000 rounds"));
    }
    match seconds(settings.patience_s) {
        Some(patience) => Ok((settings, patience)),
        None => wrong("`patience-s` must be more than 0 and at most 86400".to_owned()),
    }
}

fn calls(settings: &Settings) -> u64 {
    let warm = settings.payload_bytes.len() as u64 * u64::from(settings.repetitions);
    u64::from(WARM_UP) + warm + u64::from(settings.cold) * u64::from(1 + AFTER_COLD)
}

/// An event of about so many bytes: an unknown key, which functions ignore, with text that does not compress well.
fn event(payload_bytes: u64, chance: &mut ChaCha8Rng) -> Bytes {
    const AROUND: usize = r#"{"padding":""}"#.len();
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    let length = usize::try_from(payload_bytes).unwrap_or(0).saturating_sub(AROUND);
    if length == 0 {
        return Bytes::from_static(b"{}");
    }
    let mut text = String::with_capacity(length + AROUND);
    text.push_str(r#"{"padding":""#);
    text.extend((0..length).map(|_| char::from(LETTERS[chance.random_range(0..LETTERS.len())])));
    text.push_str(r#""}"#);
    Bytes::from(text)
}

#[async_trait]
impl Experiment for Overhead {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &'static str {
        "What does the platform add to the function's own time?"
    }

    fn missing(&self, _: &Capabilities) -> Option<&'static str> {
        None
    }

    fn defaults(&self, quick: bool) -> serde_json::Value {
        serde_json::to_value(defaults(quick)).unwrap_or_default()
    }

    fn functions(&self, request: &Request) -> BTreeSet<String> {
        functions_with_records(request).into_iter().collect()
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let (settings, _) = read(request)?;
        let mut units = Vec::new();
        for round in 0..settings.rounds {
            for target in &request.targets {
                for function in functions_with_records(request) {
                    units.push(Unit {
                        experiment: NAME.to_owned(),
                        target: target.target.clone(),
                        function,
                        size: "none".to_owned(),
                        variant: format!("{} sizes, warm and cold", settings.payload_bytes.len()),
                        round,
                        parameters: serde_json::Value::Null,
                        estimate: estimate(
                            deploying_s(target) * f64::from(1 + settings.cold) + calls(&settings) as f64 * 0.005,
                            calls(&settings),
                            0.001,
                        ),
                    });
                }
            }
        }
        Ok(units)
    }

    async fn run(&self, unit: &Unit, bench: &Bench<'_>) -> Result<serde_json::Value, ExperimentError> {
        let (settings, patience) = read(bench.request)?;
        let mut chance = ChaCha8Rng::seed_from_u64(bench.request.seed.wrapping_add(u64::from(unit.round)));
        let mut deployment = bench.deploy(&unit.function, |_| ()).await?;
        let mut rows = Vec::new();
        for number in 0..WARM_UP {
            timed(bench, &deployment, event(0, &mut chance), "warm-up", number, patience).await?;
        }
        for repetition in 0..settings.repetitions {
            // In another order each time: what changes meanwhile meets all sizes alike.
            let mut sizes = settings.payload_bytes.clone();
            sizes.shuffle(&mut chance);
            for payload_bytes in sizes {
                let label = format!("payload {payload_bytes}");
                let event = event(payload_bytes, &mut chance);
                let call = timed(bench, &deployment, event, &label, repetition, patience).await?;
                rows.push(Row { payload_bytes, clock_only: false, call });
            }
        }
        let mut no_cold = (settings.cold == 0).then(|| "none were asked for".to_owned());
        for repetition in 0..settings.cold {
            if !make_cold(bench, &mut deployment, repetition + 1).await? {
                no_cold = Some(ONLY_BY_WAITING.to_owned());
                break;
            }
            for number in 0..=AFTER_COLD {
                let label = if number == 0 { "cold" } else { "after cold" };
                let call = timed(bench, &deployment, event(0, &mut chance), label, repetition, patience).await?;
                rows.push(Row { payload_bytes: 0, clock_only: number > 0, call });
            }
        }
        let code_bytes = bench.site.images.get(&unit.function).map_or(0, |image| image.code_bytes);
        serde_json::to_value(Measured { rows, code_bytes, no_cold })
            .map_err(|error| ExperimentError::NoAnswer(error.to_string()))
    }

    fn finding(&self, request: &Request, outcomes: &[Outcome]) -> Finding {
        finding(self, request, outcomes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_size_that_was_asked_for_and_is_json() {
        let mut chance = ChaCha8Rng::seed_from_u64(1);
        for size in [0, 1, 14, 15, 1 << 10, 100_001] {
            let event = event(size, &mut chance);
            assert!(serde_json::from_slice::<serde_json::Value>(&event).is_ok_and(|value| value.is_object()));
            assert_eq!(event.len() as u64, if size <= 14 { 2 } else { size });
        }
    }
}
