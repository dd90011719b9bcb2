//! What each experiment asks a worker to measure; for `papi`, the events and how they are counted here.

use std::path::Path;

use tempfile::NamedTempFile;

use super::plan::{Experiment, Plan};
use crate::paths::CacheFolders;
use crate::probe::callgrind::{CallgrindOptions, CallgrindTotals, Valgrind};
use crate::probe::counters::{CounterPlan, EVENT_SETS, Kernel, PassValues, SelfTest, Trigger, event_set};
use crate::results::row::Level;
use crate::worker::{MEASURED_CALL, ProbeRequest, WorkerCommand};

/// Counted by the kernel on every machine, and so part of every plan that names no events of its own.
const SOFTWARE_EVENTS: [&str; 4] = ["task-clock", "page-faults", "context-switches", "cpu-migrations"];
/// CPU time between two readings of a series where instructions can't be counted: that of a million instructions at one
/// a nanosecond.
const INSTRUCTIONS_PER_NS: u64 = 1;

/// How a plan's probes are set.
#[derive(Debug, Clone, Default)]
pub(super) struct Counting {
    counters: CounterPlan,
    kernel_included: bool,
    trigger: Option<Trigger>,
    /// What is to be known about this machine's counters.
    pub(super) notes: Vec<(Level, String)>,
    /// Events that were asked for by name and can't be counted.
    pub(super) problems: Vec<String>,
}

impl Counting {
    /// Tests the counters and plans the passes, when the plan has `papi` in it; otherwise there is nothing to do.
    pub(super) fn plan(plan: &Plan) -> Counting {
        let counts = plan.experiments.iter().any(|planned| planned.experiment == Experiment::Papi);
        if !counts || plan.counters.simulate {
            return Counting::default();
        }
        let self_test = SelfTest::run();
        let asked = &plan.counters;
        let by_default = asked.sets.is_empty() && asked.events.is_empty();
        let mut names: Vec<String> = Vec::new();
        if by_default {
            names.extend(EVENT_SETS.iter().flat_map(|set| set.presets).map(|name| (*name).to_owned()));
            names.extend(SOFTWARE_EVENTS.map(str::to_owned));
        }
        for set in &asked.sets {
            // Validated with the plan.
            names.extend(event_set(set).into_iter().flat_map(|set| set.presets).map(|name| (*name).to_owned()));
        }
        names.extend(asked.events.iter().cloned());
        let counters = CounterPlan::new(&names, &self_test);
        let mut counting = Counting {
            kernel_included: self_test.kernel() == Kernel::Included,
            trigger: asked.sample_every.map(|every| match self_test.usable_counters {
                0 => Trigger::CpuClockNs(every / INSTRUCTIONS_PER_NS),
                _ => Trigger::Instructions(every),
            }),
            counters,
            ..Counting::default()
        };
        counting.explain(&self_test, by_default);
        counting
    }

    fn explain(&mut self, self_test: &SelfTest, by_default: bool) {
        if let Some(Trigger::CpuClockNs(period)) = self.trigger {
            let text = format!(
                "papi: instructions can't be counted here, so the series is read every {period} ns of processor time"
            );
            self.notes.push((Level::Warning, text));
        }
        let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
        for absent in &self.counters.absent {
            match by_reason.iter_mut().find(|(reason, _)| *reason == absent.reason) {
                Some((_, names)) => names.push(&absent.name),
                None => by_reason.push((&absent.reason, vec![&absent.name])),
            }
        }
        for (reason, names) in by_reason {
            let text = format!("papi: not counted: {} ({reason})", names.join(", "));
            if by_default {
                self.notes.push((Level::Warning, text));
            } else {
                self.notes.push((Level::Error, text.clone()));
                self.problems.push(text);
            }
        }
        if let Some(reason) = self_test.hardware_absent.as_ref().filter(|_| by_default) {
            let advice =
                "`faasbench counters` tells more; `--simulate` counts in Valgrind's simulated processor instead";
            self.notes.push((Level::Remark, format!("papi: no hardware counters here ({reason}); {advice}")));
        }
    }

    /// What is asked of a worker for one repetition: one bracketed invocation for each probe.
    pub(super) fn probes(&self, experiment: Experiment, plan: &Plan) -> Vec<ProbeRequest> {
        match experiment {
            Experiment::Time => vec![ProbeRequest::Time],
            Experiment::Memory => vec![ProbeRequest::Memory],
            Experiment::DiskIo => vec![ProbeRequest::DiskIo { cold_cache: plan.cold_cache }],
            // A series disturbs what it reads, so totals are counted in an invocation of their own.
            Experiment::Papi => {
                [None].into_iter().chain(self.trigger.map(Some)).flat_map(|trigger| self.passes(trigger)).collect()
            }
        }
    }

    fn passes(&self, trigger: Option<Trigger>) -> impl Iterator<Item = ProbeRequest> {
        self.counters.passes.iter().map(move |pass| ProbeRequest::Counters {
            pass: pass.clone(),
            kernel_included: self.kernel_included,
            trigger,
        })
    }

    /// The command of a worker inside Valgrind, and the file that it will write.
    pub(super) fn simulator(
        command: &WorkerCommand,
        folders: &CacheFolders,
    ) -> Result<(WorkerCommand, NamedTempFile), String> {
        let valgrind = Valgrind::find().map_err(|error| error.to_string())?;
        let output = tempfile::Builder::new()
            .prefix("callgrind-")
            .tempfile_in(folders.scratch())
            .map_err(|error| format!("could not make a file for Valgrind's counts: {error}"))?;
        let options = CallgrindOptions::new(Some(MEASURED_CALL), output.path());
        let wrapper = std::iter::once(valgrind.program.into_os_string()).chain(options.arguments());
        Ok((command.clone().wrapped_in(wrapper), output))
    }

    /// What Valgrind counted.
    pub(super) fn simulated(output: &Path) -> Result<PassValues, String> {
        CallgrindTotals::read(output).map(|totals| totals.values()).map_err(|error| error.to_string())
    }
}
