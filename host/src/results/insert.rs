//! Rows into tables, many to a statement.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Arguments, AssertSqlSafe};

use super::database::Connection;
use super::table::{Stored, Table};
use super::value::{Value, sqlite_arguments};

/// Rows in one statement for SQLite: the greatest number first. Few different ones, so that SQLite prepares few
/// statements; the greatest times the columns stays under SQLite's 32,766 variables.
const SQLITE_ROWS: [usize; 4] = [128, 32, 8, 1];

/// Rows in one statement for PostgreSQL, which takes them as one array per column.
const POSTGRES_ROWS: usize = 4_096;

/// What happens to a row whose id is in the table already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Present {
    /// The database refuses it.
    Refuse,
    /// It stays as it is in the table: for rows that may have been written before.
    Keep,
}

/// The statements, which are long.
#[derive(Debug, Default)]
pub(super) struct Statements(HashMap<(&'static str, usize, Present), Arc<str>>);

impl Statements {
    /// Inserts all rows, in the caller's transaction. Returns how many were added.
    pub(super) async fn insert<T: Table>(
        &mut self,
        connection: &mut Connection,
        rows: &[Stored<T>],
        present: Present,
    ) -> Result<u64, sqlx::Error> {
        match connection {
            Connection::Sqlite(connection) => self.insert_sqlite(connection, rows, present).await,
            Connection::Postgres(connection) => self.insert_postgres(connection, rows, present).await,
        }
    }

    fn of<T: Table>(&mut self, rows: usize, present: Present, make: impl FnOnce() -> String) -> Arc<str> {
        let make = || {
            let sql = format!("INSERT INTO {} (id,{}) {}", T::NAME, T::COLUMNS.join(","), make());
            match present {
                Present::Refuse => sql.into(),
                Present::Keep => format!("{sql} ON CONFLICT (id) DO NOTHING").into(),
            }
        };
        self.0.entry((T::NAME, rows, present)).or_insert_with(make).clone()
    }

    async fn insert_sqlite<T: Table>(
        &mut self,
        connection: &mut SqliteConnection,
        mut rows: &[Stored<T>],
        present: Present,
    ) -> Result<u64, sqlx::Error> {
        let mut added = 0;
        while !rows.is_empty() {
            let count = SQLITE_ROWS.into_iter().find(|count| *count <= rows.len()).unwrap_or(1);
            let (now, later) = rows.split_at(count);
            let values = now.iter().flat_map(|stored| std::iter::once(stored.id.into()).chain(stored.row.values()));
            let arguments = sqlite_arguments(values)?;
            let sql = self.of::<T>(count, present, || {
                let row = format!("(?{})", ",?".repeat(T::COLUMNS.len()));
                format!("VALUES {}", vec![row; count].join(","))
            });
            let done = sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut *connection).await?;
            added += done.rows_affected();
            rows = later;
        }
        Ok(added)
    }

    async fn insert_postgres<T: Table>(
        &mut self,
        connection: &mut PgConnection,
        rows: &[Stored<T>],
        present: Present,
    ) -> Result<u64, sqlx::Error> {
        let mut added = 0;
        for rows in rows.chunks(POSTGRES_ROWS) {
            let (arguments, types) = arrays(rows)?;
            let sql = self.of::<T>(0, present, || {
                let arrays: Vec<String> =
                    types.iter().enumerate().map(|(index, name)| format!("${}::{name}[]", index + 1)).collect();
                format!("SELECT * FROM UNNEST({})", arrays.join(","))
            });
            let done = sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut *connection).await?;
            added += done.rows_affected();
        }
        Ok(added)
    }
}

/// A column of several rows.
enum Array<'a> {
    Integer(Vec<Option<i64>>),
    Real(Vec<Option<f64>>),
    Text(Vec<Option<Cow<'a, str>>>),
    Boolean(Vec<Option<bool>>),
}

impl<'a> Array<'a> {
    fn begin(value: Value<'a>) -> Self {
        match value {
            Value::Integer(value) => Self::Integer(vec![value]),
            Value::Real(value) => Self::Real(vec![value]),
            Value::Text(value) => Self::Text(vec![value]),
            Value::Boolean(value) => Self::Boolean(vec![value]),
        }
    }

    fn push(&mut self, value: Value<'a>) -> Result<(), sqlx::Error> {
        match (self, value) {
            (Self::Integer(array), Value::Integer(value)) => array.push(value),
            (Self::Real(array), Value::Real(value)) => array.push(value),
            (Self::Text(array), Value::Text(value)) => array.push(value),
            (Self::Boolean(array), Value::Boolean(value)) => array.push(value),
            (_, value) => {
                return Err(sqlx::Error::Encode(format!("{value:?} has another type than its column").into()));
            }
        }
        Ok(())
    }
}

/// The rows as one array per column, the id's first, and the types of the columns.
fn arrays<T: Table>(rows: &[Stored<T>]) -> Result<(PgArguments, Vec<&'static str>), sqlx::Error> {
    let mut columns: Vec<Array<'_>> = Vec::with_capacity(T::COLUMNS.len() + 1);
    for stored in rows {
        let values = std::iter::once(stored.id.into()).chain(stored.row.values());
        for (index, value) in values.enumerate() {
            match columns.get_mut(index) {
                Some(column) => column.push(value)?,
                None => columns.push(Array::begin(value)),
            }
        }
    }
    let mut arguments = PgArguments::default();
    let mut types = Vec::with_capacity(columns.len());
    for column in columns {
        let (added, name) = match column {
            Array::Integer(values) => (arguments.add(values), "bigint"),
            Array::Real(values) => (arguments.add(values), "double precision"),
            Array::Boolean(values) => (arguments.add(values), "boolean"),
            Array::Text(values) => {
                let values: Vec<Option<&str>> = values.iter().map(Option::as_deref).collect();
                (arguments.add(values), "text")
            }
        };
        added.map_err(sqlx::Error::Encode)?;
        types.push(name);
    }
    Ok((arguments, types))
}
