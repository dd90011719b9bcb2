//! The answer.

use std::collections::BTreeMap;

use super::super::figures::{absent, axis, column, count, digits, point, seconds, share, text, words};
use super::super::plan;
use super::super::tally::Tally;
use super::bisection::{Boundary, Observation};
use super::experiment::{KeepAlive, Measured};
use super::survival::{Curve, Fit, Survivors, fit};
use crate::{Cell, Finding, Mark, Outcome, Plot, Point, Series, Table};

/// All rounds of one function on one target.
#[derive(Default)]
struct Group {
    set_s: Option<f64>,
    observations: Vec<Observation>,
    survivors: Vec<Survivors>,
    unlearnt: u64,
    longest_idle_s: f64,
    tally: Tally,
}

impl Group {
    fn add(&mut self, measured: Measured) {
        self.set_s = measured.set_s.or(self.set_s);
        self.observations.extend(measured.observations);
        self.survivors.extend(measured.survivors);
        self.unlearnt += measured.unlearnt;
        self.longest_idle_s = self.longest_idle_s.max(measured.longest_idle_s);
        self.tally.add(&measured.tally);
    }

    /// All that is known of how many were kept after which time.
    fn seen(&self) -> Vec<Survivors> {
        let single = |one: &Observation| Survivors { idle_s: one.idle_s, kept: u64::from(one.was_kept), of: 1 };
        self.observations.iter().map(single).chain(self.survivors.iter().copied()).collect()
    }
}

type Groups = BTreeMap<(String, String), Group>;

/// The finding of all outcomes.
pub(super) fn finding(experiment: &KeepAlive, outcomes: &[Outcome]) -> Finding {
    let mut finding = plan::finding(experiment);
    let mut groups = Groups::new();
    for (unit, measured) in plan::measured::<Measured>(outcomes, &mut finding.notes) {
        groups.entry((unit.target.clone(), unit.function.clone())).or_default().add(measured);
    }
    finding.answer = groups.iter().map(|(key, group)| sentence(key, group)).collect::<Vec<_>>().join(" ");
    finding.tables = vec![boundaries(&groups), survival(&groups)];
    finding.plots = vec![curve(&groups)];
    for ((target, function), group) in &groups {
        if group.unlearnt > 0 {
            finding.notes.push(format!(
                "On {target}, {function}: {} idle times taught nothing, as calls failed or did not say who answered.",
                group.unlearnt
            ));
        }
        if group.tally.failed() > 0 {
            finding.notes.push(format!("On {target}, {function}: {}.", group.tally.in_words()));
        }
    }
    finding.notes.push(
        "An instance was kept when the same identity answers after the idle time. The lower end counts from the answer's \
         arrival to the next call's leaving, the upper end from the leaving of the call before: the instance was idle for \
         something in between."
            .to_owned(),
    );
    finding
}

fn sentence((target, function): &(String, String), group: &Group) -> String {
    let boundary = Boundary::of(&group.observations);
    let n = group.observations.len();
    let set = group.set_s.map_or_else(String::new, |set| format!("; {} is set", seconds(set)));
    let Some(first_gone) = boundary.first_gone_s else {
        return format!(
            "On {target} no idle instance of {function} was reclaimed within {} (n = {n}{set}): it takes longer than that.",
            seconds(boundary.kept_s)
        );
    };
    match boundary.gone_s {
        Some(gone) if !boundary.is_by_chance() => format!(
            "On {target} an idle instance of {function} is reclaimed after {} to {} (kept {} times of {} at the one, gone {} \
             times of {} at the other, n = {n}{set}).",
            seconds(boundary.kept_s),
            seconds(gone),
            boundary.kept_confirmations,
            boundary.kept_confirmations,
            boundary.gone_confirmations,
            boundary.gone_confirmations,
        ),
        gone => format!(
            "On {target} idle instances of {function} are reclaimed after different times: all were kept for {}, the first was \
             gone after {}, the last was kept for {}, and {} (n = {n}{set}).",
            seconds(boundary.kept_s),
            seconds(first_gone),
            seconds(boundary.last_kept_s),
            gone.map_or_else(
                || format!(
                    "some may be kept for longer than {}, the longest that was tried",
                    seconds(group.longest_idle_s)
                ),
                |gone| format!("all were gone after {}", seconds(gone))
            ),
        ),
    }
}

