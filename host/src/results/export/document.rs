//! A whole run as one JSON document.

use std::io::Write;
use std::ops::ControlFlow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rows::ExportError;
use crate::results::row::{Counter, Document, Invocation, Metric, NestedRecord, Note, Sample};
use crate::results::{Filter, Run, Store, Stored, Table};

/// Name and version of the format; another version has another number.
pub const RUN_SCHEMA: &str = "faasbench.run/1";

/// Everything that is stored of a run. [`write_json`] writes it without ever holding it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunDocument {
    /// `faasbench.run/1`.
    pub schema: String,
    /// The run.
    pub run: Run,
    /// Calls of functions.
    pub invocations: Vec<Stored<Invocation>>,
    /// Records out of responses, of nested calls.
    pub records: Vec<Stored<NestedRecord>>,
    /// Time series.
    pub samples: Vec<Stored<Sample>>,
    /// Counted events.
    pub counters: Vec<Stored<Counter>>,
    /// Other numbers.
    pub metrics: Vec<Stored<Metric>>,
    /// What is no single number: what came of units, findings, parts of traces.
    #[serde(default)]
    pub documents: Vec<Stored<Document>>,
    /// Remarks.
    pub notes: Vec<Stored<Note>>,
}

/// Writes a [`RunDocument`], a row to a line.
///
/// # Errors
/// When the run can't be read or the output can't be written.
pub async fn write_json(store: &Store, run: &Run, filter: &Filter, mut output: impl Write) -> Result<(), ExportError> {
    write!(output, "{{\"schema\":{},\n\"run\":", serde_json::to_string(RUN_SCHEMA)?)?;
    serde_json::to_writer(&mut output, run)?;
    array::<Invocation>(store, run, filter, &mut output).await?;
    array::<NestedRecord>(store, run, filter, &mut output).await?;
    array::<Sample>(store, run, filter, &mut output).await?;
    array::<Counter>(store, run, filter, &mut output).await?;
    array::<Metric>(store, run, filter, &mut output).await?;
    array::<Document>(store, run, filter, &mut output).await?;
    array::<Note>(store, run, filter, &mut output).await?;
    output.write_all(b"}\n")?;
    output.flush()?;
    Ok(())
}

async fn array<T: Table>(
    store: &Store,
    run: &Run,
    filter: &Filter,
    output: &mut impl Write,
) -> Result<(), ExportError> {
    write!(output, ",\n\"{}\":[", T::NAME)?;
    let mut separator = "\n";
    let mut outcome: Result<(), ExportError> = Ok(());
    store
        .for_each::<T>(run.number, filter, |stored| {
            outcome = output
                .write_all(separator.as_bytes())
                .map_err(ExportError::from)
                .and_then(|()| Ok(serde_json::to_writer(&mut *output, &stored)?));
            separator = ",\n";
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .await?;
    outcome?;
    output.write_all(b"]")?;
    Ok(())
}
