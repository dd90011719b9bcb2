//! The requests of a load, one by one, in the results.

use std::ffi::OsString;

use load::RequestRecord;
use serde_json::json;

use super::arguments::LoadArguments;
use super::exit::Failure;
use super::{environment, store};
use crate::probe::clock::unix_ns;
use crate::results::row::{Invocation, Labels, Metric, Outcome, Reading};
use crate::results::{NewRun, Recorder, Row, RunStatus, Store};

/// What the experiment of such a run is called.
const EXPERIMENT: &str = "load";
/// Why there is no processor time.
const NO_PROCESSOR_TIME: &str = "what answers is out of sight";
/// The engine of what answers at an address that was given.
const UNKNOWN_ENGINE: &str = "unknown";

/// What a load calls, as its requests are labelled.
pub(super) struct Called {
    /// The lab function; for an address that was given, the address.
    pub(super) function: String,
    /// The target; for an address that was given, the address.
    pub(super) target: String,
    /// How its code runs: `native`, `wasm`, or [`UNKNOWN_ENGINE`].
    pub(super) engine: String,
}

impl Called {
    /// An address of which nothing more is known.
    pub(super) fn at(address: &str) -> Called {
        let address = without_query(address).to_owned();
        Called { function: address.clone(), target: address, engine: UNKNOWN_ENGINE.to_owned() }
    }
}

/// A run that takes the requests of a load.
pub(super) struct Requests {
    recorder: Recorder,
    called: Called,
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
        (called, url): (Called, &str),
        pace: &str,
    ) -> Result<Requests, Failure> {
        let new = NewRun {
            label: arguments.label.clone(),
            command: without_secrets(words),
            plan: json!({ "load": { "url": without_query(url), "pace": pace, "seconds": arguments.length.as_secs_f64() } }),
            environment: serde_json::to_value(environment::collect()).map_err(Failure::ours)?,
            images: json!([]),
            seed: arguments.seed,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let recorder = results.create_run(new).await.map_err(store::failure)?;
        let begin_unix_ns = i64::try_from(unix_ns()).unwrap_or(i64::MAX);
        Ok(Requests { recorder, called, begin_unix_ns, trouble: None })
    }

    /// Takes requests that have ended.
    pub(super) fn take(&mut self, records: &[RequestRecord]) {
        for record in records {
            let id = self.recorder.reserve();
            self.record((id, self.row(record)));
            let since_sent = |at_ns: u64| at_ns.saturating_sub(record.sent_ns) as f64;
            let metrics = [
                ("connect", record.connect_ns.map(|ns| ns as f64), "ns"),
                ("first-byte", record.first_byte_ns.map(since_sent), "ns"),
                ("http-status", record.status.map(f64::from), "1"),
                ("body", Some(record.body_bytes as f64), "bytes"),
            ];
            for (name, value, unit) in metrics {
                if let Some(value) = value {
                    self.record(Metric {
                        invocation: Some(id),
                        name: name.to_owned(),
                        value: Reading::Value(value),
                        unit: unit.to_owned(),
                        labels: Labels::new(),
                    });
                }
            }
        }
    }

    fn record(&mut self, row: impl Into<Row>) {
        match self.recorder.record(row) {
            Err(error) if !error.was_taken() => {
                self.trouble.get_or_insert_with(|| error.to_string());
            }
            _ => {}
        }
    }

    /// Ends the run. `dropped`: requests that were due and not sent, as too many were under way.
    pub(super) async fn end(mut self, is_complete: bool, dropped: Option<u64>) -> Result<(), Failure> {
        if let Some(dropped) = dropped {
            self.record(Metric {
                invocation: None,
                name: "dropped".to_owned(),
                value: Reading::Value(dropped as f64),
                unit: "1".to_owned(),
                labels: Labels::new(),
            });
        }
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
            function: self.called.function.clone(),
            size: "load".to_owned(),
            engine: self.called.engine.clone(),
            platform: self.called.target.clone(),
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

/// An address without its query, which may hold a key.
fn without_query(address: &str) -> &str {
    address.split_once('?').map_or(address, |(address, _)| address)
}

/// The command line without what may be a secret: values of headers, queries, bodies.
fn without_secrets(words: &[OsString]) -> Vec<String> {
    const SECRET: [&str; 3] = ["-H", "--header", "--payload"];
    let mut kept = Vec::new();
    let mut is_value = false;
    for word in words {
        let word = word.to_string_lossy();
        if is_value {
            kept.push("(not kept)".to_owned());
            is_value = false;
            continue;
        }
        is_value = SECRET.contains(&&*word);
        let flag = SECRET.iter().find(|flag| word.len() > flag.len() && word.starts_with(**flag));
        kept.push(match flag {
            Some(flag) => format!("{flag} (not kept)"),
            None => without_query(&word).to_owned(),
        });
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_the_command_line_are_not_kept() {
        let words = [
            "faasbench",
            "load",
            "http://h/f?code=KEY",
            "-H",
            "Authorization: Bearer KEY",
            "--header=A: KEY",
            "-HA: KEY",
        ];
        let kept = without_secrets(&words.map(OsString::from)).join(" ");
        assert!(!kept.contains("KEY") && kept.contains("http://h/f") && kept.contains("--header"), "{kept}");
    }
}
