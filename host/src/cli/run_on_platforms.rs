//! `faasbench run` of experiments on platforms.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use experiments::script::Script;
use experiments::{Earlier, Event, Experiment, RequestError, Runner, Site, Subject, Summary};
use image_build::{Image, Options};
use platform::{Ledger, MemoryLedger};
use serde_json::json;
use tokio::sync::watch;

use super::arguments::RunArguments;
use super::exit::{self, Failure};
use super::run::{deduplicated, watch_signals};
use super::{code, dry_run, environment, inputs, packages, store, target, terminal, workloads};
use crate::configuration::{Configuration, Target};
use crate::deployments;
use crate::environment::Environment;
use crate::experiment::Progress;
use crate::paths::CacheFolders;
use crate::platform_run::{
    LedgerDeployer, PLATFORM_PLAN_VERSION, PlannedPlatformExperiment, PlatformPlan, Sites, StoreSink, StoredUnits,
    is_of, next_client,
};
use crate::platforms::Servers;
use crate::report;
use crate::results::row::Level;
use crate::results::{NewRun, Recorder, Run, RunStatus, Store};
use crate::workload::{self, Function, Size};

/// The platforms of who names none: those that every machine has.
const DEFAULT_TARGETS: [&str; 2] = ["wasm", "process"];
/// The function of who names none: the smallest.
const DEFAULT_FUNCTION: &str = "function1";

/// An experiment that is asked for.
enum Asked {
    BuiltIn(&'static dyn Experiment),
    Own(Box<Script>),
}

impl Asked {
    fn experiment(&self) -> &dyn Experiment {
        match self {
            Asked::BuiltIn(experiment) => *experiment,
            Asked::Own(script) => &**script,
        }
    }

