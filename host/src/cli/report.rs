//! `faasbench report`.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use serde_json::json;

use super::arguments::ReportArguments;
use super::exit::{self, Failure};
use super::replacement::write;
use super::{compare, store};
use crate::report::html::{self, PageOptions, PageRun};
use crate::report::{self, RunDetail, RunReport, plot};
use crate::results::{Run, RunStatus, Store};

/// How often a watched report is made anew.
const WATCH_EVERY: Duration = Duration::from_secs(3);

pub(super) async fn execute(arguments: &ReportArguments) -> Result<(), Failure> {
    store::existing(&arguments.results.location, async |results| report(arguments, results).await).await
}

async fn report(arguments: &ReportArguments, results: &Store) -> Result<(), Failure> {
    let wanted = if arguments.runs.is_empty() { vec!["latest".to_owned()] } else { arguments.runs.clone() };
    let mut ids = Vec::new();
    for wanted in &wanted {
        let run = store::run(results, wanted).await?;
        if !ids.contains(&run.id) {
            ids.push(run.id);
        }
    }
    let mut opened = false;
    loop {
        let made = make(results, &ids, arguments).await?;
        if arguments.open && !opened {
            opened = true;
            open(&arguments.output)?;
        }
        if !(made.running && arguments.watch) {
            return finish(arguments, &made);
        }
        let interrupted = tokio::select! {
            _ = tokio::signal::ctrl_c() => true,
            () = tokio::time::sleep(WATCH_EVERY) => false,
        };
        if interrupted {
            return finish(arguments, &made);
        }
    }
}

/// What was written.
struct Made {
    running: bool,
    plots: Vec<PathBuf>,
}

async fn make(results: &Store, ids: &[String], arguments: &ReportArguments) -> Result<Made, Failure> {
    let mut runs: Vec<Run> = Vec::new();
    let mut collected: Vec<(RunReport, RunDetail)> = Vec::new();
    for id in ids {
        let run = store::run(results, id).await?;
        collected.push(report::collect_with_detail(results, &run).await.map_err(Failure::ours)?);
        runs.push(run);
    }
    let running = runs.iter().any(|run| run.status == RunStatus::Running);
    let comparisons = compare::sections(results, &runs).await?;
    let pages: Vec<PageRun<'_>> = collected.iter().map(|(report, detail)| PageRun { report, detail }).collect();
    let options = PageOptions {
        refresh_seconds: (running && arguments.watch).then_some(WATCH_EVERY.as_secs() as u32),
        generated_unix_ns: now(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let text = html::render(&pages, &comparisons, &options).map_err(Failure::ours)?;
    write(&arguments.output, text.as_bytes())?;
    let mut plots = Vec::new();
    if let Some(folder) = &arguments.plots {
        for (report, detail) in &collected {
            let folder = if collected.len() > 1 { folder.join(&report.run.id) } else { folder.clone() };
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("could not make the folder {}", folder.display()))
                .map_err(Failure::users)?;
            for file in plot::files(report, detail) {
                let file = file.map_err(Failure::ours)?;
                let (svg, png) = (folder.join(format!("{}.svg", file.name)), folder.join(format!("{}.png", file.name)));
                write(&svg, file.svg.as_bytes())?;
                write(&png, &file.png)?;
                plots.extend([svg, png]);
            }
        }
    }
    Ok(Made { running, plots })
}

fn finish(arguments: &ReportArguments, made: &Made) -> Result<(), Failure> {
    if arguments.json {
        return exit::print_json(&json!({ "report": arguments.output, "plots": made.plots }));
    }
    let mut text = format!("wrote {}\n", arguments.output.display());
    if let Some(folder) = &arguments.plots {
        text.push_str(&format!("wrote {} plots into {}\n", made.plots.len(), folder.display()));
    }
    exit::print(&text)
}

fn open(path: &Path) -> Result<(), Failure> {
    let path = std::path::absolute(path).map_err(Failure::ours)?;
    open::that_detached(&path)
        .with_context(|| format!("{} is written, and no browser could be started for it", path.display()))
        .map_err(Failure::ours)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
