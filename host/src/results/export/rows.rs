//! What all formats share: the tables, their rows as text and numbers, and what can go wrong.

use std::fmt;
use std::ops::ControlFlow;

use thiserror::Error;

use crate::results::row::{Counter, Document, Invocation, Metric, NestedRecord, Note, Sample};
use crate::results::{Filter, Run, Store, StoreError, Table, Value};

/// A table of what runs record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunTable {
    /// Calls of functions.
    Invocations,
    /// Records out of responses.
    Records,
    /// Time series.
    Samples,
    /// Counted events.
    Counters,
    /// Other numbers.
    Metrics,
    /// What is no single number.
    Documents,
    /// Remarks.
    Notes,
}

impl RunTable {
    /// All of them.
    pub const ALL: [RunTable; 7] =
        [Self::Invocations, Self::Records, Self::Samples, Self::Counters, Self::Metrics, Self::Documents, Self::Notes];

    /// Its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invocations => Invocation::NAME,
            Self::Records => NestedRecord::NAME,
            Self::Samples => Sample::NAME,
            Self::Counters => Counter::NAME,
            Self::Metrics => Metric::NAME,
            Self::Documents => Document::NAME,
            Self::Notes => Note::NAME,
        }
    }

    /// Its columns, `id` first.
    pub(super) fn columns(self) -> Vec<&'static str> {
        let columns = match self {
            Self::Invocations => Invocation::COLUMNS,
            Self::Records => NestedRecord::COLUMNS,
            Self::Samples => Sample::COLUMNS,
            Self::Counters => Counter::COLUMNS,
            Self::Metrics => Metric::COLUMNS,
            Self::Documents => Document::COLUMNS,
            Self::Notes => Note::COLUMNS,
        };
        ["id"].into_iter().chain(columns.iter().copied()).collect()
    }

    /// Calls `each` with the values of every row, in the order of [`RunTable::columns`], until it fails.
    pub(super) async fn for_each(
        self,
        store: &Store,
        run: &Run,
        filter: &Filter,
        each: impl FnMut(&[Value<'_>]) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        match self {
            Self::Invocations => rows::<Invocation>(store, run, filter, each).await,
            Self::Records => rows::<NestedRecord>(store, run, filter, each).await,
            Self::Samples => rows::<Sample>(store, run, filter, each).await,
            Self::Counters => rows::<Counter>(store, run, filter, each).await,
            Self::Metrics => rows::<Metric>(store, run, filter, each).await,
            Self::Documents => rows::<Document>(store, run, filter, each).await,
            Self::Notes => rows::<Note>(store, run, filter, each).await,
        }
    }
}

impl fmt::Display for RunTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

async fn rows<T: Table>(
    store: &Store,
    run: &Run,
    filter: &Filter,
    mut each: impl FnMut(&[Value<'_>]) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut outcome = Ok(());
    store
        .for_each::<T>(run.number, filter, |stored| {
            let mut values = vec![Value::Integer(Some(stored.id))];
            values.extend(stored.row.values());
            outcome = each(&values);
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .await?;
    outcome
}

/// Why an export stopped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The run could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output could not be written.
    #[error("could not write the export: {0}")]
    Write(#[from] std::io::Error),
    /// A value has no form in the format.
    #[error("could not write a row as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// CSV could not be written.
    #[error("could not write CSV: {0}")]
    Csv(#[from] ::csv::Error),
    /// Parquet could not be written.
    #[error("could not write Parquet: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
}
