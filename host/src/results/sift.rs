//! Rows among which there are some that the database refuses.

use super::database::Connection;
use super::error::is_refused;
use super::insert::{Present, Statements};
use super::table::{Stored, Table};

/// Inserts what the database takes, in the caller's transaction, and removes the rest from the rows. Returns how many
/// rows were added, and a text about each refused row that holds all of it.
///
/// Halves what is refused until the bad rows stand alone: a few statements per bad row, however many rows there are.
pub(super) async fn insert<T: Table>(
    connection: &mut Connection,
    statements: &mut Statements,
    rows: &mut Vec<Stored<T>>,
    present: Present,
) -> Result<(u64, Vec<String>), sqlx::Error> {
    let mut added = 0;
    let mut refused: Vec<(usize, sqlx::Error)> = Vec::new();
    // Beginnings and ends of what is still to be tried.
    let mut left = vec![(0, rows.len())];
    while let Some((start, end)) = left.pop() {
        if start == end {
            continue;
        }
        connection.command("SAVEPOINT part").await?;
        match statements.insert(connection, &rows[start..end], present).await {
            Ok(count) => {
                connection.command("RELEASE SAVEPOINT part").await?;
                added += count;
            }
            Err(error) if is_refused(&error) => {
                connection.command("ROLLBACK TO SAVEPOINT part").await?;
                connection.command("RELEASE SAVEPOINT part").await?;
                if end - start == 1 {
                    refused.push((start, error));
                } else {
                    let middle = start + (end - start) / 2;
                    left.push((middle, end));
                    left.push((start, middle));
                }
            }
            Err(error) => return Err(error),
        }
    }
    let texts = refused.iter().map(|(index, error)| {
        let row = serde_json::to_string(&rows[*index]).unwrap_or_default();
        format!("the database refused a row of {}: {error}: {row}", T::NAME)
    });
    let texts: Vec<String> = texts.collect();
    for (index, _) in refused.iter().rev() {
        rows.remove(*index);
    }
    Ok((added, texts))
}
