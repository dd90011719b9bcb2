//! What is measured.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;
use platform::Capabilities;
use serde::{Deserialize, Serialize};

use super::address::{AtAddress, Bounds, Trip, measure};
use super::finding::finding;
use crate::calling::{seconds, timed};
use crate::experiments::plan::{deploying_s, estimate};
use crate::timed_call::TimedCall;
use crate::{Bench, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, Unit, settings};

const NAME: &str = "ping";
/// A no-op when its event asks for nothing.
const NO_OP: &str = "function1";
const NOTHING: &[u8] = b"{}";
/// Calls before those that count.
const WARM_UP: u32 = 3;

/// What the network's part is.
pub(crate) struct Ping;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// Round trips of each kind in each round.
    repetitions: u32,
    /// Rounds, between which the targets take turns.
    rounds: u32,
    /// How long one answer is waited for, s.
    patience_s: f64,
    /// How long the round trips of one kind may take together, s.
    longest_s: f64,
}

/// What a unit measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// Calls of a no-op through the platform's interface.
    pub(super) calls: Vec<TimedCall>,
    /// Round trips to its address.
    pub(super) address: Option<AtAddress>,
    /// Why there are none.
    pub(super) no_address: Option<String>,
}

fn defaults(quick: bool) -> Settings {
    if quick {
        Settings { repetitions: 60, rounds: 1, patience_s: 5.0, longest_s: 6.0 }
    } else {
        Settings { repetitions: 200, rounds: 3, patience_s: 30.0, longest_s: 120.0 }
    }
}

fn read(request: &Request) -> Result<(Settings, Bounds), RequestError> {
    let settings = settings(NAME, &defaults(request.quick), request)?;
    let wrong = |what: &str| RequestError(format!("the settings of {NAME} can't be used: {what}"));
    if !(1..=100_000).contains(&settings.repetitions) || !(1..=1_000).contains(&settings.rounds) {
        return Err(wrong("`repetitions` must be 1 to 100000, `rounds` 1 to 1000"));
    }
    let bounds = seconds(settings.patience_s).zip(seconds(settings.longest_s)).map(|(patience, longest)| Bounds {
        requests: settings.repetitions,
        patience,
        longest,
    });
    let bounds = bounds.ok_or_else(|| wrong("`patience-s` and `longest-s` must be more than 0 and at most 86400"))?;
    Ok((settings, bounds))
}

#[async_trait]
impl Experiment for Ping {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &'static str {
        "What is the network's part?"
    }

    fn missing(&self, _: &Capabilities) -> Option<&'static str> {
        None
    }

    fn defaults(&self, quick: bool) -> serde_json::Value {
        serde_json::to_value(defaults(quick)).unwrap_or_default()
    }

    fn functions(&self, _: &Request) -> BTreeSet<String> {
        BTreeSet::from([NO_OP.to_owned()])
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>, RequestError> {
        let (settings, _) = read(request)?;
        let units = (0..settings.rounds).flat_map(|round| request.targets.iter().map(move |target| (round, target)));
        Ok(units
            .map(|(round, target)| Unit {
                experiment: NAME.to_owned(),
                target: target.target.clone(),
                function: NO_OP.to_owned(),
                size: "none".to_owned(),
                variant: "no-op".to_owned(),
                round,
                parameters: serde_json::Value::Null,
                // Through the interface, and to the address on kept and on new connections.
                estimate: estimate(
                    deploying_s(target) + f64::from(settings.repetitions) * 0.01,
                    u64::from(WARM_UP) + 3 * u64::from(settings.repetitions),
                    0.001,
                ),
            })
            .collect())
    }

    async fn run(&self, unit: &Unit, bench: &Bench<'_>) -> Result<serde_json::Value, ExperimentError> {
        let (settings, bounds) = read(bench.request)?;
        let deployment = bench.deploy(&unit.function, |_| ()).await?;
        let event = Bytes::from_static(NOTHING);
        for number in 0..WARM_UP {
            timed(bench, &deployment, event.clone(), "warm-up", number, bounds.patience).await?;
        }
        let begin = std::time::Instant::now();
        let mut calls = Vec::new();
        for repetition in 0..settings.repetitions {
            if begin.elapsed() > bounds.longest {
                break;
            }
            calls.push(timed(bench, &deployment, event.clone(), "no-op", repetition, bounds.patience).await?);
        }
        // The calls are made and stay, whatever comes of the address.
        let address = match bench.site.platform.http_call(&deployment).await {
            Ok(Some(call)) => measure(&call, NOTHING, bounds).await,
            Ok(None) => {
                Err("it has no address for any client: it is called through the platform's interface".to_owned())
            }
            Err(error) => Err(format!("how any client calls it can't be had: {error}")),
        };
        bench.going_on()?;
        if let Ok(address) = &address {
            record(bench, unit, address)?;
        }
        let (address, no_address) = match address {
            Ok(address) => (Some(address), None),
            Err(reason) => (None, Some(reason)),
        };
        let measured = Measured { calls, address, no_address };
        serde_json::to_value(measured).map_err(|error| ExperimentError::NoAnswer(error.to_string()))
    }

    fn finding(&self, _: &Request, outcomes: &[Outcome]) -> Finding {
        finding(self, outcomes)
    }
}

/// The round trips of which the platform's interface knows nothing.
fn record(bench: &Bench<'_>, unit: &Unit, address: &AtAddress) -> Result<(), ExperimentError> {
    let put = |name: &str, ns: u64, kind: &str| {
        let labels = [("target", unit.target.as_str()), ("connection", kind)];
        bench.sink().metric(None, name, Ok(ns as f64), "ns", &labels)
    };
    for ns in &address.tcp_ns {
        put("ping tcp connection", *ns, "new")?;
    }
    let kinds = [("kept", &address.kept), ("new", &address.new)];
    let trips = kinds.into_iter().flat_map(|(kind, trips)| trips.iter().map(move |trip: &Trip| (kind, trip)));
    for (kind, trip) in trips.filter(|(_, trip)| trip.is_answered()) {
        if let Some(ns) = trip.connect_ns {
            put("ping connection", ns, kind)?;
        }
        put("ping round trip", trip.total_ns, kind)?;
    }
    Ok(())
}
