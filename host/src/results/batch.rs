//! Rows that wait to be written together.

use std::time::{SystemTime, UNIX_EPOCH};

use super::RunNumber;
use super::database::Connection;
use super::insert::{Present, Statements};
use super::row::{Counter, Document, Invocation, Level, Metric, NestedRecord, Note, Sample};
use super::sift;
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
    /// What is no single number.
    Document(Document),
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
                Self::Document(row) => row.heap_bytes(),
                Self::Note(row) => row.heap_bytes(),
            }
    }
}

/// The ids that the next rows of a run get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NextIds {
    pub(super) invocation: i64,
    pub(super) record: i64,
    pub(super) sample: i64,
    pub(super) counter: i64,
    pub(super) metric: i64,
    pub(super) document: i64,
    pub(super) note: i64,
}

impl NextIds {
    /// Those of a run that has no rows.
    pub(super) fn first(run: RunNumber) -> Self {
        let first = run.first_row();
        Self {
            invocation: first,
            record: first,
            sample: first,
            counter: first,
            metric: first,
            document: first,
            note: first,
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
    fn new(next: i64) -> Self {
        Self { rows: Vec::new(), next }
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
    documents: Waiting<Document>,
    notes: Waiting<Note>,
    /// How many rows, and their memory in bytes.
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

impl Batch {
    pub(super) fn new(next: NextIds) -> Self {
        Self {
            invocations: Vec::new(),
            records: Waiting::new(next.record),
            samples: Waiting::new(next.sample),
            counters: Waiting::new(next.counter),
            metrics: Waiting::new(next.metric),
            documents: Waiting::new(next.document),
            notes: Waiting::new(next.note),
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
            Row::Document(row) => self.documents.push(row),
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
        self.documents.rows.clear();
        self.notes.rows.clear();
        (self.rows, self.bytes) = (0, 0);
    }

    /// Writes all, in the caller's transaction.
    pub(super) async fn write(
        &self,
        connection: &mut Connection,
        statements: &mut Statements,
        present: Present,
    ) -> Result<(), sqlx::Error> {
        statements.insert(connection, &self.invocations, present).await?;
        statements.insert(connection, &self.records.rows, present).await?;
        statements.insert(connection, &self.samples.rows, present).await?;
        statements.insert(connection, &self.counters.rows, present).await?;
        statements.insert(connection, &self.metrics.rows, present).await?;
        statements.insert(connection, &self.documents.rows, present).await?;
        statements.insert(connection, &self.notes.rows, present).await?;
        Ok(())
    }

    /// The same for a batch that holds rows which the database refuses: each of those becomes a note that holds it, in
    /// the batch too.
    pub(super) async fn write_what_is_taken(
        &mut self,
        connection: &mut Connection,
        statements: &mut Statements,
        present: Present,
    ) -> Result<(), sqlx::Error> {
        let (_, refused) = sift::insert(connection, statements, &mut self.invocations, present).await?;
        self.note_refused(refused);
        let (_, refused) = sift::insert(connection, statements, &mut self.records.rows, present).await?;
        self.note_refused(refused);
        let (_, refused) = sift::insert(connection, statements, &mut self.samples.rows, present).await?;
        self.note_refused(refused);
        let (_, refused) = sift::insert(connection, statements, &mut self.counters.rows, present).await?;
        self.note_refused(refused);
        let (_, refused) = sift::insert(connection, statements, &mut self.metrics.rows, present).await?;
        self.note_refused(refused);
        let (_, refused) = sift::insert(connection, statements, &mut self.documents.rows, present).await?;
        self.note_refused(refused);
        let (_, refused) = sift::insert(connection, statements, &mut self.notes.rows, present).await?;
        let first = self.notes.rows.len();
        self.note_refused(refused);
        statements.insert(connection, &self.notes.rows[first..], present).await?;
        Ok(())
    }

    /// At once, so that the texts outlive an error that comes later.
    fn note_refused(&mut self, texts: Vec<String>) {
        for text in texts {
            self.notes.push(Note { invocation: None, created_unix_ns: unix_ns(), level: Level::Error, text });
        }
    }
}

/// Now, Unix time, ns.
pub(super) fn unix_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
