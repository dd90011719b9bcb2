//! What an experiment writes a run with.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::batch::{NextIds, unix_ns};
use super::database::Options;
use super::outage::{BufferPlace, Outage};
use super::row::{Counter, Document, Invocation, Level, Metric, NestedRecord, Note, Sample};
use super::table::Stored;
use super::writer::{Message, ROWS, Shared, Writer};
use super::{InvocationId, Location, RecordError, Run, RunStatus, StoreError, StoreOptions};

pub use super::batch::Row;

/// Takes what a run measures and hands it to a thread that writes it: [`Recorder::record`] never waits for the disk.
///
/// A row is in the database a quarter of a second after it was recorded, or after [`Recorder::flush`]; from then on it
/// survives the death of the process. While a file can't be written, rows are kept in memory up to a bound and tried
/// again. While a PostgreSQL server can't be written, rows go to a local results file instead
/// ([`StoreOptions::buffer_folder`]), as safely; a server that hangs is taken to be away after two seconds. They are
/// taken to the server once it is back, and the file is removed.
///
/// Clones are cheap and write the same run. When the last is dropped without [`Recorder::finish`], what was recorded is
/// written, which the drop waits for, and the run is interrupted.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    run: Run,
    next_invocation: AtomicI64,
    limit_bytes: usize,
    shared: Arc<Shared>,
    /// None only while being dropped.
    sender: Option<mpsc::Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The writer doesn't panic; if it did, there is nobody here to tell.
            let _ = thread.join();
        }
    }
}

