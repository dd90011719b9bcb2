//! Invocations in the columns of SeBS's `result.csv`, for scripts that were written for it.
//!
//! The columns are those of its perf-cost experiment. Every time is in microseconds, where SeBS itself has the connection
//! time in seconds; `memory` and `mem_used` are in MB. What this program does not measure of an invocation is an empty
//! field. Three columns of ours follow, since one run has several functions.

use std::io::Write;
use std::ops::ControlFlow;

use super::rows::ExportError;
use crate::results::row::{Invocation, Outcome};
use crate::results::{Filter, Run, Store};

const COLUMNS: [&str; 11] = [
    "memory",
    "type",
    "is_cold",
    "exec_time",
    "connection_time",
    "client_time",
    "provider_time",
    "mem_used",
    "function",
    "size",
    "engine",
];

/// Writes the timed invocations that succeeded. Returns how many.
///
/// # Errors
/// When the run can't be read or the output can't be written.
pub async fn write_sebs(store: &Store, run: &Run, filter: &Filter, output: impl Write) -> Result<u64, ExportError> {
    let mut writer = ::csv::Writer::from_writer(output);
    writer.write_record(COLUMNS)?;
    let memory = run.plan["memory_limit_bytes"].as_u64().map(|bytes| (bytes >> 20).to_string()).unwrap_or_default();
    let mut rows = 0;
    let mut outcome: Result<(), ExportError> = Ok(());
    store
        .for_each::<Invocation>(run.number, filter, |stored| {
            let row = stored.row;
            let (Some(wall_ns), Outcome::Ok { .. }) = (row.wall_ns, &row.outcome) else {
                return ControlFlow::Continue(());
            };
            rows += 1;
            let exec_time = format!("{}.{:03}", wall_ns / 1_000, wall_ns % 1_000);
            let kind = if row.is_cold { "cold" } else { "sequential" };
            let is_cold = if row.is_cold { "True" } else { "False" };
            let absent = "";
            let fields = [
                memory.as_str(),
                kind,
                is_cold,
                &exec_time,
                absent,
                absent,
                absent,
                absent,
                &row.function,
                &row.size,
                &row.engine,
            ];
            outcome = writer.write_record(fields).map_err(ExportError::from);
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .await?;
    outcome?;
    writer.flush()?;
    Ok(rows)
}
