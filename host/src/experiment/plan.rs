//! What a run is asked to do: experiments over workloads and engines, with every choice spelled out.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::thread::CpuSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::venue::Venue;
use crate::engine::EngineKind;
use crate::platforms;
use crate::probe::counters::{EVENT_SETS, event_set};
use crate::workload::{self, Size};

/// Version of the plan's format. A plan of another version is refused.
pub const PLAN_VERSION: u32 = 1;

/// An experiment on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Experiment {
    /// How long does it take?
    Time,
    /// How much memory does it need?
    Memory,
    /// What does it read and write?
    DiskIo,
    /// What do the hardware counters say?
    Papi,
}

impl Experiment {
    /// All of them, in the order of reports.
    pub const ALL: [Experiment; 4] = [Experiment::Time, Experiment::Memory, Experiment::DiskIo, Experiment::Papi];

    /// Its name in flags and results.
    pub fn name(self) -> &'static str {
        match self {
            Experiment::Time => "time",
            Experiment::Memory => "memory",
            Experiment::DiskIo => "disk-io",
            Experiment::Papi => "papi",
        }
    }

    /// Warm repetitions for each workload and engine when none are asked for. A 95% interval of a median needs 6 values,
    /// and a 95th percentile with an upper bound 59; a counter or a peak of memory varies little and needs fewer.
    pub fn default_repetitions(self) -> u32 {
        match self {
            Experiment::Time => 64,
            Experiment::Memory | Experiment::DiskIo | Experiment::Papi => 8,
        }
    }
}

impl fmt::Display for Experiment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Experiment {
    type Err = PlanError;

    fn from_str(name: &str) -> Result<Experiment, PlanError> {
        Experiment::ALL
            .into_iter()
            .find(|experiment| experiment.name() == name)
            .ok_or_else(|| PlanError::UnknownExperiment { name: name.to_owned() })
    }
}

/// A plan that can't be carried out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No experiment has that name.
    #[error(
        "there is no experiment `{name}`; on this machine there are time, memory, disk-io and papi, and on platforms {}",
        experiments::names()
    )]
    UnknownExperiment {
        /// The name.
        name: String,
    },
    /// The file can't be read.
    #[error("could not read the plan {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file is not a plan.
    #[error("{path} is not a plan: {source}; `faasbench run --dry-run --json` prints one to start from")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: serde_json::Error,
    },
    /// A value is out of its range.
    #[error("the plan can't be carried out: {0}")]
    Invalid(String),
}

/// One experiment of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedExperiment {
    /// Which.
    pub experiment: Experiment,
    /// Warm repetitions for each workload and engine, over all processes together.
    pub repetitions: u32,
}

/// A workload as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedWorkload {
    /// The function's name.
    pub function: String,
    /// One of the three generated inputs; absent when `input` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// A folder of the user's own files in place of a generated input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<PathBuf>,
}

/// Repeating until an interval is narrow enough.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UntilInterval {
    /// Stop when the 95% interval of the median of the wall time lies within this fraction of the median, for every engine.
    pub fraction: f64,
    /// Stop at this many repetitions for each workload and engine in any case.
    pub max_repetitions: u32,
}

/// What the `papi` experiment counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedCounters {
    /// Sets of events: `inscount`, `sp`, `dp`, `cache`, `cycles`.
    pub sets: Vec<String>,
    /// Further events by PAPI preset, generic name or raw code.
    pub events: Vec<String>,
    /// Read all counters every so many instructions, for a series over an invocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_every: Option<u64>,
    /// Count in Valgrind's simulated processor instead of the real one.
    pub simulate: bool,
}

