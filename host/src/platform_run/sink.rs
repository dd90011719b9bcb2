//! What experiments measure, into the store.

use std::collections::BTreeMap;

use experiments::{Call, CallNumber, Finding, Measured, Outcome as UnitOutcome, Sink, SinkError, Span, Unit};
use platform::DeploymentId;
use serde::Serialize;

use super::outcomes::{FINDING, SPAN, StoredUnit, UNIT, UNIT_SO_FAR};
use crate::experiment::Progress;
use crate::results::row::{Document, Invocation, Level, Metric, NestedRecord, Outcome, Reading, Sample};
use crate::results::{InvocationId, Recorder, Row};
use crate::workload::result_digest;

/// Why there is no processor time.
const NO_PROCESSOR_TIME: &str = "the platform's instance is out of this machine's sight";

/// Why it is not known whether a call was cold; the row then says that it was not.
const NOTHING_SAYS: &str = "no instance said which of its invocations this was";

/// Writes to a run.
pub struct StoreSink {
    recorder: Recorder,
    progress: Progress,
    /// `native` or `wasm`, by target.
    engines: BTreeMap<String, &'static str>,
    /// Which of the processes that carried out this run makes the calls, from 0.
    client: u32,
}

impl StoreSink {
    /// Writes to `recorder`, and says on `progress` what goes wrong meanwhile. `engines`: what images of each target run on; `client`:
    /// how often the run was gone on with.
    pub fn new(
        recorder: Recorder,
        progress: Progress,
        engines: BTreeMap<String, &'static str>,
        client: u32,
    ) -> StoreSink {
        StoreSink { recorder, progress, engines, client }
    }

    /// The same, saying on `progress` what goes wrong.
    pub fn telling(self, progress: Progress) -> StoreSink {
        StoreSink { progress, ..self }
    }

    /// Stores an experiment's answer.
    ///
    /// # Errors
    /// When it was not taken.
    pub fn finding(&self, finding: &Finding) -> Result<(), SinkError> {
        self.document(&finding.experiment, FINDING, &finding.experiment, finding)
    }

    fn document(&self, experiment: &str, kind: &str, name: &str, document: &impl Serialize) -> Result<(), SinkError> {
        let document = serde_json::to_string(document).map_err(|error| SinkError(error.to_string()))?;
        self.record(Document {
            invocation: None,
            experiment: experiment.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            document,
        })
    }

