//! The answer of `ping`.

use std::collections::{BTreeMap, BTreeSet};

use stats::{Confidence, Sample};

use super::Ping;
use super::address::{AtAddress, Trip};
use super::experiment::Measured;
use crate::experiments::figures::{CALLS_AS_INDEPENDENT, axis, column, count, logarithmic, text, time, words};
use crate::experiments::median::{Median, median_cell};
use crate::experiments::plan::measured;
use crate::timed_call::{TimedCall, failures};
use crate::{Cell, Experiment, Finding, Mark, Outcome, Plot, Point, Series, Table};

/// Points of a curve: more than a screen shows.
const CURVE: usize = 200;

pub(super) fn finding(experiment: &Ping, outcomes: &[Outcome]) -> Finding {
    let mut notes = Vec::new();
    let mut sides = BTreeMap::<&str, Vec<Measured>>::new();
    for (unit, measured) in measured::<Measured>(outcomes, &mut notes) {
        sides.entry(&unit.target).or_default().push(measured);
    }
    let mut table = Table {
        title: "Round trips of a no-op".to_owned(),
        columns: vec![
            words("target"),
            words("what"),
            column("made", "1"),
            words("failed"),
            column("median", "ns"),
            column("95th percentile", "ns"),
        ],
        rows: Vec::new(),
    };
    let (mut curves, mut said) = (Vec::new(), Vec::new());
    for (target, rounds) in &sides {
        let calls: Vec<&TimedCall> = rounds.iter().flat_map(|round| &round.calls).collect();
        let addresses: Vec<&AtAddress> = rounds.iter().filter_map(|round| round.address.as_ref()).collect();
        for reason in rounds.iter().filter_map(|round| round.no_address.as_ref()).collect::<BTreeSet<_>>() {
            notes.push(format!("{target}: {reason}"));
        }
        let mut rows = Rows { target, table: &mut table, curves: &mut curves };
        let (kept, new): (Vec<&TimedCall>, Vec<&TimedCall>) = calls.iter().partition(|call| call.connect_ns.is_none());
        let totals = |calls: &[&TimedCall]| -> Vec<f64> {
            calls.iter().filter(|call| call.is_success()).map(|call| call.total_ns as f64).collect()
        };
        let through =
            rows.add("call, kept connection", kept.len(), failures(kept.iter().copied()), totals(&kept), true);
        if !new.is_empty() {
            rows.add("call, new connection", new.len(), failures(new.iter().copied()), totals(&new), false);
            let connects = new.iter().filter_map(|call| call.connect_ns).map(|ns| ns as f64).collect();
            rows.add("of which the connection", new.len(), None, connects, false);
        }
        let good = || calls.iter().filter(|call| call.is_success());
        let first: Vec<f64> = good().filter_map(|call| call.first_byte_ns).map(|ns| ns as f64).collect();
        if !first.is_empty() {
            rows.add("call, until the first byte", calls.len(), None, first, false);
        }
        let own: Vec<f64> = good().filter_map(|call| call.there).map(|(_, ns)| ns as f64).collect();
        let own = rows.add("of which the function's own", calls.len(), None, own, false);
        let network = rows.address(&addresses);
        said.extend(sentence(target, through, own, &network, &addresses));
        notes.extend(refusals(target, &addresses));
    }
    notes.push(CALLS_AS_INDEPENDENT.to_owned());
    notes.push(
        "A connection of TCP alone is one round trip of the network in which no program there takes part: it is taken as the network's \
         part of a call on a kept connection. TLS is the difference between a new connection with it and one of TCP alone."
            .to_owned(),
    );
    Finding {
        experiment: experiment.name().to_owned(),
        question: experiment.question().to_owned(),
        answer: if said.is_empty() {
            "No call succeeded, so there is no answer.".to_owned()
        } else {
            format!("{}.", said.join("; "))
        },
        tables: vec![table],
        plots: vec![Plot {
            title: "Share of round trips that took at most so long".to_owned(),
            x: logarithmic("round trip", "ns"),
            y: axis("share", "1"),
            series: curves,
        }],
        notes,
    }
}

/// What is said of an address.
#[derive(Default)]
struct Network {
    tcp: Option<Median>,
    connection: Option<Median>,
    new: Option<Median>,
}

struct Rows<'a> {
    target: &'a str,
    table: &'a mut Table,
    curves: &'a mut Vec<Series>,
}

