//! A PostgreSQL server that goes away in mid-run: rows go to a local results file, and to the server once it is back.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::batch::Batch;
use super::database::{Connection, Options};
use super::insert::{Present, Statements};
use super::output::Output;
use super::row::{Counter, Document, Invocation, Level, Metric, NestedRecord, Note, Sample};
use super::run::RunStatus;
use super::table::Table;
use super::{InvocationId, Location, Run, RunNumber, StoreError, notes, read, sift, sqlite};

/// How long after a failure the next attempt to connect is made.
const RETRY: Duration = Duration::from_secs(2);
/// How long rows are taken to the server before new ones get their turn.
const PART: Duration = Duration::from_millis(200);
/// How many rows of the file are taken to the server in one transaction.
const PAGE: usize = 2_000;

/// A time in which a PostgreSQL server could not be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// The local file that rows went to.
    pub file: PathBuf,
    /// When it was noticed, Unix time, ns.
    pub from_unix_ns: i64,
    /// When the server had every row again, Unix time, ns; none while it hasn't.
    pub until_unix_ns: Option<i64>,
    /// How many rows went to the file.
    pub rows: u64,
}

impl Outage {
    /// What a reader of the run's numbers should know.
    pub(super) fn note(&self, until_unix_ns: i64) -> Note {
        let seconds = until_unix_ns.saturating_sub(self.from_unix_ns) as f64 / 1e9;
        let text = format!(
            "the results database could not be written for {seconds:.1} s; {} rows were kept in {} meanwhile, and none \
             was lost",
            self.rows,
            self.file.display()
        );
        Note { invocation: None, created_unix_ns: until_unix_ns, level: Level::Warning, text }
    }
}

/// Where local files are made.
#[derive(Debug, Clone)]
pub(super) struct BufferPlace {
    pub(super) folder: PathBuf,
    pub(super) busy_timeout: Duration,
}

impl BufferPlace {
    /// The file of a run.
    pub(super) fn file(&self, run: &Run) -> PathBuf {
        self.folder.join(format!("faasbench-buffer-{}.db", run.id))
    }
}

/// An ordinary results file that holds a part of one run, under the same ids as on the server.
pub(super) struct LocalBuffer {
    file: PathBuf,
    output: Output,
    server: Options,
    state: State,
    cause: Option<Arc<StoreError>>,
}

enum State {
    Away { next_attempt: Instant },
    Connecting(JoinHandle<Result<Connection, sqlx::Error>>),
    Back(Connection),
}

impl LocalBuffer {
    /// Opens the run's file, and makes it if it isn't there.
    pub(super) async fn open(place: &BufferPlace, run: &Run, server: &Options) -> Result<Self, StoreError> {
        let file = place.file(run);
        let location = Location::File(file.clone());
        let at = |error| StoreError::at(&location, error);
        // The ledger of deployments is on the server, so that nothing here can refer to it.
        let options = sqlite::prepare(&file, place.busy_timeout).await?.foreign_keys(false);
        let mut output = Output::new(Options::Sqlite(options));
        let mut connection = output.connect().await.map_err(at)?;
        let columns = run.columns()?;
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let places: Vec<String> = (2..=columns.len() + 1).map(|index| format!("${index}")).collect();
        let sql = format!(
            "INSERT INTO runs (number, {}) VALUES ($1, {}) ON CONFLICT (id) DO UPDATE SET status = excluded.status, \
             finished_unix_ns = NULL, process_id = excluded.process_id, process_start = excluded.process_start, \
             process_namespace = excluded.process_namespace, boot_id = excluded.boot_id, \
             host_name = excluded.host_name",
            names.join(", "),
            places.join(", ")
        );
        let mut values = vec![run.number.0.into()];
        values.extend(columns.into_iter().map(|(_, value)| value));
        connection.execute(&sql, &values).await.map_err(at)?;
        output.put_back(connection);
        let state = State::Away { next_attempt: Instant::now() + RETRY };
        Ok(Self { file, output, server: server.clone(), state, cause: None })
    }