fn boundaries(groups: &Groups) -> Table {
    let row = |((target, function), group): (&(String, String), &Group)| {
        let boundary = Boundary::of(&group.observations);
        let never = "none was reclaimed within the longest idle time";
        let time = |value: Option<f64>, why: &str| value.map_or_else(|| absent(why), Cell::Number);
        let (curve, value) = match fit(&group.seen()) {
            Some(fit) => (text(in_words(&fit)), fitted(&fit.curve)),
            None => (absent(never), absent(never)),
        };
        vec![
            text(target),
            text(function),
            time(group.set_s, "nothing says"),
            Cell::Number(boundary.kept_s),
            time(boundary.gone_s, never),
            time(boundary.first_gone_s, never),
            Cell::Number(boundary.last_kept_s),
            count(boundary.kept_confirmations),
            count(boundary.gone_confirmations),
            curve,
            value,
            count(group.observations.len() as u64),
            count(group.tally.failed()),
            count(group.tally.calls),
        ]
    };
    Table {
        title: "How long idle instances are kept".to_owned(),
        columns: vec![
            words("target"),
            words("function"),
            column("set", "s"),
            column("all kept for", "s"),
            column("all gone after", "s"),
            column("first gone after", "s"),
            column("last kept for", "s"),
            column("confirmations kept", "1"),
            column("confirmations gone", "1"),
            words("curve"),
            column("curve's time", "s"),
            column("idle instances", "1"),
            column("failed", "1"),
            column("calls", "1"),
        ],
        rows: groups.iter().map(row).collect(),
    }
}

fn in_words(fit: &Fit) -> String {
    let name = match fit.curve {
        Curve::Step { .. } => "a step",
        Curve::Exponential { .. } => "exponential",
    };
    match fit.advantage {
        advantage if advantage < 2.0 => format!("{name}, or the other: too few to tell"),
        advantage => format!("{name} (better by {} in AIC)", digits(advantage)),
    }
}

fn fitted(curve: &Curve) -> Cell {
    match *curve {
        Curve::Step { after_s, until_s } => {
            Cell::Estimate { value: after_s.midpoint(until_s), low: Some(after_s), high: Some(until_s), n: 1 }
        }
        Curve::Exponential { mean_s } => Cell::Number(mean_s),
    }
}

fn survival(groups: &Groups) -> Table {
    let mut rows = Vec::new();
    for ((target, function), group) in groups {
        for one in &group.survivors {
            let [idle, kept, of] = [Cell::Number(one.idle_s), count(one.kept), count(one.of)];
            rows.push(vec![text(target), text(function), idle, kept, of, share(one.kept, one.of)]);
        }
    }
    Table {
        title: "Several instances of one deployment after an idle time".to_owned(),
        columns: vec![
            words("target"),
            words("function"),
            column("idle", "s"),
            column("kept", "1"),
            column("of", "1"),
            column("share kept", "%"),
        ],
        rows,
    }
}

/// Points of the drawn curve.
const DRAWN: u32 = 60;

fn curve(groups: &Groups) -> Plot {
    let mut series = Vec::new();
    for ((target, function), group) in groups {
        let name = format!("{target} {function}");
        let mut seen = pooled(group.seen());
        seen.sort_unstable_by(|a, b| a.idle_s.total_cmp(&b.idle_s));
        let points = seen.iter().filter_map(|one| point(one.idle_s, &share(one.kept, one.of))).collect();
        series.push(Series { name: name.clone(), mark: Mark::Dot, points, labels: Vec::new() });
        let Some(fit) = fit(&seen) else { continue };
        let longest = seen.last().map_or(0.0, |one| one.idle_s);
        let at = |step: u32| {
            let idle_s = longest * f64::from(step) / f64::from(DRAWN);
            Point::at(idle_s, 100.0 * fit.curve.share(idle_s))
        };
        let points = (0..=DRAWN).map(at).collect();
        series.push(Series {
            name: format!("{name}, {}", in_words(&fit)),
            mark: Mark::Line,
            points,
            labels: Vec::new(),
        });
    }
    Plot {
        title: "Share of idle instances that are kept".to_owned(),
        x: axis("idle time", "s"),
        y: axis("kept", "%"),
        series,
    }
}

/// Idle times that differ by less than 1% taken as one.
fn pooled(mut seen: Vec<Survivors>) -> Vec<Survivors> {
    seen.sort_unstable_by(|a, b| a.idle_s.total_cmp(&b.idle_s));
    let mut pooled: Vec<Survivors> = Vec::new();
    for one in seen {
        match pooled.last_mut().filter(|last| one.idle_s <= last.idle_s * 1.01) {
            Some(last) => {
                last.kept += one.kept;
                last.of += one.of;
            }
            None => pooled.push(one),
        }
    }
    pooled
}
