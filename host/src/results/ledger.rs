//! The ledger of deployments, as far as an import needs it.

use std::collections::HashMap;

use super::database::Connection;
use super::store::first;
use super::value::{DatabaseRow, Value};
use super::{RunNumber, Store, StoreError};

/// The columns that are copied; all but `id` and `run`.
const COLUMNS: [(&str, Kind); 12] = [
    ("created_unix_ns", Kind::Integer),
    ("changed_unix_ns", Kind::Integer),
    ("platform", Kind::Text),
    ("target", Kind::Text),
    ("function", Kind::Text),
    ("name", Kind::Text),
    ("engine", Kind::Text),
    ("image_digest", Kind::Text),
    ("configuration", Kind::Text),
    ("status", Kind::Text),
    ("created", Kind::Text),
    ("error", Kind::Text),
];

enum Kind {
    Integer,
    Text,
}

/// Copies the deployments that a run made or used, where they are not there yet; which ids became which.
pub(super) async fn copy(
    from: &Store,
    source: RunNumber,
    to: &Store,
    connection: &mut Connection,
    target: RunNumber,
) -> Result<HashMap<i64, i64>, StoreError> {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let sql = format!(
        "SELECT id, run, {} FROM deployments WHERE run = $1 OR id IN (SELECT deployment FROM invocations \
         WHERE id >= $2 AND id < $3 AND deployment IS NOT NULL) ORDER BY id",
        names.join(", ")
    );
    let ids = source.rows();
    let values: [Value<'_>; 3] = [source.0.into(), ids.start.into(), ids.end.into()];
    let rows = from.pool.fetch_all(&sql, &values).await.map_err(|error| from.error(error))?;
    let mut moved = HashMap::new();
    connection.begin().await.map_err(|error| to.error(error))?;
    for row in &rows {
        let (id, run, values) = read(row).map_err(|error| from.error(error))?;
        let run = run.filter(|run| *run == source.0).map(|_| target.0);
        let here = store(connection, run, values).await.map_err(|error| to.error(error))?;
        moved.insert(id, here);
    }
    connection.commit().await.map_err(|error| to.error(error))?;
    Ok(moved)
}

fn read(row: &DatabaseRow) -> Result<(i64, Option<i64>, Vec<Value<'static>>), sqlx::Error> {
    let mut values = Vec::with_capacity(COLUMNS.len());
    for (index, (_, kind)) in COLUMNS.iter().enumerate() {
        values.push(match kind {
            Kind::Integer => Value::Integer(row.at(index + 2)?),
            Kind::Text => Value::Text(row.at::<Option<String>>(index + 2)?.map(Into::into)),
        });
    }
    Ok((row.at(0)?, row.at(1)?, values))
}

/// The id of a deployment, which is stored if it isn't there. The same moment, platform and name are the same
/// deployment.
async fn store(
    connection: &mut Connection,
    run: Option<i64>,
    mut values: Vec<Value<'static>>,
) -> Result<i64, sqlx::Error> {
    let value_of = |name: &str| {
        COLUMNS.iter().position(|(column, _)| *column == name).map_or(Value::Text(None), |index| values[index].clone())
    };
    let sql = "SELECT id FROM deployments WHERE created_unix_ns = $1 AND platform = $2 AND name = $3";
    let found =
        connection.fetch_all(sql, &[value_of("created_unix_ns"), value_of("platform"), value_of("name")]).await?;
    if let Some(row) = found.first() {
        return row.at(0);
    }
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let places: Vec<String> = (1..=COLUMNS.len() + 1).map(|index| format!("${index}")).collect();
    let sql =
        format!("INSERT INTO deployments ({}, run) VALUES ({}) RETURNING id", names.join(", "), places.join(", "));
    values.push(run.into());
    first(&connection.fetch_all(&sql, &values).await?)
}
