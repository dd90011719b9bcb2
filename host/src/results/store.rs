//! The results database.

use std::{ops::ControlFlow, path::PathBuf, time::Duration};

use super::batch::{NextIds, unix_ns};
use super::database::{Connection, Options, Pool};
use super::id::run_id;
use super::process::ProcessIdentity;
use super::run::no_images;
use super::table::{Stored, Table};
use super::value::{DatabaseRow, Value, unreadable};
use super::{Filter, Location, NewRun, Recorder, Run, RunNumber, RunStatus, StoreError, postgres, read, sqlite};

/// Rows read at a time: bounds the memory of a report and how long a reader holds back the clearing of the WAL.
const PAGE: usize = 4_096;

/// How a results database is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// How long to wait for another process that writes, or for a server that doesn't answer.
    pub busy_timeout: Duration,
    /// How much memory rows may take while they can't be written.
    pub buffer_bytes: usize,
    /// The folder of the file that a run goes on in while its PostgreSQL server is away:
    /// `faasbench-buffer-RUNID.db`.
    pub buffer_folder: PathBuf,
}

impl Default for StoreOptions {
    /// Ten seconds, 256 MiB and the current folder.
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(10), buffer_bytes: 256 << 20, buffer_folder: PathBuf::from(".") }
    }
}

/// A results database. Several processes may hold it open, write runs into it and read them.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) location: Location,
    pub(super) options: StoreOptions,
    pub(super) database: Options,
    pub(super) pool: Pool,
    pub(super) process: ProcessIdentity,
}

impl Store {
    /// Opens a results database, or creates the file or the tables; brings an older schema up to date.
    ///
    /// # Errors
    /// [`StoreError`] says what is wrong with it and what to do; nothing was changed then.
    pub async fn open(location: &Location) -> Result<Self, StoreError> {
        Self::open_with(location, StoreOptions::default()).await
    }

