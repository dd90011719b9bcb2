//! `faasbench run`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;

use anyhow::{Context, anyhow};
use rustix::thread::CpuSet;
use tokio::sync::watch;

use super::arguments::RunArguments;
use super::exit::{self, Failure};
use super::resume::Earlier;
use super::run_on_platforms::{self, Work};
use super::{code, environment, places, store, terminal, workloads};
use crate::engine::EngineKind;
use crate::engine::wasm::Allocation;
use crate::experiment::{
    Done, Experiment, Journal, PLAN_VERSION, Plan, PlannedCounters, PlannedExperiment, PlannedWorkload, Progress,
    RunSummary, Runner, UntilInterval, Venue,
};
use crate::platform_run::PlatformPlan;
use crate::report;
use crate::results::row::Level;
use crate::results::{NewRun, Recorder, RunStatus, Store};
use crate::worker::WorkerCommand;
use crate::workload::{Function, Size};

pub(super) async fn execute(arguments: RunArguments, words: Vec<OsString>) -> Result<(), Failure> {
    if let Some(work) = on_platforms(&arguments).await? {
        refuse_flags_of_this_machine(&arguments, work.is_some())?;
        return run_on_platforms::execute(&arguments, &words, work).await;
    }
    if arguments.quick || !arguments.settings.is_empty() {
        // One that there is not is what to say first.
        named(&arguments.experiments)?;
        return Err(Failure::Users(anyhow!(
            "--quick and --set are for experiments on platforms; `faasbench list experiments` names them"
        )));
    }
    let earlier = match &arguments.resume {
        Some(wanted) => Some(Earlier::find(wanted, &arguments).await?),
        None => None,
    };
    let plan = match (&earlier, &arguments.plan) {
        (Some(earlier), _) => earlier.plan.clone(),
        (None, Some(path)) => Plan::read(path).map_err(Failure::users)?,
        (None, None) => plan(&arguments)?,
    };
    if arguments.dry_run {
        return if arguments.json { exit::print_json(&plan) } else { exit::print(&describe(&plan)) };
    }
    if let Some(earlier) = &earlier
        && earlier.run.status == RunStatus::Complete
    {
        eprintln!("run {} is complete: nothing of its plan is left to do", earlier.run.id);
        return Ok(());
    }
    check_pin(&plan)?;
    // Opened before the slow parts, so that a place that can't be written is known at once.
    store::writable(&arguments.results.location, async |store| {
        measure(&arguments, &words, &plan, earlier.as_ref(), store).await
    })
    .await
}

/// Whether experiments on platforms are asked for, as far as that is known before the results are read.
pub(super) fn is_on_platforms(arguments: &RunArguments) -> bool {
    arguments.plan.is_some()
        || arguments.resume.is_some()
        || run_on_platforms::are_meant(&arguments.experiments).unwrap_or(false)
}

/// The work on platforms that is asked for; `Some(None)`: the command line describes it. `None`: these are experiments on this
/// machine.
async fn on_platforms(arguments: &RunArguments) -> Result<Option<Option<Work>>, Failure> {
    if let Some(path) = &arguments.plan {
        let Ok(text) = std::fs::read_to_string(path) else { return Ok(None) };
        let is_on_platforms =
            serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|plan| plan.get("targets").is_some());
        if !is_on_platforms {
            return Ok(None);
        }
        let plan: PlatformPlan = serde_json::from_str(&text)
            .with_context(|| format!("{} is not a plan of experiments on platforms", path.display()))
            .map_err(Failure::users)?;
        return Work::of_plan(plan, None).map(|work| Some(Some(work)));
    }
    if let Some(wanted) = &arguments.resume {
        let found = store::existing(&arguments.results.location, async |results| store::run(results, wanted).await);
        let run = found.await?;
        let Ok(plan) = serde_json::from_value::<PlatformPlan>(run.plan.clone()) else { return Ok(None) };
        Earlier::check(&run)?;
        return Work::of_plan(plan, Some(run)).map(|work| Some(Some(work)));
    }
    Ok(run_on_platforms::are_meant(&arguments.experiments)?.then_some(None))
}

