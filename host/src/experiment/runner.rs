//! Carrying out a plan: unit after unit, each with fresh worker processes whose repetitions are interleaved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use image_build::Image;
use platform::Platform;
use rand::seq::SliceRandom;
use thiserror::Error;
use tokio::sync::watch;

use super::counting::Counting;
use super::crew::{Crew, CrewError};
use super::done::Done;
use super::journal::Journal;
use super::plan::{Experiment, Plan};
use super::progress::Progress;
use super::record::{self, Place, Recorded};
use super::schedule::{Unit, generator, units};
use super::venue::Venue;
use crate::engine::EngineKind;
use crate::paths::CacheFolders;
use crate::probe::clock::unix_ns;
use crate::probe::memory::{Detail, MemorySampler, SamplerOptions};
use crate::results::row::{Level, Reading};
use crate::results::{DurableLedger, RecordError, Recorder, RunNumber};
use crate::worker::{ProbeRequest, WorkerCommand};
use crate::workload::Function;

/// A venue that fails this often in a row in one unit is left alone for the rest of it: it would only fail again.
const FAILURES_IN_A_ROW: u32 = 3;

/// A workload that is ready: its objects are in storage.
#[derive(Debug, Clone)]
pub struct ReadyWorkload {
    /// The function.
    pub function: &'static Function,
    /// `test`, `small`, `large`, or a name for the user's own input.
    pub label: String,
    /// The event, UTF-8 JSON.
    pub event: String,
    /// The folder or file of its input objects.
    pub inputs: Option<std::path::PathBuf>,
}

/// What ended a run before its plan was done.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// Results could not be kept.
    #[error("results could not be kept: {0}")]
    Record(#[from] RecordError),
}

/// What came of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunSummary {
    /// Invocations that were answered with a result.
    pub succeeded: u64,
    /// Invocations that were not.
    pub failed: u64,
    /// What was asked for and not measured, each once.
    pub problems: BTreeSet<String>,
    /// Whether it was cut.
    pub interrupted: bool,
}

/// Walls of the warm invocations of one workload in one venue, by process.
pub(super) type Walls = BTreeMap<u32, Vec<f64>>;

/// The platforms of a plan, and what they run.
#[derive(Clone)]
pub struct Places {
    /// Each platform by its name.
    pub platforms: BTreeMap<&'static str, Arc<dyn Platform>>,
    /// The image of each function (by name) for each platform.
    pub images: BTreeMap<(&'static str, &'static str), Image>,
    /// Where what is created is written down first.
    pub ledger: Arc<DurableLedger>,
    /// For which run.
    pub run: RunNumber,
}

/// Carries out one plan.
pub struct Runner<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// The plan's workloads, inputs expanded.
    pub workloads: &'a [ReadyWorkload],
    /// Where objects, components and scratch folders are.
    pub folders: &'a CacheFolders,
    /// Where results go.
    pub journal: Journal<'a>,
    /// How workers are started.
    pub command: WorkerCommand,
    /// Who watches.
    pub progress: Progress,
    /// Becomes true when the run is to be cut, in the midst of an invocation if need be.
    pub interrupt: watch::Receiver<bool>,
    /// What an earlier part of the same run has measured.
    pub done: Done,
    /// The plan's platforms; `None` where it has none.
    pub places: Option<Places>,
    pub(super) processes: AtomicU32,
}

pub(super) struct State {
    summary: RunSummary,
    pub(super) walls: BTreeMap<(usize, Venue), Walls>,
    digests: BTreeMap<usize, BTreeMap<String, Venue>>,
    counting: Counting,
}

