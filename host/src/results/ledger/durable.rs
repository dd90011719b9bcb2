//! A connection whose commits are on the disk when they return.

use std::future::Future;
use std::pin::Pin;

use tokio::sync::Mutex;

use super::super::database::Connection;
use super::super::value::{DatabaseRow, Value};
use super::super::{Store, StoreError};

/// The ledger in a results database. Several processes may write to one at once.
#[derive(Debug)]
pub struct DurableLedger {
    pub(super) store: Store,
    /// One that failed, or whose user was cancelled, is not used again.
    connection: Mutex<Option<Connection>>,
}

/// What is done within a transaction.
pub(super) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'c>>;

impl Store {
    /// The ledger of deployments in this database. It has a connection of its own, and goes on when the store is closed.
    pub fn ledger(&self) -> DurableLedger {
        DurableLedger { store: self.clone(), connection: Mutex::new(None) }
    }
}

impl DurableLedger {
    /// Closes its connection; another use opens it again.
    pub async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            // Everything is committed: a failure loses nothing.
            let _ = connection.close().await;
        }
    }

    /// A statement, committed; how many rows it changed.
    pub(super) async fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let mut slot = self.connection.lock().await;
        let mut connection = self.take(&mut slot).await?;
        let changed = connection.execute(sql, values).await.map_err(|error| self.store.error(error))?;
        *slot = Some(connection);
        Ok(changed)
    }

    /// A statement, committed; the rows that it returned.
    pub(super) async fn fetch_all(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<DatabaseRow>, StoreError> {
        let mut slot = self.connection.lock().await;
        let mut connection = self.take(&mut slot).await?;
        let rows = connection.fetch_all(sql, values).await.map_err(|error| self.store.error(error))?;
        *slot = Some(connection);
        Ok(rows)
    }

    /// Work within one transaction, committed.
    pub(super) async fn transaction<T: Send>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Connection) -> Work<'c, T> + Send,
    ) -> Result<T, StoreError> {
        let mut slot = self.connection.lock().await;
        let mut connection = self.take(&mut slot).await?;
        let at = |error| self.store.error(error);
        connection.begin().await.map_err(at)?;
        let done = work(&mut connection).await.map_err(at)?;
        connection.commit().await.map_err(at)?;
        *slot = Some(connection);
        Ok(done)
    }

    async fn take(&self, slot: &mut Option<Connection>) -> Result<Connection, StoreError> {
        if let Some(mut kept) = slot.take() {
            // A server may have closed it since; a file does not.
            if matches!(kept, Connection::Sqlite(_)) || kept.execute("SELECT 1", &[]).await.is_ok() {
                return Ok(kept);
            }
        }
        self.store.database.durable().connect().await.map_err(|error| self.store.error(error))
    }
}