    fn of(planned: &PlannedPlatformExperiment) -> Result<Asked, Failure> {
        match &planned.script {
            Some(text) => {
                let script = Script::parse(text, &planned.name).map_err(Failure::users)?;
                Ok(Asked::Own(Box::new(script)))
            }
            None => Ok(Asked::BuiltIn(experiments::find(&planned.name).map_err(Failure::users)?)),
        }
    }
}

/// A run that is to be made, or gone on with.
pub(super) struct Work {
    plan: PlatformPlan,
    earlier: Option<Run>,
}

impl Work {
    /// The plan of a file or of a stored run.
    pub(super) fn of_plan(plan: PlatformPlan, earlier: Option<Run>) -> Result<Work, Failure> {
        plan.validate().map_err(Failure::users)?;
        Ok(Work { plan, earlier })
    }
}

/// Whether these are experiments on platforms; a mixture is refused.
pub(super) fn are_meant(names: &[String]) -> Result<bool, Failure> {
    let on_platforms: Vec<&String> =
        names.iter().filter(|name| is_file(name) || experiments::find(name).is_ok()).collect();
    if on_platforms.is_empty() {
        return Ok(false);
    }
    match names.iter().find(|name| !on_platforms.contains(name)) {
        None => Ok(true),
        Some(other) => Err(Failure::Users(anyhow!(
            "{} is an experiment on platforms and {other} is not; run them one after another",
            on_platforms[0]
        ))),
    }
}

fn is_file(name: &str) -> bool {
    name.ends_with(".toml")
}

pub(super) async fn execute(arguments: &RunArguments, words: &[OsString], work: Option<Work>) -> Result<(), Failure> {
    let configuration = target::configuration(&arguments.configuration)?;
    let folders = workloads::folders()?;
    let servers = Servers::new(arguments.results.location.clone(), configuration.clone(), folders.clone());
    let names = match &work {
        Some(work) => work.plan.targets.iter().map(|target| target.target.clone()).collect(),
        None if arguments.platforms.is_empty() => DEFAULT_TARGETS.map(str::to_owned).to_vec(),
        None => deduplicated(&arguments.platforms),
    };
    let targets = targets(&configuration, &names)?;
    if let Some(earlier) = work.as_ref().and_then(|work| work.earlier.as_ref())
        && earlier.status == RunStatus::Complete
    {
        eprintln!("run {} is complete: nothing of its plan is left to do", earlier.id);
        return Ok(());
    }
    if arguments.dry_run {
        // Nothing is created, so nothing has to be remembered.
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let sites = Sites::reach(&targets, &servers, &ledger).await.map_err(target::failure)?;
        let work = work.map_or_else(|| self::work(arguments, &sites), Ok)?;
        sites.shut_down().await;
        if arguments.json {
            return exit::print_json(&work.plan);
        }
        let asked = work.plan.experiments.iter().map(Asked::of).collect::<Result<Vec<_>, _>>()?;
        let runners = runners(&work.plan, &asked, &subjects(&work.plan, &folders)?).map_err(Failure::users)?;
        return exit::print(&dry_run::described(&work.plan, &runners));
    }
    store::writable(&arguments.results.location, async |store| {
        let ledger: Arc<dyn Ledger> = Arc::new(store.ledger());
        let sites = Sites::reach(&targets, &servers, &ledger).await.map_err(target::failure)?;
        let work = work.map_or_else(|| self::work(arguments, &sites), Ok)?;
        let came = measure(arguments, words, &work, &sites, &folders, store).await;
        sites.shut_down().await;
        came
    })
    .await
}

fn targets(configuration: &Configuration, names: &[String]) -> Result<Vec<Target>, Failure> {
    names.iter().map(|name| configuration.target(name).map_err(Failure::users)).collect()
}

/// The plan that the command line describes.
fn work(arguments: &RunArguments, sites: &Sites) -> Result<Work, Failure> {
    let mut planned: Vec<PlannedPlatformExperiment> = Vec::new();
    for name in deduplicated(&arguments.experiments) {
        let (name, script) = match is_file(&name) {
            true => {
                let text = std::fs::read_to_string(&name)
                    .with_context(|| format!("could not read the experiment {name}"))
                    .map_err(Failure::users)?;
                let script = Script::parse(&text, &name).map_err(Failure::users)?;
                (script.name().to_owned(), Some(text))
            }
            false => (name, None),
        };
        let settings = arguments.settings.iter().cloned().collect();
        planned.push(PlannedPlatformExperiment { name, settings, script });
    }
    let functions = match arguments.functions.as_slice() {
        [] => vec![DEFAULT_FUNCTION.to_owned()],
        named => workloads::functions(named)?.iter().map(|function| function.name.to_owned()).collect(),
    };
    for (index, one) in planned.iter().enumerate() {
        let is_twice = planned.iter().take(index).any(|other| other.name == one.name);
        if is_twice || one.script.is_some() && experiments::find(&one.name).is_ok() {
            return Err(Failure::Users(anyhow!(
                "there are two experiments of the name `{}`, and their results could not be told apart; change the `name` in the file",
                one.name
            )));
        }
    }
    let plan = PlatformPlan {
        version: PLATFORM_PLAN_VERSION,
        seed: arguments.seed,
        quick: arguments.quick,
        experiments: planned,
        functions,
        sizes: if arguments.sizes.is_empty() { vec![Size::Test] } else { deduplicated(&arguments.sizes) },
        targets: sites.planned(),
    };
    Work::of_plan(plan, None)
}

/// Events of the plan's workloads, with their inputs in `folders`.
fn subjects(plan: &PlatformPlan, folders: &CacheFolders) -> Result<Vec<Subject>, Failure> {
    let mut subjects = Vec::new();
    for function in &plan.functions {
        for size in &plan.sizes {
            let prepared = workload::prepare(function, *size, plan.seed, &folders.objects()).map_err(Failure::users)?;
            subjects.push(Subject {
                function: function.clone(),
                size: prepared.label,
                event: prepared.event.to_string().into_bytes().into(),
                calls: Vec::new(),
            });
        }
    }
    Ok(subjects)
}

/// Each experiment of a plan with its units in order.
fn runners<'a>(plan: &PlatformPlan, asked: &'a [Asked], subjects: &[Subject]) -> Result<Vec<Runner<'a>>, RequestError> {
    let runners = plan.experiments.iter().zip(asked);
    runners.map(|(planned, asked)| Runner::new(asked.experiment(), plan.request(planned, subjects))).collect()
}