impl<'a> Runner<'a> {
    /// A runner for `plan`.
    pub fn new(
        plan: &'a Plan,
        workloads: &'a [ReadyWorkload],
        folders: &'a CacheFolders,
        recorder: &'a Recorder,
        command: WorkerCommand,
        progress: Progress,
        interrupt: watch::Receiver<bool>,
    ) -> Runner<'a> {
        let (done, processes) = (Done::default(), AtomicU32::new(0));
        let journal = Journal::new(recorder, progress.clone());
        let places = None;
        Runner { plan, workloads, folders, journal, command, progress, interrupt, done, places, processes }
    }

    /// A runner that measures on platforms too.
    pub fn on_platforms(self, places: Option<Places>) -> Runner<'a> {
        Runner { places, ..self }
    }

    /// A runner that goes on where an earlier part of the same run was cut: what is measured stays.
    pub fn resuming(self, done: Done) -> Runner<'a> {
        Runner { processes: AtomicU32::new(done.next_process()), done, ..self }
    }

    /// Steps that progress will show: one for each worker's unit.
    pub fn steps(plan: &Plan, workloads: usize) -> u64 {
        units(plan, workloads).len() as u64
    }

    /// Carries out the plan. What is measured is recorded at once; what fails is recorded too, and the rest goes on.
    ///
    /// # Errors
    /// Only when results can't be kept any longer.
    pub async fn run(&self) -> Result<RunSummary, RunError> {
        let counting = Counting::plan(self.plan);
        for (level, text) in &counting.notes {
            self.note(*level, text)?;
        }
        let mut state = self.state(counting);
        state.summary.problems.extend(state.counting.problems.clone());
        let units = units(self.plan, self.workloads.len());
        for unit in &units {
            if self.interrupted() {
                break;
            }
            self.unit(*unit, &mut state).await?;
            self.progress.step();
        }
        if self.plan.until_interval.is_some() {
            self.until_interval(&mut state).await?;
        }
        state.summary.interrupted = self.interrupted();
        Ok(state.summary)
    }

    /// What is known before the first unit: what an earlier part of the run has found.
    fn state(&self, counting: Counting) -> State {
        let mut state =
            State { summary: RunSummary::default(), walls: BTreeMap::new(), digests: BTreeMap::new(), counting };
        for (index, workload) in self.workloads.iter().enumerate() {
            let (function, size) = (workload.function.name, workload.label.as_str());
            state.digests.insert(index, self.done.digests(function, size));
            for venue in self.plan.venues() {
                state.walls.insert((index, venue), self.done.walls(function, size, venue));
            }
        }
        state
    }

    /// The repetitions of a unit that are still to be done in a venue.
    fn left(&self, unit: Unit, venue: Venue, state: &State) -> BTreeSet<u32> {
        let simulated = unit.experiment == Experiment::Papi && self.plan.counters.simulate;
        // A simulated process makes one counted invocation, however many repetitions are asked for.
        let repetitions = if simulated { 1 } else { unit.repetitions };
        let each = match unit.experiment {
            _ if simulated => 1,
            Experiment::Memory => self.plan.instances as usize,
            _ => self.probes(unit.experiment, venue, state).len(),
        };
        let workload = &self.workloads[unit.workload];
        let done = self.done.repetitions(
            unit.experiment,
            workload.function.name,
            &workload.label,
            unit.process,
            venue,
            each.max(1),
        );
        (1..=repetitions).filter(|repetition| !done.contains(repetition)).collect()
    }

    pub(super) fn interrupted(&self) -> bool {
        *self.interrupt.borrow()
    }

    pub(super) fn name(&self, workload: usize) -> String {
        let workload = &self.workloads[workload];
        format!("{}/{}", workload.function.name, workload.label)
    }

    pub(super) fn note(&self, level: Level, text: &str) -> Result<(), RunError> {
        self.progress.line(&match level {
            Level::Remark => text.to_owned(),
            Level::Warning => format!("warning: {text}"),
            Level::Error => format!("error: {text}"),
        });
        self.journal.note(level, text)?;
        Ok(())
    }

    pub(super) async fn unit(&self, unit: Unit, state: &mut State) -> Result<(), RunError> {
        let name = self.name(unit.workload);
        self.progress.doing(format!("{} {name}", unit.experiment));
        let mut order = generator(self.plan.seed, "engines", u64::from(self.processes.load(Ordering::Relaxed)));
        let mut venues = self.plan.venues();
        venues.shuffle(&mut order);
        let left: BTreeMap<Venue, BTreeSet<u32>> =
            venues.iter().map(|venue| (*venue, self.left(unit, *venue, state))).collect();
        venues.retain(|venue| !left[venue].is_empty());
        if unit.experiment == Experiment::Papi && self.plan.counters.simulate {
            for venue in venues {
                self.simulate(unit, venue, state).await?;
            }
            return Ok(());
        }
        if unit.experiment == Experiment::Time && venues.contains(&Venue::Worker(EngineKind::Wasm)) {
            self.cold_with_compilation(unit, state).await?;
        }
        let mut crews = Vec::new();
        for venue in venues {
            if let Some(crew) = self.start(unit, venue, state).await? {
                crews.push(Some((crew, 0)));
            }
        }
        let mut positions: Vec<usize> = (0..crews.len()).collect();
        'repetitions: for repetition in 1..=unit.repetitions {
            positions.shuffle(&mut order);
            for position in &positions {
                if self.interrupted() {
                    break 'repetitions;
                }
                if crews[*position].as_ref().is_none_or(|(crew, _)| !left[&crew.venue].contains(&repetition)) {
                    continue;
                }
                let Some((mut crew, mut failures)) = crews[*position].take() else { continue };
                for probe in self.probes(unit.experiment, crew.venue, state) {
                    match self.invoke(unit, &mut crew, repetition, &probe, state).await? {
                        Invoked::Good => failures = 0,
                        Invoked::Bad => failures += 1,
                        Invoked::Gone => failures = FAILURES_IN_A_ROW,
                    }
                    if failures >= FAILURES_IN_A_ROW {
                        break;
                    }
                }
                if failures < FAILURES_IN_A_ROW {
                    crews[*position] = Some((crew, failures));
                } else {
                    self.abandon(crew, &name).await?;
                }
            }
        }
        for (crew, _) in crews.into_iter().flatten() {
            if self.interrupted() {
                self.abandon(crew, &name).await?;
            } else if let Err(error) = crew.finish().await {
                self.note(Level::Warning, &format!("what ran {name} did not end well: {error}"))?;
            }
        }
        Ok(())
    }

    /// Ends a crew that will not be asked any more.
    pub(super) async fn abandon(&self, crew: Crew, name: &str) -> Result<(), RunError> {
        match crew.abandon().await {
            Ok(()) => Ok(()),
            Err(error) => self.note(Level::Warning, &format!("what ran {name} did not end well: {error}")),
        }
    }

    /// What is asked for one repetition in a venue: one bracketed invocation for each.
    pub(super) fn probes(&self, experiment: Experiment, venue: Venue, state: &State) -> Vec<ProbeRequest> {
        let mut probes = state.counting.probes(experiment, self.plan);
        if let Venue::Platform(_) = venue {
            // Only a thread can sample itself as it works; the totals are counted from outside.
            probes.retain(|probe| !matches!(probe, ProbeRequest::Counters { trigger: Some(_), .. }));
        }
        probes
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.plan.timeout_ms)
    }

    pub(super) fn place(&self, unit: Unit, venue: Venue, process: u32, repetition: u32) -> Place<'_> {
        let workload = &self.workloads[unit.workload];
        Place { unit, function: workload.function.name, size: &workload.label, venue, process, repetition }
    }

    /// Records that a crew is gone, and what that costs.
    pub(super) fn gave_up(
        &self,
        unit: Unit,
        venue: Venue,
        process: u32,
        repetition: u32,
        error: &CrewError,
        state: &mut State,
    ) -> Result<(), RunError> {
        record::failed(&self.journal, self.place(unit, venue, process, repetition), error, unix_ns())?;
        state.summary.failed += 1;
        self.problem(unit, venue, &error.to_string(), state)
    }

    pub(super) fn problem(&self, unit: Unit, venue: Venue, message: &str, state: &mut State) -> Result<(), RunError> {
        let text = format!("{} {} on {venue}: {message}", unit.experiment, self.name(unit.workload));
        if state.summary.problems.insert(text.clone()) {
            self.note(Level::Error, &text)?;
        }
        Ok(())
    }

    pub(super) async fn invoke(
        &self,
        unit: Unit,
        crew: &mut Crew,
        repetition: u32,
        probe: &ProbeRequest,
        state: &mut State,
    ) -> Result<Invoked, RunError> {
        let venue = crew.venue;
        let sampler = self.sampler(unit, crew);
        let mut interrupt = self.interrupt.clone();
        let answered = tokio::select! {
            answered = crew.invoke(probe) => answered,
            _ = interrupt.wait_for(|cut| *cut) => return Ok(Invoked::Gone),
        };
        let series = sampler.and_then(MemorySampler::stop);
        let all = match answered {
            Ok(all) => all,
            Err(error) => {
                self.gave_up(unit, venue, crew.process, repetition, &error, state)?;
                return Ok(Invoked::Gone);
            }
        };
        let mut good = true;
        for (index, measured) in all.iter().enumerate() {
            let process = crew.process + u32::try_from(index).unwrap_or(0);
            let place = self.place(unit, venue, process, repetition);
            let recorded = record::measured(&self.journal, place, measured)?;
            if index == 0 {
                if repetition == 0 && unit.experiment == Experiment::Time {
                    record::cold_start(&self.journal, recorded.id, &crew.cold_start(recorded.wall_ns))?;
                }
                if unit.experiment == Experiment::Memory {
                    self.totals(&recorded, crew)?;
                    if let Some(series) = &series {
                        record::memory_series(&self.journal, recorded.id, measured, series)?;
                    }
                }
            }
            good &= self.judge(unit, venue, process, repetition, recorded, state)?;
        }
        Ok(if good { Invoked::Good } else { Invoked::Bad })
    }

    fn sampler(&self, unit: Unit, crew: &Crew) -> Option<MemorySampler> {
        if unit.experiment != Experiment::Memory {
            return None;
        }
        let options = SamplerOptions { period_ns: self.plan.sample_period_us * 1_000, detail: Detail::Full };
        // A worker that has just ended is noticed by the invocation itself.
        MemorySampler::start(crew.pid()?, options).ok()
    }

    /// What all instances hold together: the answer to what they share.
    fn totals(&self, recorded: &Recorded, crew: &Crew) -> Result<(), RunError> {
        let instances = self.plan.instances.to_string();
        let labels = [("instances", instances.as_str())];
        let (rss, pss, uss) = match crew.holding() {
            Ok(holding) => {
                let value = |bytes: u64| Reading::Value(bytes as f64);
                (value(holding.rss_bytes), value(holding.pss_bytes), value(holding.uss_bytes))
            }
            Err(reason) => (Reading::Absent(reason.clone()), Reading::Absent(reason.clone()), Reading::Absent(reason)),
        };
        record::metric(&self.journal, recorded.id, "total-rss", rss, "bytes", &labels)?;
        record::metric(&self.journal, recorded.id, "total-pss", pss, "bytes", &labels)?;
        record::metric(&self.journal, recorded.id, "total-uss", uss, "bytes", &labels)?;
        Ok(())
    }

    /// Counts an invocation, compares its result with those before, and keeps its time for the interval.
    pub(super) fn judge(
        &self,
        unit: Unit,
        venue: Venue,
        process: u32,
        repetition: u32,
        recorded: Recorded,
        state: &mut State,
    ) -> Result<bool, RunError> {
        if let Some((kind, message)) = recorded.error {
            state.summary.failed += 1;
            self.problem(unit, venue, &format!("{kind}: {message}"), state)?;
            return Ok(false);
        }
        state.summary.succeeded += 1;
        if let Some(digest) = recorded.digest {
            let digests = state.digests.entry(unit.workload).or_default();
            digests.entry(digest).or_insert(venue);
            if digests.len() > 1 {
                let seen: BTreeSet<&str> = digests.values().map(|venue| venue.name()).collect();
                let seen = seen.into_iter().collect::<Vec<_>>().join(" and ");
                self.problem(unit, venue, &format!("results differ for the same event (seen on {seen})"), state)?;
            }
        }
        if let Some(wall_ns) = recorded.wall_ns.filter(|_| repetition > 0 && unit.experiment == Experiment::Time) {
            let walls = state.walls.entry((unit.workload, venue)).or_default();
            walls.entry(process).or_default().push(wall_ns as f64);
        }
        Ok(true)
    }
}

pub(super) enum Invoked {
    Good,
    /// The function or a limit answered with an error.
    Bad,
    /// The crew is no more.
    Gone,
}