    /// Stores what a unit measured; when this has returned it is durable.
    fn unit(&self, kind: &str, unit: &Unit, part: u32, measured: &serde_json::Value) -> Result<(), SinkError> {
        let outcome = UnitOutcome { unit: unit.clone(), measured: measured.clone(), cut: None };
        self.document(&unit.experiment, kind, &unit.key(), &StoredUnit { outcome, client: self.client, part })?;
        // The writer is a thread of its own, so its answer comes whatever this one does.
        match pollster::block_on(self.recorder.flush()) {
            Err(error) if !error.was_taken() => Err(SinkError(error.to_string())),
            Err(error) => {
                self.progress.line(&format!("warning: {error}"));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn record(&self, row: impl Into<Row>) -> Result<(), SinkError> {
        match self.recorder.record(row) {
            // It was taken, and is late.
            Err(error) if error.was_taken() => {
                self.progress.line(&format!("warning: {error}"));
                Ok(())
            }
            Err(error) => Err(SinkError(error.to_string())),
            Ok(()) => Ok(()),
        }
    }

    fn nested(&self, id: InvocationId, response: &serde_json::Value) -> Result<(), SinkError> {
        let Some(records) = response["records"].as_object().filter(|records| records.len() > 1) else {
            return Ok(());
        };
        for (identifier, record) in records {
            self.record(NestedRecord::of(id, identifier, record))?;
        }
        Ok(())
    }
}

impl Sink for StoreSink {
    fn call(&self, unit: &Unit, _: &DeploymentId, call: &Call) -> Result<CallNumber, SinkError> {
        let id = self.recorder.reserve();
        let response = call.response();
        let outcome = match &call.failure {
            Some(failure) => Outcome::Error { kind: failure.kind.clone(), message: failure.message.clone() },
            None => {
                let answer = call.answer.as_ref().and_then(|answer| answer.response().ok());
                Outcome::Ok { result_digest: answer.and_then(result_digest) }
            }
        };
        let late_ns = call.sent_ns.zip(call.intended_ns).map(|(sent, due)| sent.saturating_sub(due));
        let signed = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
        self.record((
            id,
            Invocation {
                experiment: unit.experiment.clone(),
                function: unit.function.clone(),
                size: unit.size.clone(),
                engine: self.engines.get(&unit.target).copied().unwrap_or("native").to_owned(),
                platform: unit.target.clone(),
                deployment: None,
                process: Some(self.client),
                round: unit.round,
                repetition: call.repetition,
                is_cold: call.is_cold().unwrap_or(false),
                intended_unix_ns: late_ns.map(|late| signed(call.start_unix_ns.saturating_sub(late))),
                start_unix_ns: signed(call.start_unix_ns),
                wall_ns: Some(call.total_ns),
                user_ns: None,
                system_ns: None,
                time_absent_reason: Some(NO_PROCESSOR_TIME.to_owned()),
                outcome,
                instance_identifier: call.instance().map(|instance| instance.id.clone()),
                response: None,
            },
        ))?;
        self.nested(id, &response)?;
        let number = CallNumber(id.get());
        let labels = [("label", call.label.as_str()), ("variant", unit.variant.as_str())];
        if call.is_cold().is_none() {
            self.metric(Some(number), "cold", Err(NOTHING_SAYS.to_owned()), "1", &labels)?;
        }
        if let Some(answer) = &call.answer {
            let times = [
                ("queue", answer.timings.queue_ns),
                ("start-instance", answer.timings.start_instance_ns),
                ("execution", answer.timings.execution_ns),
                ("connect", answer.timings.connect_ns),
                ("first-byte", answer.timings.first_byte_ns),
            ];
            for (name, ns) in times {
                if let Some(ns) = ns {
                    self.metric(Some(number), name, Ok(ns as f64), "ns", &labels)?;
                }
            }
            if let Some(billing) = &answer.billing {
                self.metric(Some(number), "billed", Ok(billing.billed_us as f64), "us", &labels)?;
            }
        }
        Ok(number)
    }

    fn metric(
        &self,
        call: Option<CallNumber>,
        name: &str,
        value: Measured,
        unit: &str,
        labels: &[(&str, &str)],
    ) -> Result<(), SinkError> {
        self.record(Metric {
            invocation: call.map(|call| InvocationId::from_number(call.0)),
            name: name.to_owned(),
            value: reading(value),
            unit: unit.to_owned(),
            labels: owned(labels),
        })
    }

    fn sample(
        &self,
        series: &str,
        unix_ns: u64,
        value: Measured,
        unit: &str,
        labels: &[(&str, &str)],
    ) -> Result<(), SinkError> {
        self.record(Sample {
            invocation: None,
            series: series.to_owned(),
            unix_ns: i64::try_from(unix_ns).unwrap_or(i64::MAX),
            elapsed_ns: None,
            value: reading(value),
            unit: unit.to_owned(),
            labels: owned(labels),
        })
    }

    fn span(&self, unit: &Unit, span: &Span) -> Result<(), SinkError> {
        self.document(&unit.experiment, SPAN, &span.span_id, span)
    }

    fn note(&self, text: &str) -> Result<(), SinkError> {
        match self.recorder.note(Level::Warning, text) {
            Err(error) if !error.was_taken() => Err(SinkError(error.to_string())),
            _ => Ok(()),
        }
    }

    fn saved(&self, unit: &Unit, part: u32, measured: &serde_json::Value) -> Result<(), SinkError> {
        self.unit(UNIT_SO_FAR, unit, part, measured)
    }

    fn done(&self, unit: &Unit, measured: &serde_json::Value) -> Result<(), SinkError> {
        self.unit(UNIT, unit, 0, measured)
    }
}

fn reading(value: Measured) -> Reading<f64> {
    value.map_or_else(Reading::Absent, Reading::Value)
}

fn owned(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
