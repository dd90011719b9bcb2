//! The format of 2021: a row for every call.
//!
//! `AzureFunctionsInvocationTraceForTwoWeeksJan2021.txt`, as Azure/AzurePublicDataset describes it in
//! `AzureFunctionsInvocationTrace2021.md` (revision 1).

use std::collections::HashMap;
use std::path::Path;

use super::columns::Rows;
use super::{Calls, Trace, TraceError, TracedFunction, Window};

const COLUMNS: [&str; 4] = ["app", "func", "end_timestamp", "duration"];
/// Calls that are held: as many as the published trace has.
const MOST_CALLS: usize = 2_000_000;

/// Reads a window. A call belongs to it when it began there: its end less its duration.
///
/// # Errors
/// When the file can't be read, is no such file, or has nothing, or too much, in the window.
pub(crate) fn read_rows(path: &Path, window: Window) -> Result<Trace, TraceError> {
    let (from_s, to_s) = (f64::from(window.from_minute) * 60.0, f64::from(window.from_minute + window.minutes) * 60.0);
    let mut numbers = HashMap::<(String, String), usize>::new();
    let mut functions = Vec::<(String, Vec<(f64, f64)>)>::new();
    let mut held = 0;
    let malformed = Rows::open(path, &COLUMNS)?.each(|row| {
        let (application, function) = (row.identifier(0)?, row.identifier(1)?);
        let (end_s, duration_s) = (row.number(2)?, row.number(3)?);
        let begin_s = end_s - duration_s;
        if !(from_s..to_s).contains(&begin_s) || held >= MOST_CALLS {
            held += usize::from((from_s..to_s).contains(&begin_s));
            return Ok(());
        }
        held += 1;
        let number = *numbers.entry((application.to_owned(), function.to_owned())).or_insert_with(|| {
            functions.push((format!("{application}/{function}"), Vec::new()));
            functions.len() - 1
        });
        functions[number].1.push((begin_s - from_s, duration_s));
        Ok(())
    })?;
    if held > MOST_CALLS {
        return Err(TraceError::TooMany { path: path.to_owned(), most: MOST_CALLS });
    }
    if functions.is_empty() {
        let (from, to) = (window.from_minute, window.from_minute + window.minutes);
        return Err(TraceError::Empty { path: path.to_owned(), from, to });
    }
    let functions = functions.into_iter().map(|(name, mut calls)| {
        calls.sort_by(|one, other| one.0.total_cmp(&other.0));
        TracedFunction { name, calls: Calls::Listed(calls), memory_mb: None }
    });
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    Ok(Trace {
        functions: functions.collect(),
        window,
        source: format!("Azure Functions 2021, {name}"),
        without_durations: 0,
        malformed: vec![(name, malformed)],
    })
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
