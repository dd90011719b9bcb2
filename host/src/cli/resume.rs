//! Going on with a run that was cut.

use anyhow::{Context, anyhow};

use super::arguments::RunArguments;
use super::exit::Failure;
use super::store;
use crate::environment::Environment;
use crate::experiment::{Done, Journal, Plan, Progress};
use crate::report;
use crate::results::row::Level;
use crate::results::{Recorder, Run, RunStatus, Store};

/// A run that was cut, and its plan.
pub(super) struct Earlier {
    pub(super) run: Run,
    pub(super) plan: Plan,
}

impl Earlier {
    /// Finds the run that the user names.
    pub(super) async fn find(wanted: &str, arguments: &RunArguments) -> Result<Earlier, Failure> {
        let run =
            store::existing(&arguments.results.location, async |results| store::run(results, wanted).await).await?;
        Earlier::check(&run)?;
        let plan: Plan = serde_json::from_value(run.plan.clone())
            .with_context(|| format!("the plan of run {} is of another version of faasbench ({})", run.id, run.version))
            .map_err(Failure::users)?;
        plan.validate().map_err(Failure::users)?;
        Ok(Earlier { run, plan })
    }

    /// Refuses a run whose process is at work.
    pub(super) fn check(run: &Run) -> Result<(), Failure> {
        if run.status == RunStatus::Running {
            return Err(Failure::Users(anyhow!(
                "run {} is still running (process {}); wait for it, or end that process",
                run.id,
                run.process.process_id
            )));
        }
        Ok(())
    }

    /// Takes the run over: what it has measured, and a recorder that goes on where it ended.
    pub(super) async fn go_on(
        &self,
        store: &Store,
        command: &[String],
        environment: &Environment,
    ) -> Result<(Recorder, Done), Failure> {
        let done = Done::read(store, &self.run).await.map_err(store::failure)?;
        let recorder = store.resume_run(&self.run).await.map_err(store::failure)?;
        let journal = Journal::new(&recorder, Progress::silent());
        let note = |level, text: String| journal.note(level, text).map_err(Failure::ours);
        note(
            Level::Remark,
            format!(
                "resumed after {} warm invocations by: {}",
                done.warm_invocations(),
                crate::report::shell_words(command)
            ),
        )?;
        let now = serde_json::to_value(environment).map_err(Failure::ours)?;
        for difference in report::environment_differences(&self.run.environment, &now) {
            note(
                Level::Warning,
                format!(
                    "when it was resumed, {} was no longer {} but {}: figures of before and after mix the two",
                    difference.name, difference.baseline, difference.candidate
                ),
            )?;
        }
        Ok((recorder, done))
    }
}
