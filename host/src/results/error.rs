//! What can go wrong with a results database, and what to do about it.

use std::{path::PathBuf, sync::Arc};

use sqlx::postgres::PgDatabaseError;
use thiserror::Error;

use super::Location;

/// Why a results database can't be opened, written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file's folder isn't there.
    #[error("the folder of the results file `{}` does not exist; create it, or give another file", path.display())]
    FolderMissing {
        /// The file asked for.
        path: PathBuf,
    },
    /// A folder in place of a file.
    #[error("the results file `{}` is a folder; give a file inside it", path.display())]
    IsFolder {
        /// The path asked for.
        path: PathBuf,
    },
    /// There is nothing to read.
    #[error("there are no results at `{location}` yet: `faasbench run` makes them, or give another place")]
    Missing {
        /// The place asked for.
        location: Location,
    },
    /// The file or its folder doesn't allow writing.
    #[error(
        "the results file `{}` can't be opened for writing: check the rights of the file and of its folder (SQLite \
         writes two more files beside it), or give another file", path.display()
    )]
    Unwritable {
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Some other kind of file.
    #[error("`{}` is not a database; it was left as it is; give another file", path.display())]
    NotADatabase {
        /// The file asked for.
        path: PathBuf,
    },
    /// A database of something else.
    #[error("`{location}` holds another program's tables; they were left as they are; give another place")]
    NotOurs {
        /// The place asked for.
        location: Location,
    },
    /// The file is damaged.
    #[error(
        "the results file `{}` is damaged; move it away to go on with a new one, and save what is left of it with \
         `sqlite3 FILE .recover`", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// Written by a newer version of this program.
    #[error(
        "the results at `{location}` have schema version {found}, and this faasbench knows versions up to {known}: use \
         the newer faasbench that wrote them, or give another place"
    )]
    Newer {
        /// The place.
        location: Location,
        /// Its schema version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// Bringing the schema up to date failed; the results are as they were.
    #[error("the schema of the results at `{location}` could not be brought up to date; they are as they were")]
    Migration {
        /// The place.
        location: Location,
        /// What failed.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// No server answers.
    #[error("the PostgreSQL server of `{location}` can't be reached: check that it runs, and the host and port")]
    Unreachable {
        /// The place asked for.
        location: Location,
        /// What the system or the server said.
        #[source]
        source: sqlx::Error,
    },
    /// The server doesn't let us in, or not do what we must.
    #[error(
        "the PostgreSQL server refuses access to `{location}`: check user and password (`PGPASSWORD` and `.pgpass` are \
         read too), and that the user may create a schema"
    )]
    Denied {
        /// The place asked for.
        location: Location,
        /// What the server said.
        #[source]
        source: sqlx::Error,
    },
    /// The server is there, the database isn't.
    #[error("the PostgreSQL server has no such database as in `{location}`; make it with `createdb`")]
    NoDatabase {
        /// The place asked for.
        location: Location,
        /// What the server said.
        #[source]
        source: sqlx::Error,
    },
    /// Another process held the database for longer than the time allowed.
    #[error("the results are locked by another process; wait for it, or give another place")]
    Locked(#[source] sqlx::Error),
    /// No room.
    #[error("the disk that holds the results is full; make room")]
    Full(#[source] sqlx::Error),
    /// There are no runs yet.
    #[error("no run is stored yet; `faasbench run` makes one")]
    NoRuns,
    /// No run has this id.
    #[error("no run is labelled `{wanted}`, and no run's id begins so; `faasbench results list` lists what there is")]
    NoSuchRun {
        /// What was asked for.
        wanted: String,
    },
    /// Several runs have ids that begin so.
    #[error("the ids of several runs begin with `{wanted}`: {}; give more of it", candidates.join(", "))]
    AmbiguousRun {
        /// What was asked for.
        wanted: String,
        /// Their ids, the newest first, at most ten.
        candidates: Vec<String>,
    },
    /// What was asked for can't be done to a run that goes on.
    #[error(
        "run {id} is being written by process {process_id}{}: wait for it to end, or end it",
        host.as_deref().map(|host| format!(" on {host}")).unwrap_or_default()
    )]
    RunIsRunning {
        /// The run's id.
        id: String,
        /// The process that writes it.
        process_id: u32,
        /// The process's machine.
        host: Option<String>,
    },
    /// A run has used up the ids of its rows.
    #[error("run {id} has no room for more rows")]
    RunIsFull {
        /// The run's id.
        id: String,
    },
    /// A value to be stored can't be written as JSON.
    #[error("a value can't be stored as JSON")]
    Json(#[from] serde_json::Error),
    /// The thread that writes could not be started.
    #[error("the thread that writes results could not be started")]
    Thread(#[source] std::io::Error),
    /// Anything else that the database said.
    #[error("the results database failed")]
    Database(#[source] sqlx::Error),
}

/// SQLite's primary result codes, <https://sqlite.org/rescode.html>.
mod code {
    pub(super) const READ_ONLY: u32 = 8;
    pub(super) const IO: u32 = 10;
    pub(super) const CORRUPT: u32 = 11;
    pub(super) const FULL: u32 = 13;
    pub(super) const CANT_OPEN: u32 = 14;
    pub(super) const TOO_BIG: u32 = 18;
    pub(super) const CONSTRAINT: u32 = 19;
    pub(super) const MISMATCH: u32 = 20;
    pub(super) const NOT_A_DATABASE: u32 = 26;
    pub(super) const BUSY: u32 = 5;
    pub(super) const LOCKED: u32 = 6;
}

/// The primary result code, which is the low byte of the extended one.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    if sql_state(error).is_some() {
        return None;
    }
    code.parse::<u32>().ok().map(|code| code & 0xff)
}

