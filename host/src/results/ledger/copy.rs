//! The ledger of a run's deployments, copied with the run.

use std::collections::HashMap;

use super::super::database::Connection;
use super::super::store::first;
use super::super::value::{DatabaseRow, Value};
use super::super::{RunNumber, Store, StoreError};

/// The columns that are copied; all but `id` and `run`.
const COLUMNS: [(&str, Kind); 15] = [
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
    ("error", Kind::Text),
    ("identifier", Kind::Text),
    ("host", Kind::Text),
    ("url", Kind::Text),
    ("details", Kind::Text),
];

enum Kind {
    Integer,
    Text,
}

/// Columns of a resource, all but its id and its deployment's identifier.
const RESOURCE_COLUMNS: [(&str, Kind); 9] = [
    ("platform", Kind::Text),
    ("target", Kind::Text),
    ("host", Kind::Text),
    ("kind", Kind::Text),
    ("name", Kind::Text),
    ("details", Kind::Text),
    ("state", Kind::Text),
    ("created_unix_ns", Kind::Integer),
    ("changed_unix_ns", Kind::Integer),
];

/// The version of the schema from which on there were deployments at all.
const FIRST_WITH_DEPLOYMENTS: i64 = 3;

/// Copies the deployments that a run made or used, and what exists because of them, where they are not there yet; which ids
/// became which.
pub(in crate::results) async fn copy(
    from: &Store,
    source: RunNumber,
    to: &Store,
    connection: &mut Connection,
    target: RunNumber,
) -> Result<HashMap<i64, i64>, StoreError> {
    let mut moved = HashMap::new();
    // An older file that can't be written, and so not be brought up to date.
    let versions = from.pool.fetch_all("SELECT max(version) FROM _sqlx_migrations", &[]).await;
    if versions.and_then(|rows| first(&rows)).map_err(|error| from.error(error))? < FIRST_WITH_DEPLOYMENTS {
        return Ok(moved);
    }
    let sql = format!(
        "SELECT id, run, {} FROM deployments WHERE run = $1 OR id IN (SELECT deployment FROM invocations \
         WHERE id >= $2 AND id < $3 AND deployment IS NOT NULL) ORDER BY id",
        names(&COLUMNS)
    );
    let ids = source.rows();
    let values: [Value<'_>; 3] = [source.0.into(), ids.start.into(), ids.end.into()];
    let rows = from.pool.fetch_all(&sql, &values).await.map_err(|error| from.error(error))?;
    connection.begin().await.map_err(|error| to.error(error))?;
    for row in &rows {
        let (id, run) = (row.at(0), row.at::<Option<i64>>(1));
        let (id, run) = (id.map_err(|error| from.error(error))?, run.map_err(|error| from.error(error))?);
        let values = read(row, 2, &COLUMNS).map_err(|error| from.error(error))?;
        let run = run.filter(|run| *run == source.0).map(|_| target.0);
        let identifier = value_of("identifier", &values);
        let (here, is_new) = store(connection, run, values).await.map_err(|error| to.error(error))?;
        moved.insert(id, here);
        if is_new && identifier != Value::Text(None) {
            copy_resources(from, to, connection, identifier).await?;
        }
    }
    connection.commit().await.map_err(|error| to.error(error))?;
    Ok(moved)
}

async fn copy_resources(
    from: &Store,
    to: &Store,
    connection: &mut Connection,
    identifier: Value<'static>,
) -> Result<(), StoreError> {
    let columns = names(&RESOURCE_COLUMNS);
    let sql = format!("SELECT {columns} FROM resources WHERE deployment = $1 ORDER BY id");
    let rows = from.pool.fetch_all(&sql, std::slice::from_ref(&identifier)).await.map_err(|error| from.error(error))?;
    for row in &rows {
        let mut values = read(row, 0, &RESOURCE_COLUMNS).map_err(|error| from.error(error))?;
        values.push(identifier.clone());
        let sql = format!("INSERT INTO resources ({columns}, deployment) VALUES ({})", places(values.len()));
        connection.execute(&sql, &values).await.map_err(|error| to.error(error))?;
    }
    Ok(())
}

fn names(columns: &[(&str, Kind)]) -> String {
    columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn places(count: usize) -> String {
    (1..=count).map(|index| format!("${index}")).collect::<Vec<_>>().join(", ")
}

fn read(row: &DatabaseRow, first: usize, columns: &[(&str, Kind)]) -> Result<Vec<Value<'static>>, sqlx::Error> {
    let mut values = Vec::with_capacity(columns.len() + 1);
    for (index, (_, kind)) in columns.iter().enumerate() {
        values.push(match kind {
            Kind::Integer => Value::Integer(row.at(first + index)?),
            Kind::Text => Value::Text(row.at::<Option<String>>(first + index)?.map(Into::into)),
        });
    }
    Ok(values)
}

fn value_of(name: &str, values: &[Value<'static>]) -> Value<'static> {
    COLUMNS.iter().position(|(column, _)| *column == name).map_or(Value::Text(None), |index| values[index].clone())
}

/// The id of a deployment, which is stored if it isn't there, and whether it was. The same identifier, or else the same
/// moment, platform and name, are the same deployment.
async fn store(
    connection: &mut Connection,
    run: Option<i64>,
    mut values: Vec<Value<'static>>,
) -> Result<(i64, bool), sqlx::Error> {
    let sql = "SELECT id FROM deployments WHERE identifier = $1 OR ($1 IS NULL AND created_unix_ns = $2 AND platform = $3 \
               AND name = $4)";
    let sought = ["identifier", "created_unix_ns", "platform", "name"].map(|name| value_of(name, &values));
    if let Some(row) = connection.fetch_all(sql, &sought).await?.first() {
        return Ok((row.at(0)?, false));
    }
    values.push(run.into());
    let (columns, places) = (names(&COLUMNS), places(values.len()));
    let sql = format!("INSERT INTO deployments ({columns}, run) VALUES ({places}) RETURNING id");
    Ok((first(&connection.fetch_all(&sql, &values).await?)?, true))
}
