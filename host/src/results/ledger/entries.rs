//! Writing and finding deployments.

use platform::{Deployment, DeploymentId};

use super::super::{RunNumber, StoreError};
use super::super::batch::unix_ns;
use super::super::database::Connection;
use super::super::value::Value;
use super::deployment::{COLUMNS, configuration, engine, read};
use super::durable::DurableLedger;
use super::{Claim, DeploymentEntry, DeploymentStatus, NewDeployment};

impl DurableLedger {
    /// Writes down that this is about to be deployed. Of two processes that want the same name at once, one makes it and the
    /// other updates it. A failed one, and one that could not be removed, is taken up again.
    ///
    /// # Errors
    /// When it could not be written down: then nothing may be created.
    pub async fn intend_deployment(&self, new: NewDeployment<'_>) -> Result<Claim, StoreError> {
        let now = unix_ns();
        let host = self.host_of(new.is_local);
        let spec = new.spec;
        let run = new.run.map(|run| run.0);
        let (id, function, name) = (spec.id.as_str().to_owned(), spec.function.clone(), spec.name.clone());
        let (platform, target) = (new.platform.to_owned(), new.target.to_owned());
        let (digest, configuration) = (spec.image.digest.clone(), configuration(spec));
        let engine = engine(spec);
        self.transaction(move |connection| {
            Box::pin(async move {
                if let Connection::Postgres(_) = connection {
                    // SQLite's transaction has the whole file.
                    connection.command("LOCK TABLE deployments IN SHARE ROW EXCLUSIVE MODE").await?;
                }
                let sql = format!(
                    "SELECT {COLUMNS} FROM deployments WHERE platform = $1 AND target = $2 AND name = $3 AND \
                     COALESCE(host, '') = $4 AND status <> 'removed' AND identifier IS NOT NULL ORDER BY id DESC LIMIT 1"
                );
                let values: [Value<'_>; 4] = [
                    platform.as_str().into(),
                    target.as_str().into(),
                    name.as_str().into(),
                    host.as_deref().unwrap_or_default().into(),
                ];
                let found = connection.fetch_all(&sql, &values).await?;
                if let Some(row) = found.first() {
                    let entry = read(row)?;
                    let sql = "UPDATE deployments SET changed_unix_ns = $1, status = 'intended', error = NULL \
                               WHERE identifier = $2";
                    connection.execute(sql, &[now.into(), entry.id.as_str().into()]).await?;
                    return Ok(Claim::Update(Box::new(entry)));
                }
                let sql = "INSERT INTO deployments (identifier, run, created_unix_ns, changed_unix_ns, platform, target, host, \
                           function, name, engine, image_digest, configuration, status) \
                           VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'intended')";
                let values: [Value<'_>; 11] = [
                    id.into(),
                    run.into(),
                    now.into(),
                    platform.into(),
                    target.into(),
                    Value::Text(host.map(Into::into)),
                    function.into(),
                    name.into(),
                    engine.into(),
                    digest.into(),
                    configuration.into(),
                ];
                connection.execute(sql, &values).await?;
                Ok(Claim::New)
            })
        })
        .await
    }

    /// Writes down that it was made or updated, as its platform has it now.
    ///
    /// # Errors
    /// When it could not be written down; the intention stands.
    pub async fn deployed(&self, deployment: &Deployment) -> Result<(), StoreError> {
        let spec = &deployment.spec;
        let sql = "UPDATE deployments SET status = 'deployed', changed_unix_ns = $1, function = $2, engine = $3, \
                   image_digest = $4, configuration = $5, url = $6, details = $7, error = NULL WHERE identifier = $8";
        let values: [Value<'_>; 8] = [
            unix_ns().into(),
            spec.function.as_str().into(),
            engine(spec).into(),
            spec.image.digest.as_str().into(),
            configuration(spec).into(),
            (&deployment.url).into(),
            deployment.details.to_string().into(),
            spec.id.as_str().into(),
        ];
        self.execute(sql, &values).await.map(|_| ())
    }

    /// Writes down how far a deployment has come, and why no further.
    ///
    /// # Errors
    /// When it could not be written down.
    pub async fn set_status(
        &self,
        id: &DeploymentId,
        status: DeploymentStatus,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE deployments SET status = $1, changed_unix_ns = $2, error = $3 WHERE identifier = $4";
        // A server's text holds no NUL.
        let error = error.map(|text| text.replace('\0', " "));
        let values: [Value<'_>; 4] = [status.name().into(), unix_ns().into(), (&error).into(), id.as_str().into()];
        self.execute(sql, &values).await.map(|_| ())
    }

    /// All deployments that are not removed, on whatever machine, in the order in which they were intended.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn deployments(&self) -> Result<Vec<DeploymentEntry>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM deployments WHERE status <> 'removed' AND identifier IS NOT NULL ORDER BY id"
        );
        let rows = self.fetch_all(&sql, &[]).await?;
        rows.iter().map(|row| read(row).map_err(|error| self.store.error(error))).collect()
    }

    /// Those of them that were made for a run.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn deployments_of(&self, run: RunNumber) -> Result<Vec<DeploymentEntry>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM deployments WHERE run = $1 AND status <> 'removed' AND identifier IS NOT NULL ORDER BY id"
        );
        let rows = self.fetch_all(&sql, &[run.0.into()]).await?;
        rows.iter().map(|row| read(row).map_err(|error| self.store.error(error))).collect()
    }

    /// Whether something is within reach of this machine: elsewhere, or here.
    pub fn is_within_reach(&self, host: Option<&str>) -> bool {
        host.is_none() || host == self.store.process.host_name.as_deref()
    }

    /// What the column `host` says of something that is made from here.
    pub(super) fn host_of(&self, is_local: bool) -> Option<String> {
        if is_local { self.store.process.host_name.clone() } else { None }
    }
}
