//! The format of 2019: three files, of calls per minute, of durations and of memory.
//!
//! `invocations_per_function_md.anon.dNN.csv`, `function_durations_percentiles.anon.dNN.csv` and
//! `app_memory_percentiles.anon.dNN.csv`, as Azure/AzurePublicDataset describes them in `AzureFunctionsDataset2019.md` (revision 2).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::columns::{Row, Rows};
use super::error::Malformed;
use super::percentiles::Percentiles;
use super::{Calls, Trace, TraceError, TracedFunction, Window};

/// What stands before the minutes.
const CALLS: [&str; 4] = ["HashOwner", "HashApp", "HashFunction", "Trigger"];
const DURATIONS: [&str; 14] = [
    "HashOwner",
    "HashApp",
    "HashFunction",
    "Average",
    "Count",
    "Minimum",
    "Maximum",
    "percentile_Average_0",
    "percentile_Average_1",
    "percentile_Average_25",
    "percentile_Average_50",
    "percentile_Average_75",
    "percentile_Average_99",
    "percentile_Average_100",
];
/// The percentages of the last seven of those.
const DURATION_PERCENTAGES: [f64; 7] = [0.0, 1.0, 25.0, 50.0, 75.0, 99.0, 100.0];
const MEMORY: [&str; 12] = [
    "HashOwner",
    "HashApp",
    "SampleCount",
    "AverageAllocatedMb",
    "AverageAllocatedMb_pct1",
    "AverageAllocatedMb_pct5",
    "AverageAllocatedMb_pct25",
    "AverageAllocatedMb_pct50",
    "AverageAllocatedMb_pct75",
    "AverageAllocatedMb_pct95",
    "AverageAllocatedMb_pct99",
    "AverageAllocatedMb_pct100",
];
/// The percentages of the last eight of those.
const MEMORY_PERCENTAGES: [f64; 8] = [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0, 100.0];

/// The three files of a day.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    /// Calls per minute.
    pub(crate) calls: PathBuf,
    /// Percentiles of durations.
    pub(crate) durations: PathBuf,
    /// Percentiles of memory.
    pub(crate) memory: Option<PathBuf>,
}

/// Owner, application, function.
type Identity = (String, String, String);

/// Reads a window of a day.
///
/// # Errors
/// When a file can't be read, is no such file, or has nothing in the window.
pub(crate) fn read_tables(files: &Tables, window: Window) -> Result<Trace, TraceError> {
    let mut malformed = Vec::new();
    let (called, left_out) = calls(&files.calls, window)?;
    malformed.push((name(&files.calls), left_out));
    let mut durations = HashMap::<Identity, Percentiles>::new();
    let rows = Rows::open(&files.durations, &DURATIONS)?;
    let left_out = rows.each(|row| {
        let of = identity(row)?;
        // They are in ms.
        let percentiles = percentiles(row, 7, &DURATION_PERCENTAGES, 1e-3)?;
        durations.insert(of, percentiles);
        Ok(())
    })?;
    malformed.push((name(&files.durations), left_out));
    let mut memory = HashMap::<(String, String), Percentiles>::new();
    if let Some(path) = &files.memory {
        let left_out = Rows::open(path, &MEMORY)?.each(|row| {
            let of = (row.identifier(0)?.to_owned(), row.identifier(1)?.to_owned());
            memory.insert(of, percentiles(row, 4, &MEMORY_PERCENTAGES, 1.0)?);
            Ok(())
        })?;
        malformed.push((name(path), left_out));
    }
    let mut without_durations = 0;
    let mut functions = Vec::new();
    for ((owner, application, function), minutes) in called {
        let Some(durations_s) = durations.remove(&(owner.clone(), application.clone(), function.clone())) else {
            without_durations += 1;
            continue;
        };
        functions.push(TracedFunction {
            name: format!("{application}/{function}"),
            calls: Calls::Counted { minutes, durations_s },
            memory_mb: memory.get(&(owner, application)).cloned(),
        });
    }
    if functions.is_empty() {
        let (from, to) = (window.from_minute, window.from_minute + window.minutes);
        return Err(TraceError::Empty { path: files.calls.clone(), from, to });
    }
    let source = format!("Azure Functions 2019, {}", name(&files.calls));
    Ok(Trace { functions, window, source, without_durations, malformed })
}

type Called = Vec<(Identity, Vec<(u32, u32)>)>;

fn calls(path: &Path, window: Window) -> Result<(Called, Malformed), TraceError> {
    let rows = Rows::open(path, &CALLS)?;
    // The minutes are numbered from 1.
    let (first, last) = (CALLS.len() + window.from_minute as usize, window.from_minute + window.minutes);
    let numbered = rows.header().iter().skip(CALLS.len()).zip(1_u32..).all(|(name, number)| name.parse() == Ok(number));
    let columns = rows.header().len() - CALLS.len();
    if !numbered || columns < last as usize {
        return Err(TraceError::Header {
            path: path.to_owned(),
            expected: format!("{},1,2,… to {last} or more", CALLS.join(",")),
            found: format!("{columns} columns after them"),
        });
    }
    let mut called = Vec::new();
    let left_out = rows.each(|row| {
        let of = identity(row)?;
        let mut minutes = Vec::new();
        for minute in 0..window.minutes {
            let count = row.count(first + minute as usize)?;
            if count > 0 {
                minutes.push((minute, count));
            }
        }
        if !minutes.is_empty() {
            called.push((of, minutes));
        }
        Ok(())
    })?;
    Ok((called, left_out))
}

fn identity(row: &Row<'_>) -> Result<Identity, String> {
    Ok((row.identifier(0)?.to_owned(), row.identifier(1)?.to_owned(), row.identifier(2)?.to_owned()))
}

fn percentiles(row: &Row<'_>, first: usize, percentages: &[f64], unit: f64) -> Result<Percentiles, String> {
    let mut points = Vec::with_capacity(percentages.len());
    for (index, percentage) in percentages.iter().enumerate() {
        points.push((*percentage, row.number(first + index)? * unit));
    }
    Percentiles::new(points)
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
#[path = "tables_tests.rs"]
mod tests;
