//! What the store needs to know of a type to store it.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::row::Invocation;
use super::value::{Columns, Value};
use super::{InvocationId, RunNumber};

/// A row with its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stored<T> {
    /// Unique in its table; rows of a run rise in the order in which they were recorded.
    pub id: i64,
    /// The row.
    pub row: T,
}

impl Stored<Invocation> {
    /// The invocation's id, by which counters, samples and the rest refer to it.
    pub fn invocation(&self) -> InvocationId {
        InvocationId(self.id)
    }
}

impl<T> Stored<T> {
    /// The run that recorded it.
    pub fn run(&self) -> RunNumber {
        InvocationId(self.id).run()
    }
}

/// How ids of one database become those of another.
#[derive(Debug, Clone, Default)]
pub struct Moved {
    /// What is added to the ids of a run's rows.
    pub(super) shift: i64,
    /// Ids in the ledger; one that isn't here stays as it is.
    pub(super) deployments: HashMap<i64, i64>,
}

impl Moved {
    pub(super) fn invocation(&self, id: InvocationId) -> InvocationId {
        InvocationId(id.0 + self.shift)
    }
}

/// A type whose values are rows of a table. Sealed by its column values, which only this module makes.
pub trait Table: Sized + Serialize + Send + Sync {
    /// The table.
    const NAME: &'static str;
    /// Its columns without `id`.
    const COLUMNS: &'static [&'static str];
    /// The column that [`super::Filter::name`] applies to.
    const NAMED_BY: Option<&'static str>;

    /// The values in the order of the columns.
    fn values(&self) -> Vec<Value<'_>>;

    /// Reads the columns, in their order.
    ///
    /// # Errors
    /// When a column holds what this program doesn't write.
    fn read(row: &mut Columns<'_>) -> Result<Self, sqlx::Error>;

    /// Makes the row refer to what it referred to in another database by the ids of this one.
    fn refer(&mut self, moved: &Moved);

    /// Memory that the value holds beside itself, bytes, about.
    fn heap_bytes(&self) -> usize;
}