impl Rows<'_> {
    fn add(&mut self, what: &str, made: usize, failed: Option<String>, ns: Vec<f64>, drawn: bool) -> Option<Median> {
        let median = Median::of(ns.iter().copied());
        let sample = Sample::new(ns).ok();
        let p95 = sample.as_ref().and_then(|sample| sample.percentile(0.95, Confidence::NINETY_FIVE));
        self.table.rows.push(vec![
            text(self.target),
            text(what),
            count(made as u64),
            text(failed.unwrap_or_else(|| "none".to_owned())),
            median_cell(median.as_ref(), "nothing was answered"),
            match (&sample, p95) {
                (Some(sample), Some(p95)) => Cell::Estimate {
                    value: p95.value,
                    low: Some(p95.interval.low),
                    high: Some(p95.interval.high),
                    n: sample.len() as u64,
                },
                _ => Cell::Absent { absent: "fewer than 59 samples".to_owned() },
            },
        ]);
        if let Some(sample) = sample.filter(|_| drawn) {
            self.curves.push(Series {
                name: format!("{}, {what}", self.target),
                mark: Mark::Step,
                points: curve(&sample),
                labels: Vec::new(),
            });
        }
        median
    }

    fn address(&mut self, addresses: &[&AtAddress]) -> Network {
        if addresses.is_empty() {
            return Network::default();
        }
        let tcp: Vec<f64> = addresses.iter().flat_map(|at| &at.tcp_ns).map(|ns| *ns as f64).collect();
        let failed: u64 = addresses.iter().map(|at| at.tcp_failed).sum();
        let made = tcp.len() + usize::try_from(failed).unwrap_or(usize::MAX);
        let failed = (failed > 0).then(|| format!("{failed} no connection"));
        let tcp = self.add("address, TCP connection alone", made, failed, tcp, true);
        let kept: Vec<&Trip> = addresses.iter().flat_map(|at| &at.kept).collect();
        let new: Vec<&Trip> = addresses.iter().flat_map(|at| &at.new).collect();
        let totals = |trips: &[&Trip]| -> Vec<f64> {
            trips.iter().filter(|trip| trip.is_answered()).map(|trip| trip.total_ns as f64).collect()
        };
        // The first of them made the connection.
        let on_kept: Vec<&Trip> = kept.iter().copied().filter(|trip| trip.connect_ns.is_none()).collect();
        self.add("address, kept connection", on_kept.len(), failed_trips(&on_kept), totals(&on_kept), true);
        let connections = new.iter().filter(|trip| trip.is_answered()).filter_map(|trip| trip.connect_ns);
        let connections: Vec<f64> = connections.map(|ns| ns as f64).collect();
        let with_tls = if addresses.iter().any(|at| at.tls) {
            "address, new connection, with TLS"
        } else {
            "address, new connection"
        };
        let connection = self.add(with_tls, new.len(), None, connections, false);
        let with_connection: Vec<f64> = new
            .iter()
            .filter(|trip| trip.is_answered())
            .map(|trip| (trip.total_ns + trip.connect_ns.unwrap_or(0)) as f64)
            .collect();
        let new_trip =
            self.add("address, request with its new connection", new.len(), failed_trips(&new), with_connection, true);
        Network { tcp, connection, new: new_trip }
    }
}

fn failed_trips(trips: &[&Trip]) -> Option<String> {
    let mut kinds = BTreeMap::<&str, usize>::new();
    for kind in trips.iter().filter_map(|trip| trip.failure.as_deref()) {
        *kinds.entry(kind).or_default() += 1;
    }
    let said: Vec<String> = kinds.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

fn sentence(
    target: &str,
    through: Option<Median>,
    own: Option<Median>,
    network: &Network,
    addresses: &[&AtAddress],
) -> Option<String> {
    let through = through?;
    let mut said = format!("on {target} a no-op takes {} there and back on a kept connection", through.time());
    if let Some(own) = own {
        said.push_str(&format!(", {} of it the function's own", time(own.value)));
    }
    match network.tcp {
        Some(tcp) => said.push_str(&format!(
            ", {} of it the network's ({:.0}%)",
            tcp.time(),
            100.0 * tcp.value / through.value.max(1.0)
        )),
        None => said.push_str("; it has no network part that could be measured"),
    }
    if let (Some(connection), Some(new)) = (network.connection, network.new) {
        said.push_str(&format!("; a new connection takes {}, a request with one {}", connection.time(), new.time()));
        if let Some(tcp) = network.tcp.filter(|_| addresses.iter().any(|at| at.tls)) {
            said.push_str(&format!("; TLS is {} of it", time((connection.value - tcp.value).max(0.0))));
        }
    }
    Some(said)
}

/// Answers to bare requests that were refused: they did not reach the function.
fn refusals(target: &str, addresses: &[&AtAddress]) -> Option<String> {
    let trips: Vec<&Trip> = addresses.iter().flat_map(|at| at.kept.iter().chain(&at.new)).collect();
    let refused = trips.iter().filter(|trip| trip.status.is_some_and(|status| !(200..300).contains(&status))).count();
    (refused > 0).then(|| {
        format!(
            "{target}: {refused} of {} bare requests to its address were answered with another status than success (they carry what the \
             platform names for any client, credentials included); they count as round trips to the platform's front end, not to \
             the function",
            trips.len()
        )
    })
}

/// The empirical distribution, thinned out.
fn curve(sample: &Sample) -> Vec<Point> {
    let sorted = sample.sorted();
    let step = sorted.len().div_ceil(CURVE).max(1);
    let last = sorted.len() - 1;
    let picked = (0..sorted.len()).filter(|index| index % step == 0 || *index == last);
    picked.map(|index| Point::at(sorted[index], (index + 1) as f64 / sorted.len() as f64)).collect()
}
