//! Carrying out units.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
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
    /// The answer, from the units that were done; `None` when there was none.
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

    /// Carries out what is not in `done` (by [`Unit::key`]).
    ///
    /// # Errors
    /// When what is measured can't be recorded.
    pub async fn run(
        &self,
        sites: &[Site],
        done: &BTreeMap<String, serde_json::Value>,
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
            if let Some(measured) = done.get(&unit.key()) {
                tell(Event::DoneBefore(unit));
                outcomes.push(Outcome { unit: unit.clone(), measured: measured.clone() });
                continue;
            }
            if *stop.borrow() {
                summary.stopped = true;
                break;
            }
            tell(Event::Begins(number + 1, self.units.len(), unit));
            let Some(site) = sites.iter().find(|site| site.target == unit.target) else {
                let why = format!("the target {} could not be reached", unit.target);
                tell(Event::Failed(unit, &why));
                summary.failed.push((unit.key(), why));
                continue;
            };
            let first_round = *first_round.get_or_insert_with(|| (unit.round, tokio::time::Instant::now()));
            let bench = Bench::new(site, &self.request, unit, (sink, deployer), stop.clone(), first_round);
            let came = self.experiment.run(unit, &bench).await;
            for trouble in bench.clear().await {
                tell(Event::NotRemoved(unit, &trouble));
                summary.not_removed.push(trouble);
            }
            match came {
                Ok(measured) => {
                    sink.done(unit, &measured)?;
                    tell(Event::Done(unit));
                    outcomes.push(Outcome { unit: unit.clone(), measured });
                }
                Err(ExperimentError::Stopped) => {
                    summary.stopped = true;
                    break;
                }
                Err(ExperimentError::Sink(error)) => return Err(error),
                Err(error) => {
                    let why = error.to_string();
                    summary.mistaken += usize::from(error.is_users());
                    sink.note(&format!("{} was not measured: {why}", unit.key()))?;
                    tell(Event::Failed(unit, &why));
                    summary.failed.push((unit.key(), why));
                }
            }
        }
        summary.done = outcomes.len();
        if !outcomes.is_empty() {
            summary.finding = Some(self.experiment.finding(&self.request, &outcomes));
            summary.exit_code = self.experiment.exit_code(&outcomes);
        }
        Ok(summary)
    }
}
