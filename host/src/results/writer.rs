//! The thread that writes a run's rows, in batches.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::batch::{Batch, NextIds, Row, unix_ns};
use super::database::{Connection, Options};
use super::outage::{BufferPlace, LocalBuffer, Outage};
use super::output::Output;
use super::postgres::timed_out;
use super::row::Note;
use super::{Location, RecordError, Run, RunStatus, StoreError};

/// A row waits at most this long before it is written.
const INTERVAL: Duration = Duration::from_millis(250);
/// This many rows are written without waiting.
pub(super) const ROWS: usize = 1_000;
/// At most this many go into one transaction, so that another process gets its turn.
const ROWS_PER_TRANSACTION: usize = 50_000;
/// The same for a server, where a transaction has to be done in [`PATIENCE`].
const ROWS_PER_SERVER_TRANSACTION: usize = 10_000;
/// Rows that any server takes in a second.
const SLOW_ROWS_PER_SECOND: u64 = 5_000;
/// A server that takes longer than this for a transaction is taken to be away: rows are to be safe in a second or so.
const PATIENCE: Duration = Duration::from_secs(2);
/// How much longer it may take to make a connection and to prepare statements, which is many messages to and fro.
const CONNECTING: Duration = Duration::from_secs(5);
/// How often writing is tried for the last time once nobody holds the recorder any more.
const LAST_ATTEMPTS: u32 = 3;

type Answer = oneshot::Sender<Result<(), RecordError>>;

#[expect(clippy::large_enum_variant, reason = "nearly every message is a row")]
pub(super) enum Message {
    Row(Row, usize),
    Flush(Answer),
    Finish(RunStatus, Answer),
}

/// What the recorder and the writer both see.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Rows sent and not yet received.
    pub(super) queued: AtomicUsize,
    /// Rows sent and not yet written, and their memory.
    pub(super) unwritten: AtomicUsize,
    pub(super) unwritten_bytes: AtomicUsize,
    /// Whether the run has ended, so that nothing more is written.
    pub(super) finished: AtomicBool,
    /// Why the last attempt to write failed, until somebody was told.
    pub(super) trouble: Mutex<Option<RecordError>>,
    /// When a server could not be written, the latest last.
    pub(super) outages: Mutex<Vec<Outage>>,
}

impl Shared {
    pub(super) fn set_trouble(&self, trouble: Option<RecordError>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    pub(super) fn take_trouble(&self) -> Option<RecordError> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Shared {
    /// Forgets what was to be said about rows that waited.
    fn forget_delay(&self) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*trouble, Some(RecordError::Delayed { .. })) {
            *trouble = None;
        }
    }

    pub(super) fn outages(&self) -> Vec<Outage> {
        self.outages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn begin_outage(&self, file: &Path) {
        let outage = Outage { file: file.to_path_buf(), from_unix_ns: unix_ns(), until_unix_ns: None, rows: 0 };
        self.outages.lock().unwrap_or_else(PoisonError::into_inner).push(outage);
    }

    fn count_buffered(&self, rows: usize) {
        if let Some(outage) = self.outages.lock().unwrap_or_else(PoisonError::into_inner).last_mut() {
            outage.rows += rows as u64;
        }
    }

    /// Ends the outage that goes on, with a note about it.
    fn end_outage(&self) -> Option<Note> {
        let mut outages = self.outages.lock().unwrap_or_else(PoisonError::into_inner);
        let outage = outages.last_mut()?;
        let until = unix_ns();
        outage.until_unix_ns = Some(until);
        Some(outage.note(until))
    }
}

/// Writes one run.
pub(super) struct Writer {
    run: Run,
    next: NextIds,
    location: Location,
    runtime: Runtime,
    receiver: Receiver<Message>,
    shared: Arc<Shared>,
    home: Output,
    /// Where rows go while a server is away, which only servers are.
    place: BufferPlace,
    buffer: Option<LocalBuffer>,
}

/// What made the writer stop waiting for more rows.
enum Wake {
    Time,
    Flush(Answer),
    Finish(RunStatus, Answer),
    /// All recorders are gone.
    Left,
}

impl Writer {
    pub(super) fn new(
        run: Run,
        next: NextIds,
        (location, options): (Location, Options),
        place: BufferPlace,
        receiver: Receiver<Message>,
        shared: Arc<Shared>,
    ) -> Result<Self, StoreError> {
        let runtime = match &options {
            Options::Sqlite(_) => tokio::runtime::Builder::new_current_thread().enable_time().build(),
            // A thread of its own for the connections, so that one can be made while rows are written to a file.
            Options::Postgres(_) => tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build(),
        };
        let runtime = runtime.map_err(StoreError::Thread)?;
        let home = Output::new(options);
        Ok(Self { run, next, location, runtime, receiver, shared, home, place, buffer: None })
    }

