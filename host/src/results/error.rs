//! What can go wrong with a results file, and what to do about it.

use std::{path::PathBuf, sync::Arc};

use thiserror::Error;

/// Why a results file can't be opened, written or read.
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
    #[error("`{}` is a database of another program; it was left as it is; give another file", path.display())]
    NotOurs {
        /// The file asked for.
        path: PathBuf,
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
        "the results file `{}` has schema version {found}, and this faasbench knows versions up to {known}: use the \
         newer faasbench that wrote it, or give another file", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// Bringing the schema up to date failed; the file is as it was.
    #[error("the schema of the results file `{}` could not be brought up to date; the file is as it was", path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// What failed.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// Another process held the file for longer than the time allowed.
    #[error("the results file is locked by another process; wait for it, or give another file")]
    Locked(#[source] sqlx::Error),
    /// No room.
    #[error("the disk that holds the results file is full; make room")]
    Full(#[source] sqlx::Error),
    /// There are no runs yet.
    #[error("no run is stored yet; `faasbench run` makes one")]
    NoRuns,
    /// No run has this id.
    #[error("no run's id begins with `{wanted}`")]
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
    pub(super) const CONSTRAINT: u32 = 19;
    pub(super) const NOT_A_DATABASE: u32 = 26;
    pub(super) const BUSY: u32 = 5;
    pub(super) const LOCKED: u32 = 6;
}

/// The primary result code, which is the low byte of the extended one.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<u32>().ok().map(|code| code & 0xff)
}

pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(code::BUSY | code::LOCKED))
}

pub(super) fn is_constraint(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(code::CONSTRAINT)
}

impl StoreError {
    /// An error while opening or using the file at `path`.
    pub(super) fn at(path: &std::path::Path, error: sqlx::Error) -> Self {
        let path = path.to_path_buf();
        match primary_code(&error) {
            Some(code::READ_ONLY | code::CANT_OPEN) => Self::Unwritable { path, source: Box::new(error) },
            Some(code::NOT_A_DATABASE) => Self::NotADatabase { path },
            Some(code::CORRUPT) => Self::Damaged { path, source: error },
            _ => error.into(),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match primary_code(&error) {
            Some(code::BUSY | code::LOCKED) => Self::Locked(error),
            Some(code::FULL) => Self::Full(error),
            // A full disk is also reported as a failed write of the shared memory file.
            Some(code::IO) if error.to_string().contains("full") => Self::Full(error),
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
