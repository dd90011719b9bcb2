//! Carrying out a plan: unit after unit, each with fresh worker processes whose repetitions are interleaved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rand::seq::SliceRandom;
use thiserror::Error;
use tokio::sync::watch;

use super::counting::Counting;
use super::crew::Crew;
use super::done::Done;
use super::journal::Journal;
use super::plan::{Experiment, Plan};
use super::progress::Progress;
use super::record::{self, Place, Recorded};
use super::schedule::{Unit, generator, units};
use crate::engine::EngineKind;
use crate::paths::CacheFolders;
use crate::probe::clock::unix_ns;
use crate::probe::memory::{Detail, MemorySampler, SamplerOptions};
use crate::results::row::{Level, Reading};
use crate::results::{RecordError, Recorder};
use crate::worker::{Preparation, ProbeRequest, WorkerCommand, WorkerError};
use crate::workload::Function;

/// An engine that fails this often in a row in one unit is left alone for the rest of it: it would only fail again.
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

/// Walls of the warm invocations of one workload on one engine, by process.
pub(super) type Walls = BTreeMap<u32, Vec<f64>>;

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
    pub(super) processes: AtomicU32,
}

pub(super) struct State {
    summary: RunSummary,
    pub(super) walls: BTreeMap<(usize, EngineKind), Walls>,
    digests: BTreeMap<usize, BTreeMap<String, EngineKind>>,
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
        Runner { plan, workloads, folders, journal, command, progress, interrupt, done, processes }
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
            for engine in &self.plan.engines {
                state.walls.insert((index, *engine), self.done.walls(function, size, *engine));
            }
        }
        state
    }

    /// The repetitions of a unit that are still to be done on an engine.
    fn left(&self, unit: Unit, engine: EngineKind, state: &State) -> BTreeSet<u32> {
        let simulated = unit.experiment == Experiment::Papi && self.plan.counters.simulate;
        // A simulated process makes one counted invocation, however many repetitions are asked for.
        let repetitions = if simulated { 1 } else { unit.repetitions };
        let each = match unit.experiment {
            _ if simulated => 1,
            Experiment::Memory => self.plan.instances as usize,
            _ => state.counting.probes(unit.experiment, self.plan).len(),
        };
        let workload = &self.workloads[unit.workload];
        let done = self.done.repetitions(
            unit.experiment,
            workload.function.name,
            &workload.label,
            unit.process,
            engine,
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

    pub(super) fn preparation(&self, unit: Unit, engine: EngineKind) -> Preparation {
        let workload = &self.workloads[unit.workload];
        Preparation {
            function: workload.function.name.to_owned(),
            engine,
            event: workload.event.clone(),
            storage: self.folders.objects(),
            inputs: workload.inputs.clone(),
            scratch: self.folders.scratch(),
            artefact_cache: Some(self.folders.components()),
            memory_limit_bytes: self.plan.memory_limit_bytes,
            instances: 1,
            pin: self.plan.pin,
            simulated: false,
        }
    }

    pub(super) async fn unit(&self, unit: Unit, state: &mut State) -> Result<(), RunError> {
        let name = self.name(unit.workload);
        self.progress.doing(format!("{} {name}", unit.experiment));
        let mut order = generator(self.plan.seed, "engines", u64::from(self.processes.load(Ordering::Relaxed)));
        let mut engines = self.plan.engines.clone();
        engines.shuffle(&mut order);
        let left: BTreeMap<EngineKind, BTreeSet<u32>> =
            engines.iter().map(|engine| (*engine, self.left(unit, *engine, state))).collect();
        engines.retain(|engine| !left[engine].is_empty());
        if unit.experiment == Experiment::Papi && self.plan.counters.simulate {
            for engine in engines {
                self.simulate(unit, engine, state).await?;
            }
            return Ok(());
        }
        if unit.experiment == Experiment::Time && engines.contains(&EngineKind::Wasm) {
            self.cold_with_compilation(unit, state).await?;
        }
        let mut crews = Vec::new();
        for engine in engines {
            if let Some(crew) = self.start(unit, engine, state).await? {
                crews.push(Some((crew, 0)));
            }
        }
        let mut positions: Vec<usize> = (0..crews.len()).collect();
        for repetition in 1..=unit.repetitions {
            positions.shuffle(&mut order);
            for position in &positions {
                if self.interrupted() {
                    return Ok(());
                }
                if crews[*position].as_ref().is_none_or(|(crew, _)| !left[&crew.engine].contains(&repetition)) {
                    continue;
                }
                let Some((mut crew, mut failures)) = crews[*position].take() else { continue };
                for probe in state.counting.probes(unit.experiment, self.plan) {
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
                }
            }
        }
        for (crew, _) in crews.into_iter().flatten() {
            if let Err(error) = crew.finish().await {
                self.note(Level::Warning, &format!("a worker of {name} did not end well: {error}"))?;
            }
        }
        Ok(())
    }

    /// Starts the workers of one engine and makes their first invocation, which is the cold one.
    async fn start(&self, unit: Unit, engine: EngineKind, state: &mut State) -> Result<Option<Crew>, RunError> {
        let instances = if unit.experiment == Experiment::Memory { self.plan.instances } else { 1 };
        let processes = if engine == EngineKind::Native { instances } else { 1 };
        let process = self.processes.fetch_add(processes, Ordering::Relaxed);
        let preparation = self.preparation(unit, engine);
        let started = Crew::start(&self.command, self.timeout(), process, &preparation, instances).await;
        let mut crew = match started {
            Ok(crew) => crew,
            Err(error) => {
                self.gave_up(unit, engine, process, 0, &error, state)?;
                return Ok(None);
            }
        };
        // The first invocation of an instance is cold: kept, and marked as such.
        if let Some(probe) = state.counting.probes(unit.experiment, self.plan).first().cloned()
            && let Invoked::Gone = self.invoke(unit, &mut crew, 0, &probe, state).await?
        {
            return Ok(None);
        }
        Ok(Some(crew))
    }

    /// One more cold start of the component, compiled on the spot instead of loaded from the cache.
    async fn cold_with_compilation(&self, unit: Unit, state: &mut State) -> Result<(), RunError> {
        let process = self.processes.fetch_add(1, Ordering::Relaxed);
        let preparation = Preparation { artefact_cache: None, ..self.preparation(unit, EngineKind::Wasm) };
        match Crew::start(&self.command, self.timeout(), process, &preparation, 1).await {
            Ok(mut crew) => {
                self.invoke(unit, &mut crew, 0, &ProbeRequest::Time, state).await?;
                Ok(())
            }
            Err(error) => self.gave_up(unit, EngineKind::Wasm, process, 0, &error, state),
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.plan.timeout_ms)
    }

    pub(super) fn place(&self, unit: Unit, engine: EngineKind, process: u32, repetition: u32) -> Place<'_> {
        let workload = &self.workloads[unit.workload];
        Place { unit, function: workload.function.name, size: &workload.label, engine, process, repetition }
    }

    /// Records that a worker is gone, and what that costs.
    pub(super) fn gave_up(
        &self,
        unit: Unit,
        engine: EngineKind,
        process: u32,
        repetition: u32,
        error: &WorkerError,
        state: &mut State,
    ) -> Result<(), RunError> {
        record::failed(&self.journal, self.place(unit, engine, process, repetition), error, unix_ns())?;
        state.summary.failed += 1;
        self.problem(unit, engine, &error.to_string(), state)
    }

    pub(super) fn problem(
        &self,
        unit: Unit,
        engine: EngineKind,
        message: &str,
        state: &mut State,
    ) -> Result<(), RunError> {
        let text = format!("{} {} on {engine}: {message}", unit.experiment, self.name(unit.workload));
        if state.summary.problems.insert(text.clone()) {
            self.note(Level::Error, &text)?;
        }
        Ok(())
    }

    async fn invoke(
        &self,
        unit: Unit,
        crew: &mut Crew,
        repetition: u32,
        probe: &ProbeRequest,
        state: &mut State,
    ) -> Result<Invoked, RunError> {
        let engine = crew.engine;
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
                self.gave_up(unit, engine, crew.process, repetition, &error, state)?;
                return Ok(Invoked::Gone);
            }
        };
        let mut good = true;
        for (index, measured) in all.iter().enumerate() {
            let process = crew.process + u32::try_from(index).unwrap_or(0);
            let place = self.place(unit, engine, process, repetition);
            let recorded = record::measured(&self.journal, place, measured)?;
            if index == 0 {
                if repetition == 0 && unit.experiment == Experiment::Time {
                    record::phases(&self.journal, recorded.id, crew, recorded.wall_ns)?;
                }
                if unit.experiment == Experiment::Memory {
                    self.totals(&recorded, crew)?;
                    if let Some(series) = &series {
                        record::memory_series(&self.journal, recorded.id, measured, series)?;
                    }
                }
            }
            good &= self.judge(unit, engine, process, repetition, recorded, state)?;
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
        engine: EngineKind,
        process: u32,
        repetition: u32,
        recorded: Recorded,
        state: &mut State,
    ) -> Result<bool, RunError> {
        if let Some((kind, message)) = recorded.error {
            state.summary.failed += 1;
            self.problem(unit, engine, &format!("{kind}: {message}"), state)?;
            return Ok(false);
        }
        state.summary.succeeded += 1;
        if let Some(digest) = recorded.digest {
            let digests = state.digests.entry(unit.workload).or_default();
            digests.entry(digest).or_insert(engine);
            if digests.len() > 1 {
                let seen: BTreeSet<&str> = digests.values().map(|engine| engine.name()).collect();
                let seen = seen.into_iter().collect::<Vec<_>>().join(" and ");
                self.problem(unit, engine, &format!("results differ for the same event (seen on {seen})"), state)?;
            }
        }
        if let Some(wall_ns) = recorded.wall_ns.filter(|_| repetition > 0 && unit.experiment == Experiment::Time) {
            let walls = state.walls.entry((unit.workload, engine)).or_default();
            walls.entry(process).or_default().push(wall_ns as f64);
        }
        Ok(true)
    }
}

enum Invoked {
    Good,
    /// The function or a limit answered with an error.
    Bad,
    /// The worker is no more.
    Gone,
}