    /// Writes until the run is finished or every recorder is dropped.
    pub(super) fn work(mut self) {
        let mut batch = Batch::new(self.next);
        loop {
            match self.gather(&mut batch) {
                Wake::Time => {
                    if let Err(error) = self.write(&mut batch) {
                        self.shared.set_trouble(Some(error));
                    }
                    self.come_home(&mut batch);
                }
                Wake::Flush(answer) => {
                    let result = self.write(&mut batch);
                    // Whoever asked is told by the answer; nobody listens only if they gave up waiting.
                    let _ = answer.send(result);
                    // Here too, for whoever flushes all the time.
                    self.come_home(&mut batch);
                }
                Wake::Finish(status, answer) => {
                    let result = self.finish(&mut batch, status);
                    let finished = !matches!(result, Err(RecordError::Delayed { .. }));
                    self.shared.finished.store(finished, Ordering::Release);
                    if finished {
                        // Before anybody goes on, so that whoever closes the store is the last.
                        self.runtime.block_on(self.home.close());
                    }
                    let _ = answer.send(result);
                    if finished {
                        break;
                    }
                }
                Wake::Left => {
                    // Nobody finished the run; if this fails, the run is seen to be interrupted all the same.
                    let _ = (0..LAST_ATTEMPTS).any(|_| {
                        let result = self.finish(&mut batch, RunStatus::Interrupted);
                        !matches!(result, Err(RecordError::Delayed { .. }))
                    });
                    break;
                }
            }
        }
        self.runtime.block_on(self.home.close());
        self.runtime.shutdown_background();
    }

    /// Takes rows until it is time to write them.
    fn gather(&self, batch: &mut Batch) -> Wake {
        // Rows are left over: the last attempt failed, and the next one waits for its time however many come.
        let failing = batch.rows > 0;
        // While rows go to a file there is always something to do: to look whether the server is back.
        if !failing && self.buffer.is_none() {
            match self.receiver.recv() {
                Ok(message) => {
                    if let Some(wake) = self.take(message, batch) {
                        return wake;
                    }
                }
                Err(_) => return Wake::Left,
            }
        }
        let most = match self.location {
            Location::File(_) => ROWS_PER_TRANSACTION,
            Location::Postgres(_) => ROWS_PER_SERVER_TRANSACTION,
        };
        let until = Instant::now() + INTERVAL;
        loop {
            if if failing { Instant::now() >= until } else { batch.rows >= most } {
                return Wake::Time;
            }
            match self.receiver.try_recv() {
                Ok(message) => {
                    if let Some(wake) = self.take(message, batch) {
                        return wake;
                    }
                }
                Err(TryRecvError::Disconnected) => return Wake::Left,
                Err(TryRecvError::Empty) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() || (!failing && batch.rows >= ROWS) {
                        return Wake::Time;
                    }
                    // Woken by a flush or when a thousand rows are queued: not by every row.
                    std::thread::park_timeout(left);
                }
            }
        }
    }

    fn take(&self, message: Message, batch: &mut Batch) -> Option<Wake> {
        match message {
            Message::Row(row, bytes) => {
                self.shared.queued.fetch_sub(1, Ordering::Relaxed);
                batch.push(row, bytes);
                None
            }
            Message::Flush(answer) => Some(Wake::Flush(answer)),
            Message::Finish(status, answer) => Some(Wake::Finish(status, answer)),
        }
    }

    /// Writes the batch to the database, or to a local file while there is no database.
    fn write(&mut self, batch: &mut Batch) -> Result<(), RecordError> {
        if batch.rows == 0 {
            return Ok(());
        }
        if self.buffer.is_none() {
            let patience = self.patience(batch.rows);
            let writing = within(patience, &self.location, self.home.write(batch));
            let attempt = self.runtime.block_on(writing);
            match attempt {
                Ok(()) => {
                    self.written(batch);
                    return Ok(());
                }
                Err(error) => self.go_away(error)?,
            }
        }
        if let Some(buffer) = &mut self.buffer {
            if let Err(error) = self.runtime.block_on(buffer.write(batch)) {
                return Err(self.delayed(error));
            }
            self.shared.count_buffered(batch.rows);
            self.written(batch);
        }
        Ok(())
    }

