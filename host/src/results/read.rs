//! Rows out of tables.

use super::table::{Stored, Table};
use super::value::{Columns, DatabaseRow};

/// What to select from a table that is called `t`.
pub(super) fn columns<T: Table>() -> String {
    let columns: Vec<String> = T::COLUMNS.iter().map(|column| format!("t.{column}")).collect();
    format!("t.id, {}", columns.join(", "))
}

/// A row of that.
pub(super) fn row<T: Table>(row: &DatabaseRow) -> Result<Stored<T>, sqlx::Error> {
    Ok(Stored { id: row.at(0)?, row: T::read(&mut Columns::after_id(row, T::COLUMNS))? })
}
