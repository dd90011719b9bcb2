//! A database as the writer sees it: a connection that is made anew after every failure.

use super::RunNumber;
use super::RunStatus;
use super::batch::{Batch, unix_ns};
use super::database::{Connection, Options};
use super::error::is_refused;
use super::insert::{Present, Statements};

#[derive(Debug)]
pub(super) struct Output {
    options: Options,
    connection: Option<Connection>,
    statements: Statements,
    /// Whether the connection was written to before: the first time takes longer.
    is_warm: bool,
    /// Whether the last attempt failed: it may have been committed all the same, with only the answer lost.
    in_doubt: bool,
}

impl Output {
    pub(super) fn new(options: Options) -> Self {
        Self { options, connection: None, statements: Statements::default(), is_warm: false, in_doubt: false }
    }

    /// With a connection that was just made. What was written last may or may not be there.
    pub(super) fn back(&mut self, connection: Connection) {
        self.connection = Some(connection);
        self.in_doubt = true;
        self.is_warm = false;
    }

    /// Whether the connection is made and its statements are prepared.
    pub(super) fn is_warm(&self) -> bool {
        self.is_warm
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(super) async fn write(&mut self, batch: &mut Batch) -> Result<(), sqlx::Error> {
        let present = if self.in_doubt { Present::Keep } else { Present::Refuse };
        // Until it is known to have gone well, also if this future is dropped.
        (self.in_doubt, self.is_warm) = (true, false);
        let mut connection = self.connect().await?;
        connection.begin().await?;
        match batch.write(&mut connection, &mut self.statements, present).await {
            Ok(()) => connection.commit().await?,
            Err(error) if is_refused(&error) => {
                connection.command("ROLLBACK").await?;
                connection.begin().await?;
                batch.write_what_is_taken(&mut connection, &mut self.statements, present).await?;
                connection.commit().await?;
            }
            Err(error) => return Err(error),
        }
        self.is_warm = present == Present::Refuse;
        self.in_doubt = false;
        self.connection = Some(connection);
        Ok(())
    }

    pub(super) async fn end(&mut self, run: RunNumber, status: RunStatus) -> Result<(), sqlx::Error> {
        let mut connection = self.connect().await?;
        connection
            .execute(
                "UPDATE runs SET status = $1, finished_unix_ns = $2 WHERE number = $3",
                &[status.name().into(), unix_ns().into(), run.0.into()],
            )
            .await?;
        self.connection = Some(connection);
        Ok(())
    }

    /// After the last row.
    pub(super) async fn analyze(&mut self) -> Result<(), sqlx::Error> {
        let mut connection = self.connect().await?;
        connection.analyze().await?;
        self.connection = Some(connection);
        Ok(())
    }

    /// The connection, to be put back once all went well.
    pub(super) async fn connect(&mut self) -> Result<Connection, sqlx::Error> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => self.options.connect().await,
        }
    }

    pub(super) fn put_back(&mut self, connection: Connection) {
        self.connection = Some(connection);
    }

    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Everything is committed; an error here loses nothing.
            let _ = connection.close().await;
        }
    }
}