    /// How long a transaction with so many rows may take.
    fn patience(&self, rows: usize) -> Duration {
        let first = if self.home.is_warm() { Duration::ZERO } else { CONNECTING };
        PATIENCE + first + Duration::from_secs(rows as u64 / SLOW_ROWS_PER_SECOND)
    }

    fn written(&self, batch: &mut Batch) {
        self.shared.unwritten.fetch_sub(batch.rows, Ordering::Relaxed);
        self.shared.unwritten_bytes.fetch_sub(batch.bytes, Ordering::Relaxed);
        batch.clear();
        // What is said about an outage stays until somebody is told; a delay is over.
        self.shared.forget_delay();
    }

    /// The database failed: from now on rows go to a file, if it is a server that failed.
    fn go_away(&mut self, error: sqlx::Error) -> Result<(), RecordError> {
        let error = StoreError::at(&self.location, error);
        if matches!(self.location, Location::File(_)) {
            return Err(self.delayed(error));
        }
        match self.runtime.block_on(LocalBuffer::open(&self.place, &self.run, self.home.options())) {
            Ok(buffer) => {
                let (file, source) = (buffer.file().to_path_buf(), Arc::new(error));
                self.shared.begin_outage(&file);
                self.shared.set_trouble(Some(RecordError::Away { file, source: Arc::clone(&source) }));
                self.buffer = Some(buffer.because_of(source));
                Ok(())
            }
            Err(error) => Err(self.delayed(error)),
        }
    }

    /// Looks whether the server is back, and takes it a part of what is in the file.
    fn come_home(&mut self, batch: &mut Batch) {
        if let Some(buffer) = &mut self.buffer
            && let Some(connection) = self.runtime.block_on(buffer.bring_a_part())
        {
            self.come_back(connection, batch);
        }
    }

    /// The same until all is there, or false if it can't be taken there now.
    fn come_home_at_once(&mut self, batch: &mut Batch) -> bool {
        let Some(buffer) = &mut self.buffer else { return true };
        match self.runtime.block_on(buffer.bring_all(CONNECTING)) {
            Some(connection) => {
                self.come_back(connection, batch);
                true
            }
            None => false,
        }
    }

    /// The server has everything again.
    fn come_back(&mut self, connection: Connection, batch: &mut Batch) {
        self.home.back(connection);
        if let Some(buffer) = self.buffer.take() {
            self.runtime.block_on(buffer.remove());
        }
        if let Some(note) = self.shared.end_outage() {
            let row = Row::Note(note);
            let bytes = row.bytes();
            self.shared.unwritten.fetch_add(1, Ordering::Relaxed);
            self.shared.unwritten_bytes.fetch_add(bytes, Ordering::Relaxed);
            batch.push(row, bytes);
        }
    }

    fn finish(&mut self, batch: &mut Batch, status: RunStatus) -> Result<(), RecordError> {
        self.write(batch)?;
        // Twice, since the server may go away between the rows and the end of the run.
        for _ in 0..2 {
            if self.come_home_at_once(batch) {
                self.write(batch)?;
            }
            if self.buffer.is_some() {
                continue;
            }
            let ending = within(PATIENCE, &self.location, self.home.end(self.run.number, status));
            match self.runtime.block_on(ending) {
                Ok(()) => {
                    // The run has ended well without it.
                    let _ = self.runtime.block_on(within(PATIENCE, &self.location, self.home.analyze()));
                    return Ok(());
                }
                Err(error) => self.go_away(error)?,
            }
        }
        let Some(mut buffer) = self.buffer.take() else { return Ok(()) };
        if let Err(error) = self.runtime.block_on(buffer.end(self.run.number, status)) {
            self.buffer = Some(buffer);
            return Err(self.delayed(error));
        }
        Err(RecordError::LeftInFile {
            file: buffer.file().to_path_buf(),
            location: self.location.clone(),
            source: buffer.cause(),
        })
    }

    fn delayed(&self, error: impl Into<StoreError>) -> RecordError {
        let rows = self.shared.unwritten.load(Ordering::Relaxed);
        RecordError::Delayed { rows, source: Arc::new(error.into()) }
    }
}

/// A file waits for others by itself; a server may leave us waiting for ever.
async fn within<T>(
    patience: Duration,
    location: &Location,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match location {
        Location::File(_) => work.await,
        Location::Postgres(_) => tokio::time::timeout(patience, work).await.unwrap_or_else(|_| Err(timed_out())),
    }
}
