//! Carrying out units.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    Bench, Deployer, Experiment, ExperimentError, Finding, Outcome, Request, RequestError, Sink, SinkError, Site, Unit,
};

/// What a runner tells while it works.
#[derive(Debug)]
pub enum Event<'a> {
    /// A unit begins: its number from 1, of how many.
    Begins(usize, usize, &'a Unit),
    /// A unit was done by an earlier run.
    DoneBefore(&'a Unit),
    /// A unit is done.
    Done(&'a Unit),
    /// A unit failed.
    Failed(&'a Unit, &'a str),
    /// Something that was deployed could not be removed.
    NotRemoved(&'a Unit, &'a str),
    /// A target was left out, and why.
    LeftOut(&'a str, &'a str),
}

/// What came of a run of one experiment.
#[derive(Debug)]
pub struct Summary {
    /// The answer, from the units that were done and what others had saved; `None` when there was neither.
    pub finding: Option<Finding>,
    /// Units that were done, by an earlier run too.
    pub done: usize,
    /// Units that failed, each with why.
    pub failed: Vec<(String, String)>,
    /// How many of them failed for what was asked.
    pub mistaken: usize,
    /// Targets that were left out, and why.
    pub left_out: Vec<(String, String)>,
    /// What could not be removed.
    pub not_removed: Vec<String>,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// The exit code that the answer asks for.
    pub exit_code: u8,
}

/// What earlier processes have of a run that was cut, by [`Unit::key`].
#[derive(Debug, Clone, Default)]
pub struct Earlier {
    /// What units measured that are done.
    pub done: BTreeMap<String, Value>,
    /// What units that are not done had saved, in parts.
    pub saved: BTreeMap<String, Vec<Value>>,
}

impl Earlier {
    fn saved(&self, unit: &Unit) -> &[Value] {
        self.saved.get(&unit.key()).map_or(&[], Vec::as_slice)
    }
}

/// Carries out one experiment on all its targets.
pub struct Runner<'a> {
    experiment: &'a dyn Experiment,
    request: Request,
    left_out: Vec<(String, String)>,
    units: Vec<Unit>,
}

impl<'a> Runner<'a> {
    /// Divides a request into units and puts them in order. A target that lacks something is left out, which the summary says.
    ///
    /// # Errors
    /// When the request can't be carried out.
    pub fn new(experiment: &'a dyn Experiment, mut request: Request) -> Result<Runner<'a>, RequestError> {
        let mut left_out = Vec::new();
        request.targets.retain(|target| match experiment.missing(&target.capabilities) {
            Some(missing) => {
                left_out.push((target.target.clone(), format!("{} can't {missing}", target.platform)));
                false
            }
            None => true,
        });
        let mut units = if request.targets.is_empty() { Vec::new() } else { experiment.units(&request)? };
        // Each round has every target in it, in another order: what changes meanwhile meets them all alike.
        units.shuffle(&mut ChaCha8Rng::seed_from_u64(request.seed));
        units.sort_by_key(|unit| unit.round);
        Ok(Runner { experiment, request, left_out, units })
    }

    /// The experiment's name.
    pub fn name(&self) -> &str {
        self.experiment.name()
    }

    /// The functions that it deploys; none where every target was left out.
    pub fn functions(&self) -> BTreeSet<String> {
        if self.request.targets.is_empty() { BTreeSet::new() } else { self.experiment.functions(&self.request) }
    }

    /// The units, in the order in which they are carried out.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// Targets that are left out, and why.
    pub fn left_out(&self) -> &[(String, String)] {
        &self.left_out
    }

    /// Carries out what is not done earlier.
    ///
    /// # Errors
    /// When what is measured can't be recorded.
    pub async fn run(
        &self,
        sites: &[Site],
        earlier: &Earlier,
        sink: &dyn Sink,
        deployer: &dyn Deployer,
        stop: watch::Receiver<bool>,
        mut tell: impl FnMut(Event<'_>),
    ) -> Result<Summary, SinkError> {
        let mut outcomes = Vec::new();
        let mut summary = Summary {
            finding: None,
            done: 0,
            failed: Vec::new(),
            mistaken: 0,
            left_out: self.left_out.clone(),
            not_removed: Vec::new(),
            stopped: false,
            exit_code: 0,
        };
        for (target, why) in &self.left_out {
            tell(Event::LeftOut(target, why));
            sink.note(&format!("{} was left out of {}: {why}", target, self.experiment.name()))?;
        }
        let mut first_round = None;
        for (number, unit) in self.units.iter().enumerate() {
            if let Some(measured) = earlier.done.get(&unit.key()) {
                tell(Event::DoneBefore(unit));
                outcomes.push(Outcome { unit: unit.clone(), measured: measured.clone(), cut: None });
                continue;
            }
            // What earlier processes have of the rest is still in the answer.
            if summary.stopped || *stop.borrow() {
                summary.stopped = true;
                outcomes.extend(cut(unit, earlier.saved(unit).to_vec(), &ExperimentError::Stopped.to_string()));
                continue;
            }
            tell(Event::Begins(number + 1, self.units.len(), unit));
            let Some(site) = sites.iter().find(|site| site.target == unit.target) else {
                let why = format!("the target {} could not be reached", unit.target);
                tell(Event::Failed(unit, &why));
                outcomes.extend(cut(unit, earlier.saved(unit).to_vec(), &why));
                summary.failed.push((unit.key(), why));
                continue;
            };
            let first_round = *first_round.get_or_insert_with(|| (unit.round, tokio::time::Instant::now()));
            let hands = (sink, deployer);
            let saved = earlier.saved(unit);
            let bench = Bench::new(site, &self.request, unit, hands, stop.clone(), first_round, saved);
            let came = self.experiment.run(unit, &bench).await;
            for trouble in bench.clear().await {
                tell(Event::NotRemoved(unit, &trouble));
                summary.not_removed.push(trouble);
            }
            match came {
                Ok(measured) => {
                    sink.done(unit, &measured)?;
                    tell(Event::Done(unit));
                    outcomes.push(Outcome { unit: unit.clone(), measured, cut: None });
                }
                Err(ExperimentError::Stopped) => {
                    summary.stopped = true;
                    outcomes.extend(cut(unit, bench.into_saved(), &ExperimentError::Stopped.to_string()));
                }
                Err(ExperimentError::Sink(error)) => return Err(error),
                Err(error) => {
                    let why = error.to_string();
                    summary.mistaken += usize::from(error.is_users());
                    sink.note(&format!("{} was not measured: {why}", unit.key()))?;
                    tell(Event::Failed(unit, &why));
                    outcomes.extend(cut(unit, bench.into_saved(), &why));
                    summary.failed.push((unit.key(), why));
                }
            }
        }
        summary.finding = (!outcomes.is_empty()).then(|| answer(self.experiment, &self.request, &outcomes));
        outcomes.retain(|outcome| outcome.cut.is_none());
        summary.done = outcomes.len();
        if !outcomes.is_empty() {
            summary.exit_code = self.experiment.exit_code(&outcomes);
        }
        Ok(summary)
    }
}

/// What a unit that was cut had saved, as outcomes.
fn cut<'a>(unit: &'a Unit, saved: Vec<Value>, why: &'a str) -> impl Iterator<Item = Outcome> + 'a {
    saved.into_iter().map(move |measured| Outcome { unit: unit.clone(), measured, cut: Some(why.to_owned()) })
}

/// The experiment's answer, which names the units that it has only a part of.
pub fn answer(experiment: &dyn Experiment, request: &Request, outcomes: &[Outcome]) -> Finding {
    let mut finding = experiment.finding(request, outcomes);
    let cut: BTreeMap<String, &str> =
        outcomes.iter().filter_map(|outcome| Some((outcome.unit.key(), outcome.cut.as_deref()?))).collect();
    for (key, why) in cut {
        finding.notes.push(format!(
            "{key} was cut before its end: {why}. What it had measured until then is in this answer; a resumed run completes it."
        ));
    }
    finding
}