/// What a run does. It is stored with the run and can be given back by `--plan`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Version of this format.
    pub version: u32,
    /// Seed of generated inputs and of the order of everything.
    pub seed: u64,
    /// What is measured.
    pub experiments: Vec<PlannedExperiment>,
    /// What is run.
    pub workloads: Vec<PlannedWorkload>,
    /// The engines that workers of ours run it on.
    pub engines: Vec<EngineKind>,
    /// The platforms of this machine that run it too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// Fresh worker processes for each workload, engine and experiment; repetitions are divided among them.
    pub processes: u32,
    /// Repeat until an interval is narrow enough, in place of a fixed number (`time` only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_interval: Option<UntilInterval>,
    /// Processor that workers are pinned to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<u32>,
    /// Longest single invocation, ms. A worker that takes longer is stopped.
    pub timeout_ms: u64,
    /// Most linear memory of a WASM instance, bytes.
    pub memory_limit_bytes: u64,
    /// Instances at once in the `memory` experiment.
    pub instances: u32,
    /// Drop the page cache before each repetition of `disk-io`.
    pub cold_cache: bool,
    /// Period of the `memory` experiment's time series, us.
    pub sample_period_us: u64,
    /// What `papi` counts.
    pub counters: PlannedCounters,
}

/// A million repetitions of everything is a mistyped number, not a wish.
const MOST_REPETITIONS: u32 = 1_000_000;
/// More worker processes than this at once, or in a row, are a mistyped number as well.
const MOST_PROCESSES: u32 = 1_000;

impl Plan {
    /// Reads a plan from a file.
    ///
    /// # Errors
    /// When it can't be read, is not a plan, or can't be carried out.
    pub fn read(path: &Path) -> Result<Plan, PlanError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| PlanError::Unreadable { path: path.to_owned(), source })?;
        let plan: Plan =
            serde_json::from_str(&text).map_err(|source| PlanError::Malformed { path: path.to_owned(), source })?;
        plan.validate()?;
        Ok(plan)
    }

    /// Refuses a plan that can't be carried out, before anything is started.
    ///
    /// # Errors
    /// What is wrong, and the range that is accepted.
    pub fn validate(&self) -> Result<(), PlanError> {
        let check =
            |valid: bool, what: &dyn Fn() -> String| if valid { Ok(()) } else { Err(PlanError::Invalid(what())) };
        check(self.version == PLAN_VERSION, &|| {
            format!("it has version {}, and this faasbench knows version {PLAN_VERSION}", self.version)
        })?;
        check(!self.experiments.is_empty(), &|| "it names no experiment".to_owned())?;
        check(!self.workloads.is_empty(), &|| "it names no workload".to_owned())?;
        check(!(self.engines.is_empty() && self.platforms.is_empty()), &|| {
            "it names neither an engine nor a platform".to_owned()
        })?;
        for name in &self.platforms {
            let kind = platforms::find(name).map_err(|unknown| PlanError::Invalid(unknown.to_string()))?;
            check(kind.on_this_machine, &|| {
                format!("the instances of {name} run on other machines, where these experiments can't look at them")
            })?;
        }
        for workload in &self.workloads {
            workload::find(&workload.function).map_err(|unknown| PlanError::Invalid(unknown.to_string()))?;
            check(workload.size.is_some() != workload.input.is_some(), &|| {
                format!("the workload of {} needs either a size or an input", workload.function)
            })?;
        }
        for planned in &self.experiments {
            check((1..=MOST_REPETITIONS).contains(&planned.repetitions), &|| {
                format!(
                    "{} repetitions of {} are not between 1 and {MOST_REPETITIONS}",
                    planned.repetitions, planned.experiment
                )
            })?;
        }
        check((1..=MOST_PROCESSES).contains(&self.processes), &|| {
            format!("{} processes are not between 1 and {MOST_PROCESSES}", self.processes)
        })?;
        check((1..=MOST_PROCESSES).contains(&self.instances), &|| {
            format!("{} instances are not between 1 and {MOST_PROCESSES}", self.instances)
        })?;
        if let Some(processor) = self.pin {
            let usable = usable_processors();
            check(usable.contains(&processor), &|| {
                let usable: Vec<String> = usable.iter().map(u32::to_string).collect();
                format!("processor {processor} is not one that this process may use; those are {}", usable.join(", "))
            })?;
        }
        check(self.timeout_ms > 0, &|| "the time limit of an invocation is 0".to_owned())?;
        check(self.sample_period_us >= 100, &|| "memory can't be sampled more often than every 100 us".to_owned())?;
        check((1 << 20..=4_u64 << 30).contains(&self.memory_limit_bytes), &|| {
            "the memory limit is not between 1 MiB and 4 GiB".to_owned()
        })?;
        if let Some(until) = self.until_interval {
            check(until.fraction > 0.0 && until.fraction < 1.0, &|| {
                format!("an interval of {} of the median is not between 0 and 1", until.fraction)
            })?;
            check((1..=MOST_REPETITIONS).contains(&until.max_repetitions), &|| {
                format!("at most {MOST_REPETITIONS} repetitions are possible")
            })?;
        }
        for set in &self.counters.sets {
            check(event_set(set).is_some(), &|| {
                let known: Vec<&str> = EVENT_SETS.iter().map(|set| set.name).collect();
                format!("there is no set of events `{set}`; the sets are {}", known.join(", "))
            })?;
        }
        if let Some(every) = self.counters.sample_every {
            check(every >= 1_000, &|| "counters can't be sampled more often than every 1,000 instructions".to_owned())?;
        }
        Ok(())
    }

    /// Where everything is measured: workers on each engine, then the platforms.
    pub fn venues(&self) -> Vec<Venue> {
        let workers = self.engines.iter().copied().map(Venue::Worker);
        // Names were looked at when the plan was validated.
        let known = self.platforms.iter().filter_map(|name| platforms::find(name).ok());
        workers.chain(known.map(|kind| Venue::Platform(kind.name))).collect()
    }

    /// Warm repetitions in each of the processes: the asked-for number, divided evenly with the rest in the first ones.
    pub fn repetitions_in_process(&self, repetitions: u32, process: u32) -> u32 {
        let processes = self.processes.min(repetitions).max(1);
        if process >= processes {
            return 0;
        }
        repetitions / processes + u32::from(process < repetitions % processes)
    }
}