/// Refuses flags that mean nothing to experiments on platforms, and those that a plan has already.
fn refuse_flags_of_this_machine(arguments: &RunArguments, has_plan: bool) -> Result<(), Failure> {
    let given = [
        ("--repetitions", arguments.repetitions.is_some()),
        ("--engine", !arguments.engines.is_empty()),
        ("--input", arguments.input.is_some()),
        ("--until-ci", arguments.until_ci.is_some()),
        ("--pin", arguments.pin.is_some()),
        ("--cold-cache", arguments.cold_cache),
        ("--sets", !arguments.event_sets.is_empty()),
        ("--events", !arguments.events.is_empty()),
        ("--sample-every", arguments.sample_every.is_some()),
        ("--simulate", arguments.simulate),
    ];
    if let Some((flag, _)) = given.iter().find(|(_, is_given)| *is_given) {
        return Err(Failure::Users(anyhow!(
            "{flag} is for experiments on this machine; those on platforms have settings: --set NAME=VALUE, which `faasbench list \
             experiments --json` lists"
        )));
    }
    if has_plan && (arguments.quick || !arguments.settings.is_empty()) {
        return Err(Failure::Users(anyhow!("--quick and --set are in the plan already; leave them out")));
    }
    Ok(())
}

/// Prepares, measures, reports.
async fn measure(
    arguments: &RunArguments,
    words: &[OsString],
    plan: &Plan,
    earlier: Option<&Earlier>,
    store: &Store,
) -> Result<(), Failure> {
    let folders = workloads::folders()?;
    let functions: Vec<&'static Function> =
        workloads::functions(&plan.workloads.iter().map(|workload| workload.function.clone()).collect::<Vec<_>>())?;
    let connected = places::connect(plan, &folders, store).await?;
    let compiles = plan.engines.contains(&EngineKind::Wasm);
    let steps = plan.workloads.len() + plan.platforms.len() + if compiles { functions.len() } else { 0 };
    let progress = Progress::on_standard_error(steps as u64);
    let ready = workloads::prepare(plan, &folders, &progress).await?;
    if compiles {
        workloads::compile(&functions, Allocation::OnDemand, &folders, &progress).await?;
        if plan.counters.simulate {
            workloads::compile(&functions, Allocation::Frugal, &folders, &progress).await?;
        }
    }
    let images = places::images(plan, &functions, &folders, &progress).await?;
    progress.finish();

    let environment = environment::collect();
    let command: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (recorder, done) = match earlier {
        Some(earlier) => earlier.go_on(store, &command, &environment).await?,
        None => {
            let new = NewRun {
                label: arguments.label.clone(),
                command,
                plan: serde_json::to_value(plan).map_err(Failure::ours)?,
                environment: serde_json::to_value(&environment).map_err(Failure::ours)?,
                images: code::of(&functions, &plan.engines, &images),
                seed: plan.seed,
                version: env!("CARGO_PKG_VERSION").to_owned(),
            };
            (store.create_run(new).await.map_err(store::failure)?, Done::default())
        }
    };
    let journal = Journal::new(&recorder, Progress::silent());
    for warning in environment.warnings() {
        journal.note(Level::Warning, warning).map_err(Failure::ours)?;
    }

    let places = places::places(&connected, images, store, recorder.run());
    let (cut, interrupt) = watch::channel(false);
    let signals = tokio::spawn(watch_signals(cut));
    let progress = Progress::on_standard_error(Runner::steps(plan, ready.len()));
    let command = WorkerCommand::this_program().map_err(Failure::ours)?;
    let runner = Runner::new(plan, &ready, &folders, &recorder, command, progress.clone(), interrupt)
        .resuming(done)
        .on_platforms(places);
    let outcome = runner.run().await;
    progress.finish();
    signals.abort();

    let summary = match outcome {
        Ok(summary) => summary,
        Err(error) => {
            // What was written before stays; the run is marked as what it is.
            let _ = recorder.finish(RunStatus::Failed).await;
            return Err(Failure::ours(error));
        }
    };
    finish(&recorder, &summary).await?;
    let run = store.run(&recorder.run().id).await.map_err(Failure::ours)?;
    let report = report::collect(store, &run).await.map_err(Failure::ours)?;
    if arguments.json {
        exit::print_json(&report)?;
    } else {
        let mut text = report::render(&report, None, terminal::width());
        let _ = writeln!(
            text,
            "run {}: {} invocations succeeded, {} failed; kept in {}",
            run.id, summary.succeeded, summary.failed, arguments.results.location
        );
        let _ = writeln!(text, "`faasbench report {}` makes a page with plots of it", run.id);
        exit::print(&text)?;
    }
    verdict(&summary, &run.id, arguments)
}