async fn measure(
    arguments: &RunArguments,
    words: &[OsString],
    work: &Work,
    sites: &Sites,
    folders: &CacheFolders,
    store: &Store,
) -> Result<(), Failure> {
    let plan = &work.plan;
    let asked = plan.experiments.iter().map(Asked::of).collect::<Result<Vec<_>, _>>()?;
    let subjects = subjects(plan, folders)?;
    let runners = runners(plan, &asked, &subjects).map_err(Failure::users)?;
    let functions = functions(&runners)?;
    let progress = Progress::on_standard_error(functions.len() as u64 * plan.targets.len() as u64);
    let mut images: BTreeMap<String, BTreeMap<String, Image>> = BTreeMap::new();
    let subjects_of_plan = workloads::functions(&plan.functions)?;
    for (target, platform) in sites.platforms() {
        inputs::bring(target, &subjects_of_plan, &plan.sizes, plan.seed, &progress)
            .await
            .inspect_err(|_| progress.finish())?;
        let options = Options { kind: Some(platform.image_kind()), ..Options::default() };
        let built = packages::build(&functions, target.platform, options, folders, &progress).await;
        let built = built.inspect_err(|_| progress.finish())?;
        let by_function = functions.iter().map(|function| function.name.to_owned());
        images.insert(target.name.clone(), by_function.zip(built.into_iter().map(|built| built.image)).collect());
        progress.steps(functions.len() as u64);
    }
    progress.finish();
    let engine = |image: &Image| if image.kind.is_wasm() { "wasm" } else { "native" };
    let engines = images.iter().filter_map(|(target, images)| Some((target.clone(), engine(images.values().next()?))));
    let engines: BTreeMap<String, &'static str> = engines.collect();
    let of_images = code::of_images(&images);
    let sites = sites.sites(images);

    let environment = environment::collect();
    let command: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let recorder = match &work.earlier {
        Some(earlier) => {
            let recorder = store.resume_run(earlier).await.map_err(store::failure)?;
            let text = format!("resumed by: {}", report::shell_words(&command));
            recorder.note(Level::Remark, text).map_err(Failure::ours)?;
            note_changes(earlier, &environment, &of_images, &recorder)?;
            remove_left_over(earlier, store, &sites).await;
            recorder
        }
        None => {
            let new = NewRun {
                label: arguments.label.clone(),
                command,
                plan: serde_json::to_value(plan).map_err(Failure::ours)?,
                environment: serde_json::to_value(&environment).map_err(Failure::ours)?,
                images: json!(of_images),
                seed: plan.seed,
                version: env!("CARGO_PKG_VERSION").to_owned(),
            };
            store.create_run(new).await.map_err(store::failure)?
        }
    };
    for warning in environment.warnings() {
        // It was taken, or the first measurement says that nothing is.
        let _ = recorder.note(Level::Warning, warning);
    }
    let (earlier, client) = match &work.earlier {
        Some(run) => {
            let units = StoredUnits::read(store, run).await.map_err(store::failure)?;
            (units.earlier(), next_client(store, run).await.map_err(store::failure)?)
        }
        None => (Earlier::default(), 0),
    };
    let sink = StoreSink::new(recorder.clone(), Progress::silent(), engines, client);
    let came = carry_out(&runners, &sites, &earlier, &recorder, sink, store).await;
    conclude(arguments, came, &recorder, store).await
}

/// Notes what is not as it was when the run began.
fn note_changes(
    earlier: &Run,
    environment: &Environment,
    images: &[serde_json::Value],
    recorder: &Recorder,
) -> Result<(), Failure> {
    let now = serde_json::to_value(environment).map_err(Failure::ours)?;
    for difference in report::environment_differences(&earlier.environment, &now) {
        let text = format!(
            "when it was resumed, {} was no longer {} but {}: figures of before and after mix the two",
            difference.name, difference.baseline, difference.candidate
        );
        recorder.note(Level::Warning, text).map_err(Failure::ours)?;
    }
    if earlier.images != json!(images) {
        let text = "when it was resumed, the images were others than before: figures of before and after mix the two";
        recorder.note(Level::Warning, text).map_err(Failure::ours)?;
    }
    Ok(())
}

/// Removes what the run had deployed when it was cut: its names are needed again. What it had on another machine is not within
/// reach: this one would find nothing there and take it for removed.
async fn remove_left_over(earlier: &Run, store: &Store, sites: &[Site]) {
    let ledger = store.ledger();
    for entry in ledger.deployments_of(earlier.number).await.unwrap_or_default() {
        if !ledger.is_within_reach(entry.host.as_deref()) {
            let host = entry.host.as_deref().unwrap_or_default();
            eprintln!("{} is still there from before, on the machine {host}: undeploy it there", entry.name);
            continue;
        }
        let site = sites.iter().find(|site| is_of(&entry, &*site.platform));
        if let Some(site) = site
            && let Err(error) = deployments::remove(&*site.platform, &ledger, &entry.id).await
        {
            eprintln!("{} is still there from before: {error}", entry.name);
        }
    }
    ledger.close().await;
}

