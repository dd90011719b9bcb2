//! Rows into SQLite, many to a statement.

use std::{collections::HashMap, sync::Arc};

use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe};

use super::table::{Stored, Table, Value};

/// Rows in one statement: the greatest number first. Few different ones, so that SQLite prepares few statements; the
/// greatest times the columns stays under SQLite's 32,766 variables.
const ROWS: [usize; 4] = [128, 32, 8, 1];

/// The statements, which are long.
#[derive(Debug, Default)]
pub(super) struct Statements(HashMap<(&'static str, usize), Arc<str>>);

impl Statements {
    fn of<T: Table>(&mut self, rows: usize) -> Arc<str> {
        let make = || {
            let row = format!("(?{})", ",?".repeat(T::COLUMNS.len()));
            let rows = vec![row; rows].join(",");
            format!("INSERT INTO {} (id,{}) VALUES {rows}", T::NAME, T::COLUMNS.join(",")).into()
        };
        self.0.entry((T::NAME, rows)).or_insert_with(make).clone()
    }

    /// Inserts all rows, in the caller's transaction.
    pub(super) async fn insert<T: Table>(
        &mut self,
        connection: &mut SqliteConnection,
        mut rows: &[Stored<T>],
    ) -> Result<(), sqlx::Error> {
        while !rows.is_empty() {
            let count = ROWS.into_iter().find(|count| *count <= rows.len()).unwrap_or(1);
            let (now, later) = rows.split_at(count);
            let mut arguments = SqliteArguments::default();
            arguments.reserve(count * (T::COLUMNS.len() + 1), 0);
            for stored in now {
                arguments.add(stored.id).map_err(sqlx::Error::Encode)?;
                for value in stored.row.values() {
                    match value {
                        Value::Integer(value) => arguments.add(value),
                        Value::Boolean(value) => arguments.add(value),
                        Value::Real(value) => arguments.add(value),
                        Value::Text(value) => arguments.add(value.map(std::borrow::Cow::into_owned)),
                    }
                    .map_err(sqlx::Error::Encode)?;
                }
            }
            sqlx::query_with(AssertSqlSafe(self.of::<T>(count)), arguments).execute(&mut *connection).await?;
            rows = later;
        }
        Ok(())
    }
}