/// The processors that workers can be pinned to; none where the kernel does not tell.
fn usable_processors() -> Vec<u32> {
    let Ok(allowed) = rustix::thread::sched_getaffinity(None) else { return Vec::new() };
    let processors = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor));
    processors.filter_map(|processor| u32::try_from(processor).ok()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
pub(super) mod tests {
    use super::*;

    pub(in crate::experiment) fn plan() -> Plan {
        Plan {
            version: PLAN_VERSION,
            seed: 1,
            experiments: vec![PlannedExperiment { experiment: Experiment::Time, repetitions: 10 }],
            workloads: vec![PlannedWorkload { function: "function1".into(), size: Some(Size::Test), input: None }],
            engines: EngineKind::ALL.to_vec(),
            platforms: Vec::new(),
            processes: 3,
            until_interval: None,
            pin: None,
            timeout_ms: 1_000,
            memory_limit_bytes: 1 << 30,
            instances: 1,
            cold_cache: false,
            sample_period_us: 5_000,
            counters: PlannedCounters::default(),
        }
    }

    #[test]
    fn a_plan_survives_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), serde_json::to_string(&plan()).unwrap()).unwrap();
        assert_eq!(Plan::read(file.path()).unwrap(), plan());
    }

    #[test]
    fn every_repetition_is_in_one_process() {
        let plan = plan();
        for repetitions in 1..20 {
            let total: u32 = (0..plan.processes).map(|process| plan.repetitions_in_process(repetitions, process)).sum();
            assert_eq!(total, repetitions);
        }
    }

    #[test]
    fn values_out_of_range_are_refused_with_the_range() {
        type Spoil = fn(&mut Plan);
        let invalid: [(&str, Spoil); 9] = [
            ("version", |plan| plan.version = 2),
            ("no experiment", |plan| plan.experiments.clear()),
            ("neither an engine", |plan| plan.engines.clear()),
            ("function9", |plan| plan.workloads[0].function = "function9".into()),
            ("either a size or an input", |plan| plan.workloads[0].size = None),
            ("between 1 and", |plan| plan.experiments[0].repetitions = 0),
            ("time limit", |plan| plan.timeout_ms = 0),
            ("processor 9999", |plan| plan.pin = Some(9_999)),
            ("between 1 MiB", |plan| plan.memory_limit_bytes = 1),
        ];
        for (part, spoil) in invalid {
            let mut plan = plan();
            spoil(&mut plan);
            let message = plan.validate().unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