/// Refuses a processor that this process may not use, before anything is started on it.
fn check_pin(plan: &Plan) -> Result<(), Failure> {
    let Some(processor) = plan.pin else { return Ok(()) };
    let allowed = rustix::thread::sched_getaffinity(None).map_err(Failure::ours)?;
    let index = processor as usize;
    if index < CpuSet::MAX_CPU && allowed.is_set(index) {
        return Ok(());
    }
    let usable: Vec<String> =
        (0..CpuSet::MAX_CPU).filter(|index| allowed.is_set(*index)).map(|index| index.to_string()).collect();
    Err(Failure::Users(anyhow!(
        "could not pin to processor {processor}: this process may use the processors {}",
        usable.join(", ")
    )))
}

async fn finish(recorder: &Recorder, summary: &RunSummary) -> Result<(), Failure> {
    let status = if summary.interrupted { RunStatus::Interrupted } else { RunStatus::Complete };
    recorder.finish(status).await.map_err(Failure::ours)
}

fn verdict(summary: &RunSummary, run: &str, arguments: &RunArguments) -> Result<(), Failure> {
    if summary.interrupted {
        let kept = summary.succeeded + summary.failed;
        return Err(Failure::Interrupted(format!(
            "interrupted; the {kept} invocations measured until then are kept as run {run} in {}; `faasbench run --resume \
             {run}` goes on",
            arguments.results.location
        )));
    }
    match summary.problems.len() {
        0 => Ok(()),
        1 => Err(Failure::Ours(anyhow!("one thing that was asked for was not measured; it is named above"))),
        n => Err(Failure::Ours(anyhow!("{n} things that were asked for were not measured; they are named above"))),
    }
}

/// The first signal cuts the run in good order; the second ends the process, whose results are kept up to the last second.
pub(super) async fn watch_signals(cut: watch::Sender<bool>) {
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else { return };
    for signals in 0.. {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        if signals > 0 {
            eprintln!(
                "ended at once: what was measured until the last second is kept; what is deployed is in the ledger, and `faasbench \
                 undeploy --all` removes it"
            );
            std::process::exit(130);
        }
        eprintln!("stopping after what is under way; Ctrl-C again ends at once");
        cut.send_replace(true);
    }
}

