//! Opening results on a PostgreSQL server. They have a schema of their own, `faasbench`, so that a database may hold
//! other programs' tables beside them; only another program's tables in that schema are a reason to refuse.

use std::time::Duration;

use sqlx::migrate::{Migrate, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Executor};

use super::location::PostgresUrl;
use super::schema::{Found, migration_error};
use super::{Location, StoreError};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

/// Creates the tables or brings them up to date.
pub(super) async fn prepare(url: &PostgresUrl, patience: Duration) -> Result<PgConnectOptions, StoreError> {
    let location = Location::Postgres(url.clone());
    let (mut connection, options) = connect(url, patience).await?;
    match look(&location, &mut connection).await? {
        Found::UpToDate => {}
        Found::Nothing | Found::Older => migrate(&location, &mut connection).await?,
    }
    connection.close().await.map_err(|error| StoreError::at(&location, error))?;
    Ok(options)
}

/// How to connect to results that are there. Creates nothing; brings an older schema up to date where it may.
pub(super) async fn prepare_existing(url: &PostgresUrl, patience: Duration) -> Result<PgConnectOptions, StoreError> {
    let location = Location::Postgres(url.clone());
    let (mut connection, options) = connect(url, patience).await?;
    match look(&location, &mut connection).await? {
        Found::Nothing => return Err(StoreError::Missing { location }),
        Found::Older => match migrate(&location, &mut connection).await {
            // Whoever may only read reads what is there.
            Ok(()) | Err(StoreError::Denied { .. }) => {}
            Err(error) => return Err(error),
        },
        Found::UpToDate => {}
    }
    connection.close().await.map_err(|error| StoreError::at(&location, error))?;
    Ok(options)
}

async fn connect(url: &PostgresUrl, patience: Duration) -> Result<(PgConnection, PgConnectOptions), StoreError> {
    let at = |error| StoreError::at(&Location::Postgres(url.clone()), error);
    let options = url.options().map_err(at)?;
    // For one page, compiling a statement takes longer than running it. Rows of a run are neighbours in their table, which
    // a server without fresh statistics doesn't know: it would collect and sort all of them for every page.
    let options = options
        .options([("search_path", "faasbench"), ("jit", "off"), ("enable_bitmapscan", "off")])
        .application_name("faasbench")
        .disable_statement_logging();
    let connected = tokio::time::timeout(patience, options.connect()).await;
    let connection = connected.unwrap_or_else(|_| Err(timed_out())).map_err(at)?;
    Ok((connection, options))
}

/// The error of a server that doesn't answer.
pub(super) fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the server does not answer"))
}

async fn look(location: &Location, connection: &mut PgConnection) -> Result<Found, StoreError> {
    let at = |error| StoreError::at(location, error);
    let schemas: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = 'faasbench'")
        .fetch_one(&mut *connection)
        .await
        .map_err(at)?;
    if schemas == 0 {
        return Ok(Found::Nothing);
    }
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = 'faasbench' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(at)?;
    if tables.is_empty() {
        return Ok(Found::Older);
    }
    if !tables.iter().any(|table| table == "_sqlx_migrations") {
        return Err(StoreError::NotOurs { location: location.clone() });
    }
    let found: Option<i64> =
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(connection).await.map_err(at)?;
    Found::of(location.clone(), found, &MIGRATIONS)
}

/// Under an advisory lock, so that two processes may open an empty database at once. The lock ends with the connection
/// at the latest.
async fn migrate(location: &Location, connection: &mut PgConnection) -> Result<(), StoreError> {
    let at = |error| migration_error(location, error);
    connection.lock().await.map_err(at)?;
    connection
        .execute("CREATE SCHEMA IF NOT EXISTS faasbench")
        .await
        .map_err(|error| StoreError::at(location, error))?;
    MIGRATIONS.run_direct(None, connection, false).await.map_err(at)?;
    connection.unlock().await.map_err(at)
}
