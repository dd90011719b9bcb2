//! The requests of a load, one by one, in the results.

use std::ffi::OsString;

use load::RequestRecord;
use serde_json::json;

use super::arguments::LoadArguments;
use super::exit::Failure;
use super::{environment, store};
use crate::probe::clock::unix_ns;
use crate::results::row::{Invocation, Outcome};
use crate::results::{NewRun, Recorder, RunStatus, Store};

/// What the experiment of such a run is called.
const EXPERIMENT: &str = "load";
/// Why there is no processor time.
const NO_PROCESSOR_TIME: &str = "what answers is out of sight";

/// A run that takes the requests of a load.
pub(super) struct Requests {
    recorder: Recorder,
    target: String,
    begin_unix_ns: i64,
    /// The first thing that went wrong.
    trouble: Option<String>,
}

impl Requests {
    /// Begins the run.
    pub(super) async fn begin(
        results: &Store,
        arguments: &LoadArguments,
        words: &[OsString],
        url: &str,
        pace: &str,
    ) -> Result<Requests, Failure> {
        let new = NewRun {
            label: arguments.label.clone(),
            command: words.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
            plan: json!({ "load": { "url": url, "pace": pace, "seconds": arguments.length.as_secs_f64() } }),
            environment: serde_json::to_value(environment::collect()).map_err(Failure::ours)?,
            images: json!([]),
            seed: arguments.seed,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let recorder = results.create_run(new).await.map_err(store::failure)?;
        let begin_unix_ns = i64::try_from(unix_ns()).unwrap_or(i64::MAX);
        Ok(Requests { recorder, target: arguments.target.clone(), begin_unix_ns, trouble: None })
    }

    /// Takes requests that have ended.
    pub(super) fn take(&mut self, records: &[RequestRecord]) {
        for record in records {
            let row = (self.recorder.reserve(), self.row(record));
            match self.recorder.record(row) {
                Err(error) if !error.was_taken() => {
                    self.trouble.get_or_insert_with(|| error.to_string());
                }
                _ => {}
            }
        }
    }

    /// Ends the run.
    pub(super) async fn end(self, is_complete: bool) -> Result<(), Failure> {
        let status = if is_complete { RunStatus::Complete } else { RunStatus::Interrupted };
        self.recorder.finish(status).await.map_err(Failure::ours)?;
        eprintln!("every request is kept as run {}", self.recorder.run().id);
        match self.trouble {
            None => Ok(()),
            Some(trouble) => Err(Failure::Ours(anyhow::anyhow!("not all requests were kept: {trouble}"))),
        }
    }

    fn row(&self, record: &RequestRecord) -> Invocation {
        let at = |since_ns: u64| self.begin_unix_ns.saturating_add(i64::try_from(since_ns).unwrap_or(i64::MAX));
        let outcome = match record.failure {
            None => Outcome::Ok { result_digest: None },
            Some(failure) => Outcome::Error { kind: "load".to_owned(), message: failure.to_string() },
        };
        Invocation {
            experiment: EXPERIMENT.to_owned(),
            function: self.target.clone(),
            size: "load".to_owned(),
            engine: "native".to_owned(),
            platform: self.target.clone(),
            deployment: None,
            process: None,
            round: 0,
            repetition: u32::try_from(record.index).unwrap_or(u32::MAX),
            is_cold: record.instance.as_ref().is_some_and(|(_, is_cold)| *is_cold),
            intended_unix_ns: Some(at(record.intended_ns)),
            start_unix_ns: at(record.sent_ns),
            wall_ns: Some(record.end_ns.saturating_sub(record.sent_ns)),
            user_ns: None,
            system_ns: None,
            time_absent_reason: Some(NO_PROCESSOR_TIME.to_owned()),
            outcome,
            instance_identifier: record.instance.as_ref().map(|(instance, _)| instance.clone()),
            response: None,
        }
    }
}