    /// [`Store::open`] with settings.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with(location: &Location, options: StoreOptions) -> Result<Self, StoreError> {
        let database = match location {
            Location::File(path) => Options::Sqlite(sqlite::prepare(path, options.busy_timeout).await?),
            Location::Postgres(url) => Options::Postgres(postgres::prepare(url, options.busy_timeout).await?),
        };
        Self::with(location, options, database).await
    }

    /// Opens a results database that is there, to read it: creates nothing. A file may be read-only, in a folder that is
    /// too; an older schema is brought up to date if it can be written.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when it isn't there; otherwise as [`Store::open`].
    pub async fn open_existing(location: &Location) -> Result<Self, StoreError> {
        let options = StoreOptions::default();
        let database = match location {
            Location::File(path) => Options::Sqlite(sqlite::prepare_existing(path, options.busy_timeout).await?),
            Location::Postgres(url) => Options::Postgres(postgres::prepare_existing(url, options.busy_timeout).await?),
        };
        Self::with(location, options, database).await
    }

    async fn with(location: &Location, options: StoreOptions, database: Options) -> Result<Self, StoreError> {
        let pool = database.pool(options.busy_timeout).await.map_err(|error| StoreError::at(location, error))?;
        Ok(Self { location: location.clone(), options, database, pool, process: ProcessIdentity::own() })
    }

    /// Where the results are.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Begins a run, stored at once.
    ///
    /// # Errors
    /// When it can't be written.
    pub async fn create_run(&self, new: NewRun) -> Result<Recorder, StoreError> {
        let created_unix_ns = unix_ns();
        let mut run = Run {
            number: RunNumber(0),
            id: run_id(created_unix_ns),
            created_unix_ns,
            finished_unix_ns: None,
            status: RunStatus::Running,
            label: new.label,
            command: new.command,
            plan: new.plan,
            environment: new.environment,
            images: if new.images.is_null() { no_images() } else { new.images },
            seed: new.seed,
            version: new.version,
            process: self.process.clone(),
        };
        let (sql, values) = run.insertion()?;
        let rows = self.pool.fetch_all(&sql, &values).await.map_err(|error| self.error(error))?;
        drop(values);
        run.number = self.number_of(&rows)?;
        self.record(run, None)
    }

    /// Starts the thread that writes a run.
    pub(super) fn record(&self, run: Run, next: Option<NextIds>) -> Result<Recorder, StoreError> {
        let next = next.unwrap_or_else(|| NextIds::first(run.number));
        Recorder::start(run, next, (self.location.clone(), self.database.clone()), &self.options)
    }

    /// All runs, the newest first. A run whose process is gone without having finished it is
    /// [`RunStatus::Interrupted`].
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn list_runs(&self) -> Result<Vec<Run>, StoreError> {
        let rows = self.pool.fetch_all("SELECT * FROM runs ORDER BY number DESC", &[]).await;
        let rows = rows.map_err(|error| self.error(error))?;
        rows.iter().map(|row| self.read_run(row)).collect()
    }

    /// One run: `latest`, an id, or the beginning of an id that no other run shares.
    ///
    /// # Errors
    /// When there is none, or several, or the database can't be read.
    pub async fn run(&self, wanted: &str) -> Result<Run, StoreError> {
        if wanted == "latest" {
            let rows = self.pool.fetch_all("SELECT * FROM runs ORDER BY number DESC LIMIT 1", &[]).await;
            let rows = rows.map_err(|error| self.error(error))?;
            return self.read_run(rows.first().ok_or(StoreError::NoRuns)?);
        }
        let wanted = wanted.to_ascii_lowercase();
        // No id holds it, and PostgreSQL takes it for an error.
        if wanted.contains('\0') {
            return Err(StoreError::NoSuchRun { wanted });
        }
        let sql = "SELECT * FROM runs WHERE substr(id, 1, length($1)) = $1 ORDER BY number DESC LIMIT 10";
        let rows = self.pool.fetch_all(sql, &[wanted.as_str().into()]).await.map_err(|error| self.error(error))?;
        match rows.as_slice() {
            [row] if !wanted.is_empty() => self.read_run(row),
            [] => Err(StoreError::NoSuchRun { wanted }),
            rows => {
                let candidates: Result<_, _> = rows.iter().map(|row| row.named("id")).collect();
                Err(StoreError::AmbiguousRun { wanted, candidates: candidates.map_err(|error| self.error(error))? })
            }
        }
    }

    /// Calls `each` for every row of a run that passes the filter, in the order in which they were recorded, until it
    /// says to stop. Reads a few thousand rows at a time; rows that a run adds meanwhile are seen too.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn for_each<T: Table>(
        &self,
        run: RunNumber,
        filter: &Filter,
        mut each: impl FnMut(Stored<T>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let (conditions, arguments) = filter.conditions::<T>(3);
        let sql = format!(
            "SELECT {} FROM {} AS t WHERE t.id >= $1 AND t.id < $2{conditions} ORDER BY t.id LIMIT {PAGE}",
            read::columns::<T>(),
            T::NAME
        );
        let mut values: Vec<Value<'_>> = vec![run.rows().start.into(), run.rows().end.into()];
        values.extend(arguments);
        loop {
            let rows = match self.pool.fetch_all(&sql, &values).await {
                // An older file that can't be written, and so not be brought up to date, lacks the newer tables.
                Err(error) if is_missing_table(&error) => return Ok(()),
                rows => rows.map_err(|error| self.error(error))?,
            };
            for row in &rows {
                let stored = read::row(row).map_err(|error| self.error(error))?;
                values[0] = (stored.id + 1).into();
                if each(stored).is_break() {
                    return Ok(());
                }
            }
            if rows.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// All rows of a run that pass the filter, in the order in which they were recorded. For what fits in memory.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn rows<T: Table>(&self, run: RunNumber, filter: &Filter) -> Result<Vec<Stored<T>>, StoreError> {
        let mut rows = Vec::new();
        self.for_each(run, filter, |row| {
            rows.push(row);
            ControlFlow::Continue(())
        })
        .await?;
        Ok(rows)
    }

    /// How many rows of a run pass the filter.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn count<T: Table>(&self, run: RunNumber, filter: &Filter) -> Result<u64, StoreError> {
        let (conditions, arguments) = filter.conditions::<T>(3);
        let sql = format!("SELECT count(*) FROM {} AS t WHERE t.id >= $1 AND t.id < $2{conditions}", T::NAME);
        let mut values: Vec<Value<'_>> = vec![run.rows().start.into(), run.rows().end.into()];
        values.extend(arguments);
        let rows = match self.pool.fetch_all(&sql, &values).await {
            Err(error) if is_missing_table(&error) => return Ok(0),
            rows => rows.map_err(|error| self.error(error))?,
        };
        let count: i64 = first(&rows).map_err(|error| self.error(error))?;
        Ok(count.unsigned_abs())
    }

    /// The greatest number of a process that a run's invocations name, if any of them does.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn last_process(&self, run: RunNumber) -> Result<Option<u32>, StoreError> {
        let sql = "SELECT CAST(max(process) AS BIGINT) FROM invocations WHERE id >= $1 AND id < $2";
        let values = [run.rows().start.into(), run.rows().end.into()];
        let rows = self.pool.fetch_all(sql, &values).await.map_err(|error| self.error(error))?;
        let last: Option<i64> = match rows.first() {
            Some(row) => row.at(0).map_err(|error| self.error(error))?,
            None => None,
        };
        last.map(u32::try_from)
            .transpose()
            .map_err(|_| self.error(unreadable("invocations", "a process is out of range")))
    }

    /// Closes the connections; recorders go on with their own. A file that nobody else has open is left as one file,
    /// without a write-ahead log beside it.
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// A connection for a transaction.
    pub(super) async fn connect(&self) -> Result<Connection, StoreError> {
        self.database.connect().await.map_err(|error| self.error(error))
    }

    pub(super) fn read_run(&self, row: &DatabaseRow) -> Result<Run, StoreError> {
        Run::read(row, &self.process).map_err(|error| self.error(error))
    }

    /// The number that an inserted run got.
    pub(super) fn number_of(&self, rows: &[DatabaseRow]) -> Result<RunNumber, StoreError> {
        first(rows).map(RunNumber).map_err(|error| self.error(error))
    }

    pub(super) fn error(&self, error: sqlx::Error) -> StoreError {
        StoreError::at(&self.location, error)
    }
}

/// The first column of the only row.
/// Whether a table that is asked for is not there: SQLite says so in words only.
fn is_missing_table(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    error.code().as_deref() == Some("42P01") || error.message().starts_with("no such table")
}

pub(super) fn first(rows: &[DatabaseRow]) -> Result<i64, sqlx::Error> {
    rows.first().ok_or(sqlx::Error::RowNotFound)?.at(0)
}