impl Recorder {
    pub(super) fn start(
        run: Run,
        next: NextIds,
        database: (Location, Options),
        options: &StoreOptions,
    ) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared::default());
        let (sender, receiver) = mpsc::channel();
        let place = BufferPlace { folder: options.buffer_folder.clone(), busy_timeout: options.busy_timeout };
        let writer = Writer::new(run.clone(), next, database, place, receiver, Arc::clone(&shared))?;
        let thread = std::thread::Builder::new()
            .name("results".to_owned())
            .spawn(move || writer.work())
            .map_err(StoreError::Thread)?;
        let next_invocation = AtomicI64::new(next.invocation);
        let (sender, thread) = (Some(sender), Some(thread));
        Ok(Self(Arc::new(Inner { run, next_invocation, limit_bytes: options.buffer_bytes, shared, sender, thread })))
    }

    /// The run that is being written, as it was at its beginning.
    pub fn run(&self) -> &Run {
        &self.0.run
    }

    /// An id for an invocation that is about to begin, by which samples and counters may refer to it before it is
    /// recorded itself. An id that is never recorded leaves a gap and nothing else.
    pub fn reserve(&self) -> InvocationId {
        InvocationId(self.0.next_invocation.fetch_add(1, Ordering::Relaxed))
    }

    /// Records a row: an invocation as `(id, invocation)`, or a record, sample, counter, metric or note by itself.
    ///
    /// # Errors
    /// [`RecordError::Delayed`] says, once for every failed attempt, that writing fails, and [`RecordError::Away`], once
    /// for every outage, that rows go to a local file; the row was taken. After every other error it was not:
    /// [`RecordError::was_taken`] tells.
    pub fn record(&self, row: impl Into<Row>) -> Result<(), RecordError> {
        let row = row.into();
        self.check(&row)?;
        let shared = &self.0.shared;
        if shared.finished.load(Ordering::Acquire) {
            return Err(RecordError::Finished);
        }
        let bytes = row.bytes();
        if shared.unwritten_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > self.0.limit_bytes {
            shared.unwritten_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(RecordError::BufferFull { limit_bytes: self.0.limit_bytes });
        }
        shared.unwritten.fetch_add(1, Ordering::Relaxed);
        let queued = shared.queued.fetch_add(1, Ordering::Relaxed) + 1;
        if self.send(Message::Row(row, bytes)).is_err() {
            shared.unwritten_bytes.fetch_sub(bytes, Ordering::Relaxed);
            shared.unwritten.fetch_sub(1, Ordering::Relaxed);
            return Err(RecordError::Finished);
        }
        if queued.is_multiple_of(ROWS) {
            self.wake();
        }
        shared.take_trouble().map_or(Ok(()), Err)
    }

    /// Records a note about the run as it is now.
    ///
    /// # Errors
    /// As [`Recorder::record`].
    pub fn note(&self, level: Level, text: impl Into<String>) -> Result<(), RecordError> {
        self.record(Note { invocation: None, created_unix_ns: unix_ns(), level, text: text.into() })
    }

    /// The times in which the PostgreSQL server could not be written, the latest last. One that is over is in the run's
    /// notes too.
    pub fn outages(&self) -> Vec<Outage> {
        self.0.shared.outages()
    }

    /// How many rows are recorded and neither in the database nor in a local file yet.
    pub fn unwritten(&self) -> usize {
        self.0.shared.unwritten.load(Ordering::Relaxed)
    }

    /// Returns when everything recorded before is in the database, or in a local file during an outage.
    ///
    /// # Errors
    /// [`RecordError::Delayed`] when it can't be written now; it is kept and tried again.
    pub async fn flush(&self) -> Result<(), RecordError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Message::Flush(answer), answered).await
    }

    /// Writes what is left and ends the run. Nothing can be recorded afterwards, by no clone.
    ///
    /// # Errors
    /// [`RecordError::Delayed`] when it can't be written now; the run then goes on and may be finished again.
    /// [`RecordError::LeftInFile`] when the run ended in a local file, since the PostgreSQL server isn't back.
    pub async fn finish(&self, status: RunStatus) -> Result<(), RecordError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Message::Finish(status, answer), answered).await
    }

    async fn ask(
        &self,
        message: Message,
        answered: oneshot::Receiver<Result<(), RecordError>>,
    ) -> Result<(), RecordError> {
        self.send(message).map_err(|_| RecordError::Finished)?;
        self.wake();
        answered.await.unwrap_or(Err(RecordError::Finished))
    }

    fn check(&self, row: &Row) -> Result<(), RecordError> {
        let invocation = match row {
            Row::Invocation(stored) => Some(stored.invocation()),
            Row::Record(row) => Some(row.invocation),
            Row::Counter(row) => Some(row.invocation),
            Row::Sample(row) => row.invocation,
            Row::Metric(row) => row.invocation,
            Row::Document(row) => row.invocation,
            Row::Note(row) => row.invocation,
        };
        match invocation {
            Some(id) if id.run() != self.0.run.number => {
                Err(RecordError::ForeignInvocation { id: id.get(), run: self.0.run.number.0 })
            }
            _ => Ok(()),
        }
    }

    fn send(&self, message: Message) -> Result<(), ()> {
        self.0.sender.as_ref().and_then(|sender| sender.send(message).ok()).ok_or(())
    }

    fn wake(&self) {
        if let Some(thread) = &self.0.thread {
            thread.thread().unpark();
        }
    }
}

impl From<(InvocationId, Invocation)> for Row {
    fn from((id, row): (InvocationId, Invocation)) -> Self {
        Self::Invocation(Stored { id: id.0, row })
    }
}

impl From<NestedRecord> for Row {
    fn from(row: NestedRecord) -> Self {
        Self::Record(row)
    }
}

impl From<Sample> for Row {
    fn from(row: Sample) -> Self {
        Self::Sample(row)
    }
}

impl From<Counter> for Row {
    fn from(row: Counter) -> Self {
        Self::Counter(row)
    }
}

impl From<Metric> for Row {
    fn from(row: Metric) -> Self {
        Self::Metric(row)
    }
}

impl From<Document> for Row {
    fn from(row: Document) -> Self {
        Self::Document(row)
    }
}

impl From<Note> for Row {
    fn from(row: Note) -> Self {
        Self::Note(row)
    }
}
