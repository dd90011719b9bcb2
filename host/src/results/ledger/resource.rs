//! What exists because of a deployment, or was about to.

use async_trait::async_trait;
use platform::{DeploymentId, Ledger, LedgerError, Resource, ResourceEntry, ResourceId, ResourceState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::StoreError;
use super::super::batch::unix_ns;
use super::super::store::first;
use super::super::value::{DatabaseRow, Value, unreadable};
use super::durable::DurableLedger;

/// Something that may exist, and the machine that it is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftResource {
    /// What it is.
    pub entry: ResourceEntry,
    /// The machine that it is on, for a platform of a machine.
    pub host: Option<String>,
    /// When it was intended, Unix time, ns.
    pub created_unix_ns: i64,
}

const COLUMNS: &str = "id, deployment, platform, target, kind, name, details, state, host, created_unix_ns";

fn read(row: &DatabaseRow) -> Result<LeftResource, sqlx::Error> {
    let details: String = row.at(6)?;
    let state: String = row.at(7)?;
    let entry = ResourceEntry {
        id: ResourceId(row.at(0)?),
        resource: Resource {
            deployment: DeploymentId::from(row.at::<String>(1)?),
            platform: row.at(2)?,
            target: row.at(3)?,
            kind: row.at(4)?,
            name: row.at(5)?,
            details: serde_json::from_str(&details).map_err(|error| unreadable("details", error))?,
        },
        state: match state.as_str() {
            "intended" => ResourceState::Intended,
            "created" => ResourceState::Created,
            "removed" => ResourceState::Removed,
            other => return Err(unreadable("state", format!("`{other}` is no state"))),
        },
    };
    Ok(LeftResource { entry, host: row.at(8)?, created_unix_ns: row.at(9)? })
}

impl DurableLedger {
    /// Everything that may exist, of known deployments or not, on whatever machine, in the order of creation.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn left(&self) -> Result<Vec<LeftResource>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM resources WHERE state <> 'removed' ORDER BY id");
        let rows = self.fetch_all(&sql, &[]).await?;
        rows.iter().map(|row| read(row).map_err(|error| self.store.error(error))).collect()
    }

    async fn change(&self, id: ResourceId, sql: &str, values: &[Value<'_>]) -> Result<(), LedgerError> {
        match self.execute(sql, values).await.map_err(|error| unusable(&error))? {
            0 => Err(LedgerError(format!("it has no resource {}", id.0))),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Ledger for DurableLedger {
    async fn intend(&self, resource: &Resource) -> Result<ResourceId, LedgerError> {
        // A resource is where its deployment's platform is; one without a deployment is taken to be on this machine.
        let sql = "INSERT INTO resources (deployment, platform, target, kind, name, details, state, created_unix_ns, \
                   changed_unix_ns, host) VALUES ($1, $2, $3, $4, $5, $6, 'intended', $7, $7, \
                   CASE WHEN EXISTS (SELECT 1 FROM deployments WHERE identifier = $1) \
                   THEN (SELECT host FROM deployments WHERE identifier = $1) ELSE $8 END) RETURNING id";
        let host = self.host_of(true);
        let values: [Value<'_>; 8] = [
            resource.deployment.as_str().into(),
            resource.platform.as_str().into(),
            resource.target.as_str().into(),
            resource.kind.as_str().into(),
            resource.name.as_str().into(),
            resource.details.to_string().into(),
            unix_ns().into(),
            (&host).into(),
        ];
        let rows = self.fetch_all(sql, &values).await.map_err(|error| unusable(&error))?;
        first(&rows).map(ResourceId).map_err(|error| unusable(&self.store.error(error)))
    }

    async fn created(&self, id: ResourceId, details: &serde_json::Value) -> Result<(), LedgerError> {
        let sql = "UPDATE resources SET state = 'created', details = $1, changed_unix_ns = $2 WHERE id = $3";
        self.change(id, sql, &[details.to_string().into(), unix_ns().into(), id.0.into()]).await
    }

    async fn removed(&self, id: ResourceId) -> Result<(), LedgerError> {
        let sql = "UPDATE resources SET state = 'removed', changed_unix_ns = $1 WHERE id = $2";
        self.change(id, sql, &[unix_ns().into(), id.0.into()]).await
    }

    async fn resources(&self, deployment: &DeploymentId) -> Result<Vec<ResourceEntry>, LedgerError> {
        let sql = format!("SELECT {COLUMNS} FROM resources WHERE deployment = $1 AND state <> 'removed' ORDER BY id");
        let rows = self.fetch_all(&sql, &[deployment.as_str().into()]).await.map_err(|error| unusable(&error))?;
        let read = |row| read(row).map(|left| left.entry).map_err(|error| unusable(&self.store.error(error)));
        rows.iter().map(read).collect()
    }
}

fn unusable(error: &StoreError) -> LedgerError {
    use std::error::Error as _;
    match error.source() {
        Some(source) => LedgerError(format!("{error}: {source}")),
        None => LedgerError(error.to_string()),
    }
}
