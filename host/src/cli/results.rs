//! `faasbench results`.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal};

use anyhow::anyhow;
use comfy_table::presets::NOTHING;
use comfy_table::{Table, TableComponent};
use serde_json::json;

use super::arguments::ResultsCommand;
use super::exit::{self, Failure};
use super::{store, terminal};
use crate::experiment::Progress;
use crate::results::row::{Counter, Document, Invocation, Level, Metric, NestedRecord, Note, Sample};
use crate::results::{Filter, ListedRun, Run, RunStatus, Store};

pub(super) async fn execute(command: ResultsCommand) -> Result<(), Failure> {
    match command {
        ResultsCommand::List { results, json } => {
            store::existing(&results.location, async |store| list(store, json).await).await
        }
        ResultsCommand::Show { run, results, json } => {
            store::existing(&results.location, async |store| show(store, &run, json).await).await
        }
        ResultsCommand::Note { run, text, results } => {
            store::existing(&results.location, async |store| note(store, &run, &text).await).await
        }
        ResultsCommand::Delete { runs, yes, results } => {
            store::existing(&results.location, async |store| delete(store, &runs, yes).await).await
        }
        ResultsCommand::Import { from, runs, results } => {
            let to = results.location;
            if from == to {
                return Err(Failure::Users(anyhow!("{from} can't be imported into itself; say where to by --results")));
            }
            store::existing(&from, async |source| {
                store::writable(&to, async |target| import(source, target, &runs).await).await
            })
            .await
        }
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

async fn list(store: &Store, json: bool) -> Result<(), Failure> {
    let runs = store.list_runs().await.map_err(store::failure)?;
    let mut listed = Vec::new();
    for run in runs {
        listed.push(ListedRun::of(store, &run).await.map_err(store::failure)?);
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
        ("documents", store.count::<Document>(run.number, &all).await.map_err(store::failure)?),
        ("notes", store.count::<Note>(run.number, &all).await.map_err(store::failure)?),
    ])
}

async fn show(store: &Store, wanted: &str, json: bool) -> Result<(), Failure> {
    let run = store::run(store, wanted).await?;
    let counts = counts(store, &run).await?;
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

async fn note(store: &Store, wanted: &str, text: &str) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(Failure::Users(anyhow!("the remark is empty")));
    }
    let run = store::run(store, wanted).await?;
    store.add_note(&run, Level::Remark, text).await.map_err(store::failure)
}

async fn delete(store: &Store, wanted: &[String], yes: bool) -> Result<(), Failure> {
    let mut runs = Vec::new();
    for wanted in wanted {
        let run = store::run(store, wanted).await?;
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

async fn import(source: &Store, target: &Store, wanted: &[String]) -> Result<(), Failure> {
    let runs = if wanted.is_empty() {
        let mut runs = source.list_runs().await.map_err(store::failure)?;
        runs.reverse();
        runs
    } else {
        let mut runs = Vec::new();
        for wanted in wanted {
            runs.push(store::run(source, wanted).await?);
        }
        runs
    };
    let mut rows = 0;
    for run in &runs {
        rows += counts(source, run).await?.iter().map(|(_, n)| n).sum::<u64>();
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
        let imported = target.import(source, run, |now| {
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
    match skipped {
        0 => Ok(()),
        n => Err(Failure::Ours(anyhow!("{n} runs were not imported; they are named above"))),
    }
}
