//! Opening a results file: what is there is looked at before anything is written to it.

use std::{path::Path, time::Duration};

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use super::StoreError;

/// `PRAGMA application_id` of our files: "faas" in ASCII, as in the first migration.
const APPLICATION_ID: i64 = 0x6661_6173;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");

/// How every connection to the file is set up.
///
/// WAL with synchronous NORMAL: what is committed survives the death of the process; a power cut may take the last
/// commits and leaves the file whole.
pub(super) fn options(path: &Path, busy_timeout: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(busy_timeout)
        .disable_statement_logging()
}

/// Creates the file or brings its schema up to date.
pub(super) async fn prepare(path: &Path, busy_timeout: Duration) -> Result<(), StoreError> {
    look_at_path(path)?;
    // Without a journal mode: another program's database is not to be switched to ours.
    let looking = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .busy_timeout(busy_timeout)
        .disable_statement_logging();
    let mut connection = looking.connect().await.map_err(|error| StoreError::at(path, error))?;
    let up_to_date = look_at_contents(path, &mut connection).await?;
    connection.close().await.map_err(|error| StoreError::at(path, error))?;
    if up_to_date { Ok(()) } else { migrate(path, busy_timeout).await }
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

/// Whether the file has every migration already; an error where it isn't ours or is too new.
async fn look_at_contents(path: &Path, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let at = |error| StoreError::at(path, error);
    let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(at)?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *connection).await.map_err(at)?;
    match (application, tables) {
        (APPLICATION_ID, _) => {}
        (0, 0) => return Ok(false),
        _ => return Err(StoreError::NotOurs { path: path.to_path_buf() }),
    }
    let found: Option<i64> =
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(connection).await.map_err(at)?;
    let found = found.unwrap_or(0);
    let known = newest();
    if found > known {
        return Err(StoreError::Newer { path: path.to_path_buf(), found, known });
    }
    Ok(found == known)
}

fn newest() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// All in one transaction that is taken before looking, so that two processes may open a new file at once.
async fn migrate(path: &Path, busy_timeout: Duration) -> Result<(), StoreError> {
    let at = |error| StoreError::at(path, error);
    let mut connection = connect(path, busy_timeout).await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(at)?;
    // `run` itself makes futures that the compiler can't see to be `Send` (rust-lang/rust#100013).
    MIGRATIONS.run_direct(None, &mut *transaction, false).await.map_err(|source| match source {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => StoreError::at(path, error),
        source => StoreError::Migration { path: path.to_path_buf(), source },
    })?;
    transaction.commit().await.map_err(at)?;
    connection.close().await.map_err(at)
}

/// A connection of our kind. Two processes that switch a new file to WAL at once find it locked without being made to
/// wait by SQLite, so we wait.
async fn connect(path: &Path, busy_timeout: Duration) -> Result<SqliteConnection, StoreError> {
    let until = std::time::Instant::now() + busy_timeout;
    loop {
        match options(path, busy_timeout).connect().await {
            Err(error) if super::error::is_busy(&error) && std::time::Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            result => return result.map_err(|error| StoreError::at(path, error)),
        }
    }
}
