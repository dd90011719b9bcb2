//! The thread that writes a run's rows, in batches.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::batch::{Batch, Row, unix_ns};
use super::error::is_constraint;
use super::insert::Statements;
use super::{RecordError, RunNumber, RunStatus, StoreError};

/// A row waits at most this long before it is written.
const INTERVAL: Duration = Duration::from_millis(250);
/// This many rows are written without waiting.
pub(super) const ROWS: usize = 1_000;
/// At most this many go into one transaction, so that another process gets its turn.
const ROWS_PER_TRANSACTION: usize = 50_000;
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
    /// Why the last attempt to write failed, until somebody was told.
    pub(super) trouble: Mutex<Option<RecordError>>,
}

impl Shared {
    pub(super) fn set_trouble(&self, trouble: Option<RecordError>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    pub(super) fn take_trouble(&self) -> Option<RecordError> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

pub(super) struct Writer {
    pub(super) run: RunNumber,
    pub(super) options: SqliteConnectOptions,
    pub(super) runtime: Runtime,
    pub(super) receiver: Receiver<Message>,
    pub(super) shared: Arc<Shared>,
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
    /// Writes until the run is finished or every recorder is dropped.
    pub(super) fn work(self) {
        let mut file = File { options: self.options.clone(), connection: None, statements: Statements::default() };
        let mut batch = Batch::new(self.run);
        loop {
            let wake = self.gather(&mut batch);
            match wake {
                Wake::Time => {
                    if let Err(error) = self.write(&mut file, &mut batch) {
                        self.shared.set_trouble(Some(error));
                    }
                }
                Wake::Flush(answer) => {
                    let result = self.write(&mut file, &mut batch);
                    // Whoever asked is told by the answer; nobody listens only if they gave up waiting.
                    let _ = answer.send(result);
                }
                Wake::Finish(status, answer) => {
                    let result = self.write(&mut file, &mut batch).and_then(|()| self.end(&mut file, status));
                    let finished = result.is_ok();
                    let _ = answer.send(result);
                    if finished {
                        break;
                    }
                }
                Wake::Left => {
                    let written = (0..LAST_ATTEMPTS).any(|_| self.write(&mut file, &mut batch).is_ok());
                    if written {
                        // Nobody finished the run; if this fails too, the run is seen to be interrupted all the same.
                        let _ = self.end(&mut file, RunStatus::Interrupted);
                    }
                    break;
                }
            }
        }
        self.runtime.block_on(file.close());
    }

    /// Takes rows until it is time to write them.
    fn gather(&self, batch: &mut Batch) -> Wake {
        // Rows are left over: the last attempt failed, and the next one waits for its time however many come.
        let failing = batch.rows > 0;
        if !failing {
            match self.receiver.recv() {
                Ok(message) => {
                    if let Some(wake) = self.take(message, batch) {
                        return wake;
                    }
                }
                Err(_) => return Wake::Left,
            }
        }
        let until = Instant::now() + INTERVAL;
        loop {
            if if failing { Instant::now() >= until } else { batch.rows >= ROWS_PER_TRANSACTION } {
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

    fn write(&self, file: &mut File, batch: &mut Batch) -> Result<(), RecordError> {
        if batch.rows > 0 {
            self.runtime.block_on(file.write(batch)).map_err(|error| self.delayed(error))?;
            self.shared.unwritten.fetch_sub(batch.rows, Ordering::Relaxed);
            self.shared.unwritten_bytes.fetch_sub(batch.bytes, Ordering::Relaxed);
            batch.clear();
            self.shared.set_trouble(None);
        }
        Ok(())
    }

    fn end(&self, file: &mut File, status: RunStatus) -> Result<(), RecordError> {
        self.runtime.block_on(file.end(self.run, status)).map_err(|error| self.delayed(error))
    }

    fn delayed(&self, error: sqlx::Error) -> RecordError {
        let rows = self.shared.unwritten.load(Ordering::Relaxed);
        RecordError::Delayed { rows, source: Arc::new(StoreError::from(error)) }
    }
}

/// The database as the writer sees it: a connection that is made anew after every failure.
struct File {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
    statements: Statements,
}

impl File {
    async fn write(&mut self, batch: &mut Batch) -> Result<(), sqlx::Error> {
        let mut connection = self.connect().await?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        match batch.write(&mut transaction, &mut self.statements).await {
            Ok(()) => transaction.commit().await?,
            Err(error) if is_constraint(&error) => {
                transaction.rollback().await?;
                let notes = batch.notes_mark();
                let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
                let written = batch.write_singly(&mut transaction, &mut self.statements).await;
                let written = match written {
                    Ok(()) => transaction.commit().await,
                    Err(error) => Err(error),
                };
                if let Err(error) = written {
                    // The notes about refused rows come again at the next attempt.
                    batch.forget_notes_after(notes);
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
        self.connection = Some(connection);
        Ok(())
    }

    async fn end(&mut self, run: RunNumber, status: RunStatus) -> Result<(), sqlx::Error> {
        let mut connection = self.connect().await?;
        sqlx::query("UPDATE runs SET status = ?, finished_unix_ns = ? WHERE number = ?")
            .bind(status.name())
            .bind(unix_ns())
            .bind(run.0)
            .execute(&mut connection)
            .await?;
        self.connection = Some(connection);
        Ok(())
    }

    /// The connection, to be put back once all went well.
    async fn connect(&mut self) -> Result<SqliteConnection, sqlx::Error> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => self.options.connect().await,
        }
    }

    async fn close(self) {
        if let Some(connection) = self.connection {
            // Everything is committed; an error here loses nothing.
            let _ = connection.close().await;
        }
    }
}
