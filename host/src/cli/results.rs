//! `faasbench results`.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal};

use anyhow::anyhow;
use comfy_table::presets::NOTHING;
use comfy_table::{Table, TableComponent};
use serde_json::json;

use super::arguments::{ResultsCommand, ResultsLocation};
use super::exit::{self, Failure};
use super::{store, terminal};
use crate::experiment::Progress;
use crate::results::row::{Counter, Invocation, Level, Metric, NestedRecord, Note, Sample};
use crate::results::{Filter, ListedRun, Location, Run, RunStatus, Store};

pub(super) async fn execute(command: ResultsCommand) -> Result<(), Failure> {
    match command {
        ResultsCommand::List { results, json } => list(&results, json).await,
        ResultsCommand::Show { run, results, json } => show(&run, &results, json).await,
        ResultsCommand::Note { run, text, results } => note(&run, &text, &results).await,
        ResultsCommand::Delete { runs, yes, results } => delete(&runs, yes, &results).await,
        ResultsCommand::Import { from, runs, results } => import(&from, &runs, &results).await,
    }
}

fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Complete => "complete",
        RunStatus::Failed => "failed",
        RunStatus::Interrupted => "interrupted",
    }
}

async fn list(results: &ResultsLocation, json: bool) -> Result<(), Failure> {
    let store = store::existing(results).await?;
    let runs = store.list_runs().await.map_err(store::failure)?;
    let mut listed = Vec::new();
    for run in runs {
        listed.push(ListedRun::of(&store, &run).await.map_err(store::failure)?);
    }
    if json {
        return exit::print_json(&listed);
    }
    if listed.is_empty() {
        return exit::print("no run is stored yet; `faasbench run` makes one\n");
    }
    let mut table = Table::new();
    table.load_preset(NOTHING).set_style(TableComponent::HeaderLines, '─');
    table.set_header(["run", "begun", "status", "invocations", "label", "command"]);
    for run in &listed {
        table.add_row([
            run.id.clone(),
            terminal::local_time(run.created_unix_ns),
            status(run.status).to_owned(),
            run.invocations.to_string(),
            run.label.clone().unwrap_or_default(),
            crate::report::shell_words(run.command.get(1..).unwrap_or_default()),
        ]);
    }
    exit::print(&format!("{table}\n"))
}

/// How many rows of each kind a run has.
async fn counts(store: &Store, run: &Run) -> Result<Vec<(&'static str, u64)>, Failure> {
    let all = Filter::default();
    Ok(vec![
        ("invocations", store.count::<Invocation>(run.number, &all).await.map_err(store::failure)?),
        ("records", store.count::<NestedRecord>(run.number, &all).await.map_err(store::failure)?),
        ("samples", store.count::<Sample>(run.number, &all).await.map_err(store::failure)?),
        ("counters", store.count::<Counter>(run.number, &all).await.map_err(store::failure)?),
        ("metrics", store.count::<Metric>(run.number, &all).await.map_err(store::failure)?),
        ("notes", store.count::<Note>(run.number, &all).await.map_err(store::failure)?),
    ])
}

