//! Notes that are not made by a run's recorder.

use std::ops::Range;

use super::RunNumber;
use super::batch::unix_ns;
use super::database::Connection;
use super::row::Level;
use super::tables::level_name;

/// Adds a note about a row that was refused where a recorder may be at work, under an id that no recorder gives.
pub(super) async fn append_apart(connection: &mut Connection, run: RunNumber, text: &str) -> Result<(), sqlx::Error> {
    insert_after_greatest(connection, run.first_note_apart()..run.rows().end, Level::Error, text).await
}

/// Adds a note after all of the run's, in the caller's transaction, while nobody else writes the run.
pub(super) async fn append(
    connection: &mut Connection,
    run: RunNumber,
    level: Level,
    text: &str,
) -> Result<(), sqlx::Error> {
    insert_after_greatest(connection, run.rows(), level, text).await
}

async fn insert_after_greatest(
    connection: &mut Connection,
    ids: Range<i64>,
    level: Level,
    text: &str,
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO notes (id, created_unix_ns, level, text) \
               SELECT COALESCE(MAX(id) + 1, $1), $2, $3, $4 FROM notes WHERE id >= $1 AND id < $5";
    let values = [ids.start.into(), unix_ns().into(), level_name(level).into(), text.into(), ids.end.into()];
    connection.execute(sql, &values).await?;
    Ok(())
}
