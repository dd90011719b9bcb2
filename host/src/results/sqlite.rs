//! Opening a results file: what is there is looked at before anything is written to it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use super::error::{is_busy, is_unwritable};
use super::schema::{Found, migration_error};
use super::{Location, StoreError};

/// `PRAGMA application_id` of our files: "faas" in ASCII, as in the first migration.
const APPLICATION_ID: i64 = 0x6661_6173;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");

/// How every connection to a file that is written is set up.
///
/// WAL with synchronous NORMAL: what is committed survives the death of the process; a power cut may take the last
/// commits and leaves the file whole.
pub(super) fn options(path: &Path, busy_timeout: Duration) -> SqliteConnectOptions {
    looking(path, busy_timeout)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
}

/// Without a journal mode: another program's database is not to be switched to ours.
fn looking(path: &Path, busy_timeout: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(busy_timeout)
        // A page of rows goes from SQLite's thread to ours without either waiting for the other.
        .row_buffer_size(4_096)
        .disable_statement_logging()
}

/// Creates the file or brings its schema up to date.
pub(super) async fn prepare(path: &Path, busy_timeout: Duration) -> Result<SqliteConnectOptions, StoreError> {
    look_at_path(path)?;
    match look_with(path, looking(path, busy_timeout).create_if_missing(true)).await? {
        Found::UpToDate => {}
        Found::Nothing | Found::Older => migrate(path, busy_timeout).await?,
    }
    Ok(options(path, busy_timeout))
}

/// How to open a file that is there, whether or not it or its folder can be written. Creates nothing; brings an older
/// schema up to date where it can.
pub(super) async fn prepare_existing(path: &Path, busy_timeout: Duration) -> Result<SqliteConnectOptions, StoreError> {
    let missing = || StoreError::Missing { location: path.into() };
    if !path.exists() {
        return Err(missing());
    }
    look_at_path(path)?;
    let looked = look_with(path, looking(path, busy_timeout)).await;
    let unwritable = match looked {
        Ok(Found::UpToDate) => return Ok(options(path, busy_timeout)),
        Ok(Found::Nothing) => return Err(missing()),
        Ok(Found::Older) => match migrate(path, busy_timeout).await {
            Ok(()) => return Ok(options(path, busy_timeout)),
            Err(error) => error,
        },
        Err(error) => error,
    };
    if !is_unwritable(&unwritable) {
        return Err(unwritable);
    }
    // Without a file for the write-ahead log there is nobody who writes, and no need for files beside this one, which
    // SQLite can't make in a folder that is read-only.
    let read_only = looking(path, busy_timeout).read_only(true);
    let candidates = [read_only.clone(), read_only.immutable(true)];
    let candidates = if has_log(path) { &candidates[..1] } else { &candidates[..] };
    for candidate in candidates {
        match look_with(path, candidate.clone()).await {
            Ok(Found::Nothing) => return Err(missing()),
            Ok(Found::Older | Found::UpToDate) => return Ok(candidate.clone()),
            Err(error) if is_unwritable(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Err(unwritable)
}

/// Whether part of the file's contents is still in its write-ahead log.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(PathBuf::from(log)).is_ok_and(|metadata| metadata.len() > 0)
}

fn look_at_path(path: &Path) -> Result<(), StoreError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(StoreError::FolderMissing { path: path.to_path_buf() });
    }
    if path.is_dir() {
        return Err(StoreError::IsFolder { path: path.to_path_buf() });
    }
    Ok(())
}

async fn look_with(path: &Path, options: SqliteConnectOptions) -> Result<Found, StoreError> {
    let at = |error| StoreError::at(&path.into(), error);
    let mut connection = options.connect().await.map_err(at)?;
    let found = look_at_contents(path, &mut connection).await;
    connection.close().await.map_err(at)?;
    found
}

/// What the file holds; an error where it isn't ours or is too new.
async fn look_at_contents(path: &Path, connection: &mut SqliteConnection) -> Result<Found, StoreError> {
    let location = Location::from(path);
    let at = |error| StoreError::at(&location, error);
    let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(at)?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *connection).await.map_err(at)?;
    match (application, tables) {
        (APPLICATION_ID, _) => {}
        (0, 0) => return Ok(Found::Nothing),
        _ => return Err(StoreError::NotOurs { location }),
    }
    let found: Option<i64> =
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(connection).await.map_err(at)?;
    Found::of(location, found, &MIGRATIONS)
}

/// All in one transaction that is taken before looking, so that two processes may open a new file at once.
async fn migrate(path: &Path, busy_timeout: Duration) -> Result<(), StoreError> {
    let location = Location::from(path);
    let at = |error| StoreError::at(&location, error);
    let mut connection = connect(path, busy_timeout).await.map_err(at)?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(at)?;
    // `run` itself makes futures that the compiler can't see to be `Send` (rust-lang/rust#100013).
    MIGRATIONS.run_direct(None, &mut *transaction, false).await.map_err(|error| migration_error(&location, error))?;
    transaction.commit().await.map_err(at)?;
    connection.close().await.map_err(at)
}

/// A connection of our kind. Two processes that switch a new file to WAL at once find it locked without being made to
/// wait by SQLite, so we wait.
async fn connect(path: &Path, busy_timeout: Duration) -> Result<SqliteConnection, sqlx::Error> {
    let until = std::time::Instant::now() + busy_timeout;
    loop {
        match options(path, busy_timeout).connect().await {
            Err(error) if is_busy(&error) && std::time::Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            result => return result,
        }
    }
}