/// The functions that the experiments need.
fn functions(runners: &[Runner<'_>]) -> Result<Vec<&'static Function>, Failure> {
    let names: Vec<String> = runners.iter().flat_map(Runner::functions).collect();
    // No name would mean all.
    if names.is_empty() { Ok(Vec::new()) } else { workloads::functions(&names) }
}

/// What came of every experiment that was begun, by its name.
type Came = Vec<(String, Summary)>;

async fn carry_out(
    runners: &[Runner<'_>],
    sites: &[Site],
    earlier: &Earlier,
    recorder: &Recorder,
    sink: StoreSink,
    store: &Store,
) -> Result<Came, Failure> {
    let (cut, stop) = watch::channel(false);
    let signals = tokio::spawn(watch_signals(cut));
    let units = runners.iter().map(|runner| runner.units().len() as u64).sum();
    let progress = Progress::on_standard_error(units);
    let ledger = Arc::new(store.ledger());
    let deployer = LedgerDeployer::new(ledger.clone(), recorder.run().number);
    let sink = sink.telling(progress.clone());
    let mut came = Vec::new();
    let mut failed = None;
    for runner in runners {
        let summary = runner.run(sites, earlier, &sink, &deployer, stop.clone(), |event| show(&progress, &event)).await;
        let stored = summary.and_then(|summary| {
            summary.finding.as_ref().map_or(Ok(()), |finding| sink.finding(finding)).map(|()| summary)
        });
        match stored {
            Ok(summary) => {
                let is_stopped = summary.stopped;
                came.push((runner.name().to_owned(), summary));
                if is_stopped {
                    break;
                }
            }
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    progress.finish();
    signals.abort();
    for site in sites {
        if let Some(repeated @ 1..) = site.platform.repeated_requests() {
            let text = format!(
                "{repeated} requests to the interface of {} had to be made again (no calls of functions: those never are)",
                site.target
            );
            // The run is what counts.
            let _ = recorder.note(Level::Remark, text);
        }
    }
    ledger.close().await;
    match failed {
        None => Ok(came),
        Some(error) => {
            // What was written before stays; the run is marked as what it is.
            let _ = recorder.finish(RunStatus::Failed).await;
            Err(Failure::ours(error))
        }
    }
}

fn show(progress: &Progress, event: &Event<'_>) {
    match event {
        Event::Begins(_, _, unit) => {
            progress.doing(format!("{}: {} on {}, {}", unit.experiment, unit.function, unit.target, unit.variant));
        }
        Event::Done(_) | Event::DoneBefore(_) => progress.step(),
        Event::Failed(unit, why) => {
            progress.step();
            progress.line(&format!(
                "{} of {} on {} ({}) was not measured: {why}",
                unit.experiment, unit.function, unit.target, unit.variant
            ));
        }
        Event::NotRemoved(unit, why) => progress.line(&format!("{}: {why}", unit.target)),
        Event::LeftOut(target, why) => progress.line(&format!("{target} is left out: {why}")),
    }
}

async fn conclude(
    arguments: &RunArguments,
    came: Result<Came, Failure>,
    recorder: &Recorder,
    store: &Store,
) -> Result<(), Failure> {
    let came = came?;
    let is_stopped = came.iter().any(|(_, summary)| summary.stopped);
    let is_whole = came.iter().all(|(_, summary)| summary.failed.is_empty());
    let status = match (is_stopped, is_whole) {
        (true, _) => RunStatus::Interrupted,
        // What failed is tried again by --resume.
        (false, false) => RunStatus::Failed,
        (false, true) => RunStatus::Complete,
    };
    recorder.finish(status).await.map_err(Failure::ours)?;
    let run = store.run(&recorder.run().id).await.map_err(Failure::ours)?;
    let report = report::collect(store, &run).await.map_err(Failure::ours)?;
    if arguments.json {
        exit::print_json(&report)?;
    } else {
        let mut text = report::render(&report, None, terminal::width());
        let _ = writeln!(text, "run {}; kept in {}", run.id, arguments.results.location);
        let _ = writeln!(text, "`faasbench report {}` makes a page with plots of it", run.id);
        exit::print(&text)?;
    }
    if is_stopped {
        return Err(Failure::Interrupted(format!(
            "interrupted; what was measured is kept as run {} in {}; `faasbench run --resume {}` goes on",
            run.id, arguments.results.location, run.id
        )));
    }
    let failed: usize = came.iter().map(|(_, summary)| summary.failed.len()).sum();
    let left: Vec<&String> = came.iter().flat_map(|(_, summary)| &summary.not_removed).collect();
    let nothing: Vec<&str> =
        came.iter().filter(|(_, summary)| summary.finding.is_none()).map(|(name, _)| name.as_str()).collect();
    match (failed, left.first(), nothing.as_slice()) {
        (0, None, []) => match came.iter().map(|(_, summary)| summary.exit_code).max() {
            None | Some(0) => Ok(()),
            // The answer above says what it is.
            Some(code) => Err(Failure::Verdict(code)),
        },
        (0, Some(first), _) => Err(Failure::Ours(anyhow!("something that was deployed is still there: {first}"))),
        (0, None, names) => Err(Failure::Ours(anyhow!("nothing was measured for {}", names.join(", ")))),
        (failed, ..) if failed == came.iter().map(|(_, summary)| summary.mistaken).sum::<usize>() => {
            Err(Failure::Users(anyhow!(
                "{failed} parts of the plan can't be carried out as they were asked; they are named above with what is accepted"
            )))
        }
        (failed, ..) => Err(Failure::Ours(anyhow!(
            "{failed} parts of the plan were not measured; they are named above; `faasbench run --resume {}` tries them again",
            run.id
        ))),
    }
}