/// The plan that the command line describes.
fn plan(arguments: &RunArguments) -> Result<Plan, Failure> {
    let experiments: Vec<Experiment> =
        if arguments.experiments.is_empty() { Experiment::ALL.to_vec() } else { named(&arguments.experiments)? };
    let engines =
        if arguments.engines.is_empty() { EngineKind::ALL.to_vec() } else { deduplicated(&arguments.engines) };
    let sizes = if arguments.sizes.is_empty() { vec![Size::Test] } else { deduplicated(&arguments.sizes) };
    let input = match &arguments.input {
        Some(folder) => Some(
            std::path::absolute(folder)
                .with_context(|| format!("could not use the input folder {}", folder.display()))
                .map_err(Failure::users)?,
        ),
        None => None,
    };
    let mut planned = Vec::new();
    for function in workloads::functions(&arguments.functions)? {
        let name = || function.name.to_owned();
        match &input {
            Some(folder) if function.uses_objects => {
                planned.push(PlannedWorkload { function: name(), size: None, input: Some(folder.clone()) });
            }
            // The user's files say nothing to the other functions; they are run only when asked for by name.
            Some(_) if arguments.functions.is_empty() => {}
            _ => planned.extend(sizes.iter().map(|size| PlannedWorkload {
                function: name(),
                size: Some(*size),
                input: None,
            })),
        }
    }
    let plan = Plan {
        version: PLAN_VERSION,
        seed: arguments.seed,
        experiments: experiments
            .into_iter()
            .map(|experiment| PlannedExperiment {
                experiment,
                repetitions: arguments.repetitions.unwrap_or_else(|| experiment.default_repetitions()),
            })
            .collect(),
        workloads: planned,
        engines,
        platforms: deduplicated(&arguments.platforms),
        processes: arguments.processes,
        until_interval: arguments
            .until_ci
            .map(|fraction| UntilInterval { fraction, max_repetitions: arguments.max_repetitions }),
        pin: arguments.pin,
        timeout_ms: milliseconds("--timeout", arguments.timeout, 1_000.0)?,
        memory_limit_bytes: arguments.memory_limit.saturating_mul(1 << 20),
        instances: arguments.instances,
        cold_cache: arguments.cold_cache,
        sample_period_us: milliseconds("--sample-period", arguments.sample_period, 1_000.0)?,
        counters: PlannedCounters {
            sets: arguments.event_sets.clone(),
            events: arguments.events.clone(),
            sample_every: arguments.sample_every,
            simulate: arguments.simulate,
        },
    };
    plan.validate().map_err(Failure::users)?;
    Ok(plan)
}

/// The experiments on this machine of these names.
fn named(names: &[String]) -> Result<Vec<Experiment>, Failure> {
    let parsed = deduplicated(names).into_iter().map(|name| name.parse().map_err(Failure::users));
    parsed.collect()
}

pub(super) fn deduplicated<T: Clone + PartialEq>(values: &[T]) -> Vec<T> {
    let mut kept = Vec::new();
    for value in values {
        if !kept.contains(value) {
            kept.push(value.clone());
        }
    }
    kept
}

/// A duration from the command line in a thousandth of its unit.
fn milliseconds(flag: &str, value: f64, factor: f64) -> Result<u64, Failure> {
    let scaled = value * factor;
    if (1.0..1e12).contains(&scaled) {
        return Ok(scaled as u64);
    }
    Err(Failure::Users(anyhow!("{flag} {value} is not a usable duration; give a positive number")))
}

/// What a plan will do, for `--dry-run`.
fn describe(plan: &Plan) -> String {
    let mut text = String::new();
    let venues: Vec<&str> = plan.venues().into_iter().map(Venue::name).collect();
    let _ = writeln!(
        text,
        "where: {}; seed {}; {} rounds of fresh processes for each workload, place and experiment",
        venues.join(", "),
        plan.seed,
        plan.processes
    );
    let mut by_function: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for workload in &plan.workloads {
        let input = match (&workload.size, &workload.input) {
            (Some(size), _) => size.to_string(),
            (None, Some(folder)) => folder.display().to_string(),
            (None, None) => String::new(),
        };
        by_function.entry(&workload.function).or_default().push(input);
    }
    for (function, inputs) in by_function {
        let _ = writeln!(text, "  {function}: {}", inputs.join(", "));
    }
    let mut total = 0_u64;
    for planned in &plan.experiments {
        let venues = plan.venues().len() as u64;
        let warm = u64::from(planned.repetitions) * plan.workloads.len() as u64 * venues;
        let cold = u64::from(plan.processes.min(planned.repetitions)) * plan.workloads.len() as u64 * venues;
        total += warm + cold;
        let _ = writeln!(text, "{}: {warm} warm and {cold} cold invocations or more", planned.experiment);
    }
    if let Some(until) = plan.until_interval {
        let _ = writeln!(
            text,
            "until the interval of each median is within {:.1}%, at most {} repetitions",
            until.fraction * 100.0,
            until.max_repetitions
        );
    }
    let _ = writeln!(text, "{total} invocations or more; `--dry-run --json` prints the plan for --plan");
    text
}