    /// With the reason why it is needed.
    pub(super) fn because_of(mut self, cause: Arc<StoreError>) -> Self {
        self.cause = Some(cause);
        self
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn cause(&self) -> Arc<StoreError> {
        self.cause.clone().unwrap_or_else(|| Arc::new(StoreError::Database(sqlx::Error::PoolClosed)))
    }

    pub(super) async fn write(&mut self, batch: &mut Batch) -> Result<(), sqlx::Error> {
        self.output.write(batch).await
    }

    /// Takes the server some of the rows, if it is back. The connection once it has all of them.
    pub(super) async fn bring_a_part(&mut self) -> Option<Connection> {
        let until = Instant::now() + PART;
        let state = std::mem::replace(&mut self.state, State::Away { next_attempt: Instant::now() + RETRY });
        match state {
            State::Away { next_attempt } if Instant::now() < next_attempt => {
                self.state = State::Away { next_attempt };
                None
            }
            State::Away { .. } => {
                self.connect();
                None
            }
            State::Connecting(attempt) if !attempt.is_finished() => {
                self.state = State::Connecting(attempt);
                None
            }
            State::Connecting(attempt) => match attempt.await {
                Ok(Ok(connection)) => self.bring(connection, Some(until)).await,
                // The next attempt has its time already.
                Ok(Err(_)) | Err(_) => None,
            },
            State::Back(connection) => self.bring(connection, Some(until)).await,
        }
    }

    /// Takes the server all of the rows, if it answers in time.
    pub(super) async fn bring_all(&mut self, patience: Duration) -> Option<Connection> {
        let state = std::mem::replace(&mut self.state, State::Away { next_attempt: Instant::now() + RETRY });
        if let State::Back(connection) = state
            && let Some(connection) = self.bring(connection, None).await
        {
            return Some(connection);
        }
        match tokio::time::timeout(patience, self.server.connect()).await {
            Ok(Ok(connection)) => self.bring(connection, None).await,
            Ok(Err(_)) | Err(_) => None,
        }
    }

    fn connect(&mut self) {
        let server = self.server.clone();
        let attempt = async move { server.connect().await };
        self.state = State::Connecting(tokio::spawn(attempt));
    }

    /// The connection if all is there; otherwise it is kept, or thrown away if it failed.
    async fn bring(&mut self, mut connection: Connection, until: Option<Instant>) -> Option<Connection> {
        loop {
            let page = tokio::time::timeout(RETRY, self.bring_page(&mut connection)).await;
            match page {
                Ok(Ok(0)) => return Some(connection),
                Ok(Ok(_)) if until.is_some_and(|until| Instant::now() >= until) => {
                    self.state = State::Back(connection);
                    return None;
                }
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => {
                    self.state = State::Away { next_attempt: Instant::now() + RETRY };
                    return None;
                }
            }
        }
    }

    /// Some rows of one table; zero when none is left. They are deleted here once they are committed there, so that
    /// what is cut in between is done again, and does no harm.
    async fn bring_page(&mut self, server: &mut Connection) -> Result<usize, sqlx::Error> {
        let mut file = self.output.connect().await?;
        let mut moved = move_page::<Invocation>(&mut file, server).await?;
        if moved == 0 {
            moved = move_page::<NestedRecord>(&mut file, server).await?;
        }
        if moved == 0 {
            moved = move_page::<Sample>(&mut file, server).await?;
        }
        if moved == 0 {
            moved = move_page::<Counter>(&mut file, server).await?;
        }
        if moved == 0 {
            moved = move_page::<Metric>(&mut file, server).await?;
        }
        if moved == 0 {
            moved = move_page::<Document>(&mut file, server).await?;
        }
        if moved == 0 {
            moved = move_page::<Note>(&mut file, server).await?;
        }
        self.output.put_back(file);
        Ok(moved)
    }

    pub(super) async fn end(&mut self, run: RunNumber, status: RunStatus) -> Result<(), sqlx::Error> {
        self.output.end(run, status).await?;
        // Without the write-ahead log, the file can be carried away by itself.
        self.output.close().await;
        Ok(())
    }

    /// The server has everything.
    pub(super) async fn remove(mut self) {
        self.output.close().await;
        for beside in ["", "-wal", "-shm"] {
            let mut path = self.file.clone().into_os_string();
            path.push(beside);
            // A file that stays holds nothing that isn't on the server too.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Moves some rows of a table from the file to the server. What the server refuses becomes a note there.
async fn move_page<T: Table>(file: &mut Connection, server: &mut Connection) -> Result<usize, sqlx::Error> {
    let sql = format!("SELECT {} FROM {} AS t ORDER BY t.id LIMIT {PAGE}", read::columns::<T>(), T::NAME);
    let found = file.fetch_all(&sql, &[]).await?;
    let mut rows = found.iter().map(read::row::<T>).collect::<Result<Vec<_>, _>>()?;
    let Some((first, last)) = rows.first().map(|row| row.id).zip(rows.last().map(|row| row.id)) else {
        return Ok(0);
    };
    let count = rows.len();
    let mut statements = Statements::default();
    server.begin().await?;
    let (_, refused) = sift::insert(server, &mut statements, &mut rows, Present::Keep).await?;
    for text in refused {
        notes::append_apart(server, InvocationId(first).run(), &text).await?;
    }
    server.commit().await?;
    file.execute(&format!("DELETE FROM {} WHERE id >= $1 AND id <= $2", T::NAME), &[first.into(), last.into()]).await?;
    Ok(count)
}
