//! The worker's side: a loop over requests.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::sync::Arc;

use native::DirectoryStorage;
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::counting::Counters;
use super::message::{Answer, Measured, Outcome, Phase, Preparation, Prepared, ProbeRequest, Reply, Request};
use super::readings::{self, Around};
use super::slots::Slot;
use crate::engine::wasm::{Allocation, ArtefactCache, Configuration, Interruption};
use crate::engine::{EngineKind, LaunchTimes, Launcher, LauncherOptions, Limits};
use crate::probe::clock::{Bracket, Scope, monotonic_ns, unix_ns};
use crate::results::IN_PROCESS;
use crate::workload;

/// The command line's name for a worker; not for people.
pub const SUBCOMMAND: &str = "worker";

/// Empty brackets from which the bracket's own share is taken.
const EMPTY_BRACKETS: usize = 1_001;
/// Instances beside the measured ones, for nested calls.
const NESTED_INSTANCES: u32 = 256;

/// Serves requests from standard input until told to finish. `main_monotonic_ns` is when `main` began.
///
/// # Errors
/// When the host is gone.
pub fn serve(main_monotonic_ns: u64) -> std::io::Result<()> {
    // A worker whose guest loops for ever would never see that its host was killed.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let mut input = BufReader::new(std::io::stdin().lock());
    let mut output = std::io::stdout().lock();
    let mut prepared: Option<Ready> = None;
    let mut line = String::new();
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let reply = match serde_json::from_str(&line) {
            Ok(Request::Finish) => return Ok(()),
            Ok(Request::Prepare(preparation)) => match Ready::prepare(*preparation, main_monotonic_ns) {
                Ok((ready, reply)) => {
                    prepared = Some(ready);
                    Reply::Prepared(reply)
                }
                Err(message) => Reply::Failed { message },
            },
            Ok(Request::Invoke { probe }) => match &mut prepared {
                Some(ready) => Reply::Measured(Box::new(ready.measure(&probe))),
                None => Reply::Failed { message: "the worker was asked to invoke before it was prepared".to_owned() },
            },
            Err(error) => Reply::Failed { message: format!("the request was not understood: {error}") },
        };
        serde_json::to_writer(&mut output, &reply)?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
}

/// A worker with its instances.
struct Ready {
    event: String,
    inputs: Option<PathBuf>,
    storage: Arc<DirectoryStorage>,
    slots: Vec<Slot>,
    counters: Counters,
    // Keeps the engine alive for nested calls.
    launcher: Arc<Launcher>,
    function: &'static workload::Function,
}

impl Ready {
    fn prepare(preparation: Preparation, main_monotonic_ns: u64) -> Result<(Ready, Prepared), String> {
        if let Some(processor) = preparation.pin {
            pin(processor)?;
        }
        let function = workload::find(&preparation.function).map_err(|unknown| unknown.to_string())?;
        let cache = match &preparation.artefact_cache {
            Some(folder) => Some(ArtefactCache::open(folder).map_err(|error| error.to_string())?),
            None => None,
        };
        let storage = Arc::new(DirectoryStorage::new(&preparation.storage).map_err(|error| error.to_string())?);
        let begin = monotonic_ns();
        let launcher = Launcher::new(LauncherOptions {
            engine: preparation.engine,
            configuration: Configuration {
                interruption: Interruption::None,
                allocation: if preparation.simulated {
                    Allocation::Frugal
                } else {
                    Allocation::Pooled { instances: preparation.instances + NESTED_INSTANCES }
                },
                memory_bytes: preparation.memory_limit_bytes,
            },
            cache,
            storage: storage.clone(),
            scratch_root: preparation.scratch.clone(),
            limits: Limits { memory_bytes: preparation.memory_limit_bytes, ..Limits::default() },
            platform: IN_PROCESS.to_owned(),
        })
        .map_err(|error| error.to_string())?;
        let mut phases = Vec::new();
        if preparation.engine == EngineKind::Wasm {
            phases.push(Phase { name: "engine".to_owned(), duration_ns: monotonic_ns() - begin });
        }
        let mut slots = Vec::new();
        for index in 0..preparation.instances {
            let (instance, times) = launcher.launch(function).map_err(|error| error.to_string())?;
            if index == 0 {
                phases.extend(launch_phases(times));
            }
            slots.push(Slot { instance, invocations: 0 });
        }
        let prepared = Prepared {
            main_monotonic_ns,
            phases,
            instances: slots.iter().map(|slot| slot.instance.identifier().to_owned()).collect(),
            empty_bracket_ns: Bracket::new(Scope::Thread).own_wall_ns(EMPTY_BRACKETS),
        };
        let Preparation { event, inputs, .. } = preparation;
        let counters = Counters::default();
        Ok((Ready { event, inputs, storage, slots, counters, launcher, function }, prepared))
    }

    fn measure(&mut self, probe: &ProbeRequest) -> Measured {
        self.replace_stopped();
        let start_unix_ns = unix_ns();
        let Around { start_monotonic_ns, end_monotonic_ns, outcomes, readings } =
            readings::around(probe, &self.event, self.inputs.as_deref(), &mut self.slots, &mut self.counters);
        let answers = outcomes
            .into_iter()
            .zip(&mut self.slots)
            .map(|(outcome, slot)| {
                slot.invocations += 1;
                if let Ok(body) = &outcome {
                    remove_output(&self.storage, body);
                }
                Answer {
                    instance: slot.instance.identifier().to_owned(),
                    invocation_index: slot.invocations,
                    outcome: match outcome {
                        Ok(body) => Outcome::Response { body },
                        Err(error) => Outcome::Error { kind: error.kind.name().to_owned(), message: error.message },
                    },
                }
            })
            .collect();
        Measured { start_unix_ns, start_monotonic_ns, end_monotonic_ns, answers, readings, platform: None }
    }

    /// A trap or a limit ends an instance; the next invocation gets a new one, as on any platform.
    fn replace_stopped(&mut self) {
        for slot in &mut self.slots {
            if !slot.instance.is_usable()
                && let Ok((instance, _)) = self.launcher.launch(self.function)
            {
                *slot = Slot { instance, invocations: 0 };
            }
        }
    }
}

/// Removes the object that a response names, so that a thousand repetitions don't fill the disk.
pub(crate) fn remove_output(storage: &DirectoryStorage, body: &str) {
    let response: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let result = &response["result"];
    if let (Some(bucket), Some(key)) = (result["bucket"].as_str(), result["key"].as_str()) {
        // An output that can't be removed is no reason to lose the measurement.
        let _ = storage.remove(bucket, key);
    }
}

fn launch_phases(times: LaunchTimes) -> Vec<Phase> {
    let phase = |name: &str, duration: std::time::Duration| Phase {
        name: name.to_owned(),
        duration_ns: u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX),
    };
    let mut phases = Vec::new();
    if let Some(load) = times.load {
        phases.extend(load.compile.map(|compile| phase("compile", compile)));
        phases.push(phase("load", load.load));
        phases.push(phase("link", load.link));
    }
    phases.push(phase("instantiate", times.instantiate));
    phases
}

fn pin(processor: u32) -> Result<(), String> {
    let failed = |reason: String| {
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        format!(
            "could not pin to processor {processor}: {reason}; this process may use {processors} processors, numbered from 0"
        )
    };
    let index = processor as usize;
    if index >= CpuSet::MAX_CPU {
        return Err(failed("there is no such processor".to_owned()));
    }
    let mut set = CpuSet::new();
    set.set(index);
    sched_setaffinity(None, &set).map_err(|error| failed(error.to_string()))
}
