//! Rows that wait to be written together.

use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::sqlite::SqliteConnection;

use super::RunNumber;
use super::error::is_constraint;
use super::insert::Statements;
use super::row::{Counter, Invocation, Level, Metric, NestedRecord, Note, Sample};
use super::table::{Stored, Table};

/// Something to write.
#[derive(Debug)]
pub enum Row {
    /// A call of a function, with the id reserved for it.
    Invocation(Stored<Invocation>),
    /// A record out of a response.
    Record(NestedRecord),
    /// A point of a time series.
    Sample(Sample),
    /// A counted event.
    Counter(Counter),
    /// Any other number.
    Metric(Metric),
    /// A remark.
    Note(Note),
}

impl Row {
    /// Memory that the row takes, bytes, about.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Invocation(stored) => stored.row.heap_bytes(),
                Self::Record(row) => row.heap_bytes(),
                Self::Sample(row) => row.heap_bytes(),
                Self::Counter(row) => row.heap_bytes(),
                Self::Metric(row) => row.heap_bytes(),
                Self::Note(row) => row.heap_bytes(),
            }
    }
}

/// Rows of one kind that wait, and the id of the next.
#[derive(Debug)]
struct Waiting<T> {
    rows: Vec<Stored<T>>,
    next: i64,
}

impl<T> Waiting<T> {
    fn new(run: RunNumber) -> Self {
        Self { rows: Vec::new(), next: run.first_row() }
    }

    fn push(&mut self, row: T) {
        self.rows.push(Stored { id: self.next, row });
        self.next += 1;
    }
}

pub(super) struct Batch {
    invocations: Vec<Stored<Invocation>>,
    records: Waiting<NestedRecord>,
    samples: Waiting<Sample>,
    counters: Waiting<Counter>,
    metrics: Waiting<Metric>,
    notes: Waiting<Note>,
    /// How many rows, and their memory in bytes.
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

impl Batch {
    pub(super) fn new(run: RunNumber) -> Self {
        Self {
            invocations: Vec::new(),
            records: Waiting::new(run),
            samples: Waiting::new(run),
            counters: Waiting::new(run),
            metrics: Waiting::new(run),
            notes: Waiting::new(run),
            rows: 0,
            bytes: 0,
        }
    }

    pub(super) fn push(&mut self, row: Row, bytes: usize) {
        match row {
            Row::Invocation(row) => self.invocations.push(row),
            Row::Record(row) => self.records.push(row),
            Row::Sample(row) => self.samples.push(row),
            Row::Counter(row) => self.counters.push(row),
            Row::Metric(row) => self.metrics.push(row),
            Row::Note(row) => self.notes.push(row),
        }
        self.rows += 1;
        self.bytes += bytes;
    }

    pub(super) fn clear(&mut self) {
        self.invocations.clear();
        self.records.rows.clear();
        self.samples.rows.clear();
        self.counters.rows.clear();
        self.metrics.rows.clear();
        self.notes.rows.clear();
        (self.rows, self.bytes) = (0, 0);
    }

    pub(super) async fn write(
        &self,
        connection: &mut SqliteConnection,
        statements: &mut Statements,
    ) -> Result<(), sqlx::Error> {
        statements.insert(connection, &self.invocations).await?;
        statements.insert(connection, &self.records.rows).await?;
        statements.insert(connection, &self.samples.rows).await?;
        statements.insert(connection, &self.counters.rows).await?;
        statements.insert(connection, &self.metrics.rows).await?;
        statements.insert(connection, &self.notes.rows).await
    }

    /// Row by row, for a batch that holds rows which the database refuses: each of those becomes a note that holds it.
    pub(super) async fn write_singly(
        &mut self,
        connection: &mut SqliteConnection,
        statements: &mut Statements,
    ) -> Result<(), sqlx::Error> {
        let mut refused = Vec::new();
        singly(connection, statements, &self.invocations, &mut refused).await?;
        singly(connection, statements, &self.records.rows, &mut refused).await?;
        singly(connection, statements, &self.samples.rows, &mut refused).await?;
        singly(connection, statements, &self.counters.rows, &mut refused).await?;
        singly(connection, statements, &self.metrics.rows, &mut refused).await?;
        singly(connection, statements, &self.notes.rows, &mut refused).await?;
        let first = self.notes.rows.len();
        for text in refused {
            self.notes.push(Note { invocation: None, created_unix_ns: unix_ns(), level: Level::Error, text });
        }
        statements.insert(connection, &self.notes.rows[first..]).await
    }

    /// How far the notes have come.
    pub(super) fn notes_mark(&self) -> usize {
        self.notes.rows.len()
    }

    /// Takes back the notes that were added since the mark.
    pub(super) fn forget_notes_after(&mut self, mark: usize) {
        self.notes.next -= (self.notes.rows.len() - mark) as i64;
        self.notes.rows.truncate(mark);
    }
}

async fn singly<T: Table>(
    connection: &mut SqliteConnection,
    statements: &mut Statements,
    rows: &[Stored<T>],
    refused: &mut Vec<String>,
) -> Result<(), sqlx::Error> {
    for stored in rows {
        match statements.insert(connection, std::slice::from_ref(stored)).await {
            Err(error) if is_constraint(&error) => {
                let row = serde_json::to_string(stored).unwrap_or_default();
                refused.push(format!("the database refused a row of {}: {error}: {row}", T::NAME));
            }
            result => result?,
        }
    }
    Ok(())
}

/// Now, Unix time, ns.
pub(super) fn unix_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
