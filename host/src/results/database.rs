//! One way to talk to both kinds of database: statements with `$1`, values, rows.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _};

use super::value::{DatabaseRow, Value, postgres_arguments, sqlite_arguments};

/// Connections of a store's readers.
const READERS: u32 = 4;

/// How connections are made.
#[derive(Debug, Clone)]
pub(super) enum Options {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

impl Options {
    pub(super) async fn connect(&self) -> Result<Connection, sqlx::Error> {
        match self {
            Self::Sqlite(options) => Ok(Connection::Sqlite(options.connect().await?)),
            Self::Postgres(options) => Ok(Connection::Postgres(Box::new(options.connect().await?))),
        }
    }

    /// The same, where what is committed also survives a power cut.
    pub(super) fn durable(&self) -> Options {
        match self {
            Self::Sqlite(options) => Self::Sqlite(options.clone().synchronous(SqliteSynchronous::Full)),
            Self::Postgres(options) => Self::Postgres(options.clone().options([("synchronous_commit", "on")])),
        }
    }

    pub(super) async fn pool(&self, patience: Duration) -> Result<Pool, sqlx::Error> {
        match self {
            Self::Sqlite(options) => {
                let pool = SqlitePoolOptions::new().max_connections(READERS).acquire_timeout(patience);
                Ok(Pool::Sqlite(pool.connect_with(options.clone()).await?))
            }
            Self::Postgres(options) => {
                let pool = PgPoolOptions::new().max_connections(READERS).acquire_timeout(patience);
                Ok(Pool::Postgres(pool.connect_with(options.clone()).await?))
            }
        }
    }
}

/// The readers' connections.
#[derive(Debug, Clone)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Pool {
    pub(super) async fn fetch_all(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<DatabaseRow>, sqlx::Error> {
        let values = values.iter().cloned();
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(pool) => {
                let rows = sqlx::query_with(sql, sqlite_arguments(values)?).fetch_all(pool).await?;
                rows.into_iter().map(DatabaseRow::Sqlite).collect()
            }
            Self::Postgres(pool) => {
                let rows = sqlx::query_with(sql, postgres_arguments(values)?).fetch_all(pool).await?;
                rows.into_iter().map(DatabaseRow::Postgres).collect()
            }
        })
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A connection of its own, for what is done in transactions. One that is dropped in the middle of a transaction takes
/// the transaction with it.
#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(Box<PgConnection>),
}

impl Connection {
    pub(super) async fn fetch_all(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<DatabaseRow>, sqlx::Error> {
        let values = values.iter().cloned();
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(connection) => {
                let rows = sqlx::query_with(sql, sqlite_arguments(values)?).fetch_all(connection).await?;
                rows.into_iter().map(DatabaseRow::Sqlite).collect()
            }
            Self::Postgres(connection) => {
                let rows = sqlx::query_with(sql, postgres_arguments(values)?).fetch_all(&mut **connection).await?;
                rows.into_iter().map(DatabaseRow::Postgres).collect()
            }
        })
    }

    /// How many rows were changed.
    pub(super) async fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, sqlx::Error> {
        let values = values.iter().cloned();
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(connection) => {
                sqlx::query_with(sql, sqlite_arguments(values)?).execute(connection).await?.rows_affected()
            }
            Self::Postgres(connection) => {
                sqlx::query_with(sql, postgres_arguments(values)?).execute(&mut **connection).await?.rows_affected()
            }
        })
    }

    /// Begins a transaction that writes. In SQLite the only one: it waits for its turn here and not later.
    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(_) => self.command("BEGIN IMMEDIATE").await,
            Self::Postgres(_) => self.command("BEGIN").await,
        }
    }

    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.command("COMMIT").await
    }

    pub(super) async fn command(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(sql).execute(connection).await.map(|_| ()),
            Self::Postgres(connection) => sqlx::raw_sql(sql).execute(&mut **connection).await.map(|_| ()),
        }
    }

    /// Tells a server how many rows its tables hold by now, without which it plans badly for a run that was just made.
    pub(super) async fn analyze(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(_) => {
                self.command("ANALYZE runs, invocations, records, samples, counters, metrics, documents, notes").await
            }
        }
    }

    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        }
    }
}
