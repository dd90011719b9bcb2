//! `faasbench show`.

use std::fmt::Write as _;

use super::arguments::ShowArguments;
use super::exit::{self, Failure};
use super::{store, terminal};
use crate::report::{self, RunReport};
use crate::results::{RunStatus, Store};

pub(super) async fn execute(arguments: &ShowArguments) -> Result<(), Failure> {
    store::existing(&arguments.results.location, async |results| show(arguments, results).await).await
}

async fn show(arguments: &ShowArguments, results: &Store) -> Result<(), Failure> {
    let run = store::run(results, &arguments.run).await?;
    if arguments.json {
        let report = report::collect(results, &run).await.map_err(Failure::ours)?;
        return exit::print_json(&report);
    }
    let (report, detail) = report::collect_with_detail(results, &run).await.map_err(Failure::ours)?;
    let mut text = heading(&report);
    text.push_str(&report::render(&report, Some(&detail), terminal::width()));
    for note in report.observations.iter().chain(&report.notes) {
        // A String takes all that is written to it.
        let _ = writeln!(text, "note: {note}");
    }
    exit::print(&text)
}

fn heading(report: &RunReport) -> String {
    let run = &report.run;
    let status = match run.status {
        RunStatus::Complete => "complete",
        RunStatus::Running => "still running",
        RunStatus::Failed => "failed: it holds what was measured until then",
        RunStatus::Interrupted => {
            "interrupted: it holds what was measured until then; `faasbench run --resume` goes on"
        }
    };
    let label = run.label.as_ref().map(|label| format!(" \"{label}\"")).unwrap_or_default();
    let begun = terminal::local_time(run.created_unix_ns);
    format!("run {}{label}, {begun}, {status}\n{}\n\n", run.id, crate::report::shell_words(&run.command))
}
