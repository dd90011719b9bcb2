//! The results file.

use std::{ops::ControlFlow, path::Path, path::PathBuf, time::Duration};

use sqlx::sqlite::{SqliteArguments, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Row as _};

use super::batch::unix_ns;
use super::filter::Argument;
use super::id::run_id;
use super::process::ProcessIdentity;
use super::table::{Stored, Table};
use super::{Filter, NewRun, Recorder, Run, RunNumber, RunStatus, StoreError, open};

/// Rows read at a time: bounds the memory of a report and how long a reader holds back the clearing of the WAL.
const PAGE: i64 = 4_096;

/// How a results file is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// How long to wait for another process that writes.
    pub busy_timeout: Duration,
    /// How much memory rows may take while they can't be written.
    pub buffer_bytes: usize,
}

impl Default for StoreOptions {
    /// Ten seconds and 256 MiB.
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(10), buffer_bytes: 256 << 20 }
    }
}

/// A results file. Several processes may hold it open, write runs into it and read them.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    options: StoreOptions,
    pool: SqlitePool,
    process: ProcessIdentity,
}

impl Store {
    /// Opens a results file, or creates it; brings an older schema up to date.
    ///
    /// # Errors
    /// [`StoreError`] says what is wrong with the file and what to do; nothing was changed then.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path, StoreOptions::default()).await
    }

    /// [`Store::open`] with settings.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with(path: impl AsRef<Path>, options: StoreOptions) -> Result<Self, StoreError> {
        let path = path.as_ref().to_path_buf();
        open::prepare(&path, options.busy_timeout).await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(open::options(&path, options.busy_timeout))
            .await
            .map_err(|error| StoreError::at(&path, error))?;
        Ok(Self { path, options, pool, process: ProcessIdentity::own() })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a run, stored at once.
    ///
    /// # Errors
    /// When it can't be written.
    pub async fn create_run(&self, new: NewRun) -> Result<Recorder, StoreError> {
        let created_unix_ns = unix_ns();
        let id = run_id(created_unix_ns);
        let number: i64 = sqlx::query_scalar(
            "INSERT INTO runs (id, created_unix_ns, status, label, command, plan, environment, seed, version, \
             process_id, process_start, process_namespace, boot_id, host_name) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number",
        )
        .bind(&id)
        .bind(created_unix_ns)
        .bind(RunStatus::Running.name())
        .bind(&new.label)
        .bind(serde_json::to_string(&new.command)?)
        .bind(serde_json::to_string(&new.plan)?)
        .bind(serde_json::to_string(&new.environment)?)
        .bind(new.seed.to_string())
        .bind(&new.version)
        .bind(self.process.process_id)
        .bind(self.process.process_start)
        .bind(&self.process.process_namespace)
        .bind(&self.process.boot_id)
        .bind(&self.process.host_name)
        .fetch_one(&self.pool)
        .await
        .map_err(|error| self.error(error))?;
        let run = Run {
            number: RunNumber(number),
            id,
            created_unix_ns,
            finished_unix_ns: None,
            status: RunStatus::Running,
            label: new.label,
            command: new.command,
            plan: new.plan,
            environment: new.environment,
            seed: new.seed,
            version: new.version,
            process: self.process.clone(),
        };
        let options = open::options(&self.path, self.options.busy_timeout);
        Recorder::start(run, options, self.options.buffer_bytes)
    }

    /// All runs, the newest first. A run whose process is gone without having finished it is
    /// [`RunStatus::Interrupted`].
    ///
    /// # Errors
    /// When the file can't be read.
    pub async fn list_runs(&self) -> Result<Vec<Run>, StoreError> {
        let rows = sqlx::query("SELECT * FROM runs ORDER BY number DESC").fetch_all(&self.pool).await;
        let rows = rows.map_err(|error| self.error(error))?;
        rows.iter().map(|row| self.read_run(row)).collect()
    }

    /// One run: `latest`, an id, or the beginning of an id that no other run shares.
    ///
    /// # Errors
    /// When there is none, or several, or the file can't be read.
    pub async fn run(&self, wanted: &str) -> Result<Run, StoreError> {
        if wanted == "latest" {
            let row = sqlx::query("SELECT * FROM runs ORDER BY number DESC LIMIT 1").fetch_optional(&self.pool).await;
            let row = row.map_err(|error| self.error(error))?.ok_or(StoreError::NoRuns)?;
            return self.read_run(&row);
        }
        let wanted = wanted.to_ascii_lowercase();
        let rows = sqlx::query("SELECT * FROM runs WHERE substr(id, 1, length(?1)) = ?1 ORDER BY number DESC LIMIT 10")
            .bind(&wanted)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.error(error))?;
        match rows.as_slice() {
            [row] if !wanted.is_empty() => self.read_run(row),
            [] => Err(StoreError::NoSuchRun { wanted }),
            rows => {
                let candidates: Result<_, _> = rows.iter().map(|row| row.try_get("id")).collect();
                Err(StoreError::AmbiguousRun { wanted, candidates: candidates.map_err(|error| self.error(error))? })
            }
        }
    }

    /// Calls `each` for every row of a run that passes the filter, in the order in which they were recorded, until it
    /// says to stop. Reads a few thousand rows at a time; rows that a run adds meanwhile are seen too.
    ///
    /// # Errors
    /// When the file can't be read.
    pub async fn for_each<T: Table>(
        &self,
        run: RunNumber,
        filter: &Filter,
        mut each: impl FnMut(Stored<T>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let (conditions, arguments) = filter.conditions::<T>();
        let columns = T::COLUMNS.iter().map(|column| format!("t.{column}")).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT t.id, {columns} FROM {} AS t WHERE t.id >= ? AND t.id < ?{conditions} ORDER BY t.id LIMIT {PAGE}",
            T::NAME
        );
        let mut range = run.rows();
        loop {
            let bound = bind(&range, &arguments)?;
            let rows = sqlx::query_with(AssertSqlSafe(sql.as_str()), bound).fetch_all(&self.pool).await;
            let rows = rows.map_err(|error| self.error(error))?;
            for row in &rows {
                let stored = self.read_row(row)?;
                range.start = stored.id + 1;
                if each(stored).is_break() {
                    return Ok(());
                }
            }
            if (rows.len() as i64) < PAGE {
                return Ok(());
            }
        }
    }

    /// All rows of a run that pass the filter, in the order in which they were recorded. For what fits in memory.
    ///
    /// # Errors
    /// When the file can't be read.
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
    /// When the file can't be read.
    pub async fn count<T: Table>(&self, run: RunNumber, filter: &Filter) -> Result<u64, StoreError> {
        let (conditions, arguments) = filter.conditions::<T>();
        let sql = format!("SELECT count(*) FROM {} AS t WHERE t.id >= ? AND t.id < ?{conditions}", T::NAME);
        let bound = bind(&run.rows(), &arguments)?;
        let count: i64 = sqlx::query_scalar_with(AssertSqlSafe(sql), bound)
            .fetch_one(&self.pool)
            .await
            .map_err(|error| self.error(error))?;
        Ok(count.unsigned_abs())
    }

    /// Closes the connections; recorders go on with their own.
    pub async fn close(self) {
        self.pool.close().await;
    }

    fn read_run(&self, row: &SqliteRow) -> Result<Run, StoreError> {
        Run::read(row, &self.process).map_err(|error| self.error(error))
    }

    fn read_row<T: Table>(&self, row: &SqliteRow) -> Result<Stored<T>, StoreError> {
        let id = row.try_get("id").map_err(|error| self.error(error))?;
        Ok(Stored { id, row: T::read(row).map_err(|error| self.error(error))? })
    }

    fn error(&self, error: sqlx::Error) -> StoreError {
        StoreError::at(&self.path, error)
    }
}

fn bind(range: &std::ops::Range<i64>, arguments: &[Argument]) -> Result<SqliteArguments, StoreError> {
    let mut bound = SqliteArguments::default();
    let mut add = || -> Result<(), sqlx::error::BoxDynError> {
        bound.add(range.start)?;
        bound.add(range.end)?;
        for argument in arguments {
            match argument {
                Argument::Integer(value) => bound.add(*value)?,
                Argument::Text(value) => bound.add(value.clone())?,
            }
        }
        Ok(())
    };
    add().map_err(|error| StoreError::Database(sqlx::Error::Encode(error)))?;
    Ok(bound)
}