async fn show(wanted: &str, results: &ResultsLocation, json: bool) -> Result<(), Failure> {
    let store = store::existing(results).await?;
    let run = store::run(&store, wanted).await?;
    let counts = counts(&store, &run).await?;
    let notes = store.rows::<Note>(run.number, &Filter::default()).await.map_err(store::failure)?;
    if json {
        let rows: serde_json::Map<String, _> = counts.iter().map(|(name, n)| ((*name).to_owned(), json!(n))).collect();
        return exit::print_json(&json!({ "run": run, "rows": rows, "notes": notes }));
    }
    let mut text = String::new();
    // A String takes all that is written to it.
    let _ = writeln!(text, "run      {}", run.id);
    if let Some(label) = &run.label {
        let _ = writeln!(text, "label    {label}");
    }
    let _ = writeln!(text, "status   {}", status(run.status));
    let _ = writeln!(text, "begun    {}", terminal::local_time(run.created_unix_ns));
    if let Some(finished) = run.finished_unix_ns {
        let _ = writeln!(text, "ended    {}", terminal::local_time(finished));
    }
    let _ = writeln!(text, "command  {}", crate::report::shell_words(&run.command));
    let _ = writeln!(text, "version  {}", run.version);
    let _ = writeln!(text, "seed     {}", run.seed);
    let rows: Vec<String> = counts.iter().map(|(name, n)| format!("{n} {name}")).collect();
    let _ = writeln!(text, "rows     {}", rows.join(", "));
    for image in run.images.as_array().into_iter().flatten() {
        let field = |name: &str| image[name].as_str().unwrap_or_default().to_owned();
        let _ = writeln!(text, "image    {} {} {}", field("function"), field("engine"), field("digest"));
    }
    for note in notes {
        let level = match note.row.level {
            Level::Remark => "remark",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        let _ = writeln!(text, "{level:8} {}", note.row.text);
    }
    let _ = writeln!(text, "\nthe plan and the machine are in `faasbench results show {} --json`", run.id);
    exit::print(&text)
}

async fn note(wanted: &str, text: &str, results: &ResultsLocation) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(Failure::Users(anyhow!("the remark is empty")));
    }
    let store = store::existing(results).await?;
    let run = store::run(&store, wanted).await?;
    store.add_note(&run, Level::Remark, text).await.map_err(store::failure)?;
    store.close().await;
    Ok(())
}

async fn delete(wanted: &[String], yes: bool, results: &ResultsLocation) -> Result<(), Failure> {
    let store = store::existing(results).await?;
    let mut runs = Vec::new();
    for wanted in wanted {
        let run = store::run(&store, wanted).await?;
        if !runs.iter().any(|other: &Run| other.id == run.id) {
            runs.push(run);
        }
    }
    for run in &runs {
        let described = format!("run {} of {}", run.id, terminal::local_time(run.created_unix_ns));
        if !yes && !confirmed(&described)? {
            eprintln!("{described} was kept");
            continue;
        }
        let rows = store.delete_run(run).await.map_err(store::failure)?;
        exit::print(&format!("deleted {described}: {rows} rows\n"))?;
    }
    store.close().await;
    Ok(())
}

fn confirmed(what: &str) -> Result<bool, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::Users(anyhow!("not deleted: there is nobody to ask; --yes deletes without asking")));
    }
    eprint!("delete {what} and all that it recorded? [y/N] ");
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(Failure::ours)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

async fn import(from: &Location, wanted: &[String], results: &ResultsLocation) -> Result<(), Failure> {
    if *from == results.location {
        return Err(Failure::Users(anyhow!("{from} can't be imported into itself; say where to by --results")));
    }
    let source = Store::open_existing(from).await.map_err(store::failure)?;
    let runs = if wanted.is_empty() {
        let mut runs = source.list_runs().await.map_err(store::failure)?;
        runs.reverse();
        runs
    } else {
        let mut runs = Vec::new();
        for wanted in wanted {
            runs.push(store::run(&source, wanted).await?);
        }
        runs
    };
    let target = store::writable(results).await?;
    let mut rows = 0;
    for run in &runs {
        rows += counts(&source, run).await?.iter().map(|(_, n)| n).sum::<u64>();
    }
    let progress = Progress::on_standard_error(rows);
    let mut skipped = 0;
    for run in &runs {
        if run.status == RunStatus::Running {
            progress.line(&format!("run {} is still running and was not imported", run.id));
            skipped += 1;
            continue;
        }
        progress.doing(format!("run {}", run.id));
        let mut seen = 0;
        let imported = target.import(&source, run, |now| {
            progress.steps(now.rows.saturating_sub(seen));
            seen = now.rows;
        });
        let imported = imported.await.map_err(store::failure)?;
        progress.line(&format!(
            "run {}: {} rows imported, {} were there",
            run.id, imported.rows_added, imported.rows_present
        ));
    }
    progress.finish();
    target.close().await;
    source.close().await;
    match skipped {
        0 => Ok(()),
        n => Err(Failure::Ours(anyhow!("{n} runs were not imported; they are named above"))),
    }
}
