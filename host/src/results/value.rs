//! Values on their way to a database, and rows that come from one, the same for every kind of database.

use std::borrow::Cow;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Decode, Postgres, Row as _, Sqlite, Type};

/// A value of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// An integer.
    Integer(Option<i64>),
    /// A floating point number, finite.
    Real(Option<f64>),
    /// Text.
    Text(Option<Cow<'a, str>>),
    /// Yes or no.
    Boolean(Option<bool>),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Boolean(Some(value))
    }
}

impl From<Option<bool>> for Value<'_> {
    fn from(value: Option<bool>) -> Self {
        Self::Boolean(value)
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::Text(Some(Cow::Owned(value)))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(value)))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value.map(Cow::Borrowed))
    }
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(value: &'a Option<String>) -> Self {
        Self::Text(value.as_deref().map(Cow::Borrowed))
    }
}

/// The arguments of a statement for SQLite.
pub(super) fn sqlite_arguments<'a>(
    values: impl IntoIterator<Item = Value<'a>>,
) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Integer(value) => arguments.add(value),
            Value::Real(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value.map(Cow::into_owned)),
            Value::Boolean(value) => arguments.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// The arguments of a statement for PostgreSQL.
pub(super) fn postgres_arguments<'a>(values: impl IntoIterator<Item = Value<'a>>) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Integer(value) => arguments.add(value),
            Value::Real(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value.as_deref()),
            Value::Boolean(value) => arguments.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// What both databases can be asked for.
pub(super) trait Cell:
    for<'d> Decode<'d, Sqlite> + Type<Sqlite> + for<'d> Decode<'d, Postgres> + Type<Postgres>
{
}

impl<T> Cell for T where T: for<'d> Decode<'d, Sqlite> + Type<Sqlite> + for<'d> Decode<'d, Postgres> + Type<Postgres> {}

/// A row of a result.
pub(super) enum DatabaseRow {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl DatabaseRow {
    pub(super) fn at<T: Cell>(&self, index: usize) -> Result<T, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(index),
            Self::Postgres(row) => row.try_get(index),
        }
    }

    pub(super) fn named<T: Cell>(&self, column: &str) -> Result<T, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }
}

/// The columns of a row, read one after the other.
pub struct Columns<'r> {
    row: &'r DatabaseRow,
    next: usize,
    names: &'static [&'static str],
}

impl<'r> Columns<'r> {
    /// The columns after `id`, which is the first; `names` are theirs.
    pub(super) fn after_id(row: &'r DatabaseRow, names: &'static [&'static str]) -> Self {
        Self { row, next: 1, names }
    }

    /// The next column's value.
    pub(super) fn get<T: Cell>(&mut self) -> Result<T, sqlx::Error> {
        let value = self.row.at(self.next);
        self.next += 1;
        value
    }

    /// An integer, narrowed to what the type holds.
    pub(super) fn whole<T: TryFrom<i64>>(&mut self) -> Result<T, sqlx::Error> {
        self.optional_whole()?.ok_or_else(|| self.unreadable("no value"))
    }

    pub(super) fn optional_whole<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, sqlx::Error> {
        let value: Option<i64> = self.get()?;
        let narrow = |value| T::try_from(value).map_err(|_| self.unreadable(format!("{value} is out of range")));
        value.map(narrow).transpose()
    }

    /// An error about the column read last.
    pub(super) fn unreadable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
        unreadable(self.names.get(self.next.saturating_sub(2)).copied().unwrap_or_default(), source)
    }
}

/// A column whose value isn't what this program writes.
pub(super) fn unreadable(column: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}