/// PostgreSQL's code: five characters, the first two of which are the class,
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn sql_state(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::code)
}

pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(code::BUSY | code::LOCKED))
}

/// Whether the file was opened and can't be written.
pub(super) fn is_unwritable(error: &StoreError) -> bool {
    matches!(error, StoreError::Unwritable { .. })
}

/// Whether the database refuses what it was given, so that trying again is no use.
pub(super) fn is_refused(error: &sqlx::Error) -> bool {
    match sql_state(error) {
        // Data that the type can't hold (text with NUL), constraints, values beyond a limit.
        Some(state) => ["22", "23", "54"].iter().any(|class| state.starts_with(class)),
        None => {
            matches!(primary_code(error), Some(code::CONSTRAINT | code::MISMATCH | code::TOO_BIG))
                || matches!(error, sqlx::Error::Encode(_))
        }
    }
}

impl StoreError {
    /// An error while opening or using the database at `location`.
    pub(super) fn at(location: &Location, error: sqlx::Error) -> Self {
        match location {
            Location::File(path) => {
                let path = path.clone();
                match primary_code(&error) {
                    Some(code::READ_ONLY | code::CANT_OPEN) => Self::Unwritable { path, source: Box::new(error) },
                    Some(code::NOT_A_DATABASE) => Self::NotADatabase { path },
                    Some(code::CORRUPT) => Self::Damaged { path, source: error },
                    _ => error.into(),
                }
            }
            Location::Postgres(_) => {
                let (location, source) = (location.clone(), error);
                match sql_state(&source) {
                    // Shutting down, starting up, too many connections.
                    Some(state) if state.starts_with("57P") || state.starts_with("08") || state == "53300" => {
                        Self::Unreachable { location, source }
                    }
                    Some(state) if state.starts_with("28") || state == "42501" => Self::Denied { location, source },
                    Some("3D000") => Self::NoDatabase { location, source },
                    Some(_) => source.into(),
                    None if is_connection_failure(&source) => Self::Unreachable { location, source },
                    None => source.into(),
                }
            }
        }
    }
}

/// Whether the way to the server failed, not the server.
fn is_connection_failure(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed
    )
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match (primary_code(&error), sql_state(&error)) {
            (Some(code::BUSY | code::LOCKED), _) | (_, Some("55P03" | "40P01" | "40001")) => Self::Locked(error),
            (Some(code::FULL), _) | (_, Some("53100")) => Self::Full(error),
            // A full disk is also reported as a failed write of the shared memory file.
            (Some(code::IO), _) if error.to_string().contains("full") => Self::Full(error),
            _ => Self::Database(error),
        }
    }
}

/// Why a row could not be taken, or not be written yet.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Writing fails; everything is kept in memory, this row too, and is written as soon as it can be. Said once for
    /// every failed attempt.
    #[error("results can't be written at present and are kept in memory ({rows} rows)")]
    Delayed {
        /// How many rows wait.
        rows: usize,
        /// Why.
        #[source]
        source: Arc<StoreError>,
    },
    /// The PostgreSQL server can't be written; this row and those after it go to a local file until it can, and are
    /// then taken there. Said once for every outage.
    #[error(
        "the results database can't be written at present; results go to `{}` until it can", file.display()
    )]
    Away {
        /// The local file.
        file: PathBuf,
        /// Why.
        #[source]
        source: Arc<StoreError>,
    },
    /// The run has ended while the PostgreSQL server couldn't be written: what it doesn't have is in a local file.
    #[error(
        "the results database can't be written; the rest of the run is in `{file}`: take it there later with \
         `faasbench results import {file} --results {location}`", file = file.display()
    )]
    LeftInFile {
        /// The local file.
        file: PathBuf,
        /// The database that it belongs to.
        location: Location,
        /// Why.
        #[source]
        source: Arc<StoreError>,
    },
    /// The rows that wait for a failing or slow disk have reached the bound; this row was not taken.
    #[error("the {limit_bytes} bytes kept for results that can't be written yet are used up; this row is lost")]
    BufferFull {
        /// The bound, bytes.
        limit_bytes: usize,
    },
    /// An invocation of another run, or more than 2^32 of them; this row was not taken.
    #[error("invocation {id} does not belong to run {run}")]
    ForeignInvocation {
        /// The invocation's id.
        id: i64,
        /// The run's number.
        run: i64,
    },
    /// The run is finished; this row was not taken.
    #[error("the run is finished: nothing more can be recorded")]
    Finished,
}

impl RecordError {
    /// Whether the row was taken all the same, and is or will be written.
    pub fn was_taken(&self) -> bool {
        matches!(self, Self::Delayed { .. } | Self::Away { .. })
    }
}
