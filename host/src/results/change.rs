//! What is done to a stored run: going on with it, deleting it, adding to it.

use super::batch::NextIds;
use super::database::Connection;
use super::outage::BufferPlace;
use super::row::Level;
use super::store::first;
use super::{Location, Recorder, Run, RunStatus, Store, StoreError, notes};

/// What a run records, in tables that are found by its range of ids. Those with invocations' ids in them last.
pub(super) const TABLES: [&str; 7] = ["notes", "documents", "metrics", "counters", "samples", "records", "invocations"];

/// How many ids of each kind a resumed run leaves free after the greatest one on a server: an outage may have left rows
/// with these ids in a local file that was not imported yet.
const RESUME_GAP: i64 = 1 << 24;

impl Store {
    /// Goes on with a run that was cut or has ended: what it recorded stays, and new rows follow. The run is then being
    /// written by this process. Of two processes that do this at once one succeeds.
    ///
    /// A local file that an outage of the server has left in [`super::StoreOptions::buffer_folder`] is imported first.
    ///
    /// # Errors
    /// [`StoreError::RunIsRunning`] when a process writes it, [`StoreError::NoSuchRun`] when it is gone, and when the
    /// database can't be written.
    pub async fn resume_run(&self, run: &Run) -> Result<Recorder, StoreError> {
        self.import_left_over(run).await?;
        let mut connection = self.connect().await?;
        connection.begin().await.map_err(|error| self.error(error))?;
        let mut resumed = self.take_lock(&mut connection, run).await?;
        resumed.status = RunStatus::Running;
        resumed.finished_unix_ns = None;
        resumed.process = self.process.clone();
        self.update(&mut connection, &resumed).await?;
        let next = self.next_ids(&mut connection, &resumed).await?;
        connection.commit().await.map_err(|error| self.error(error))?;
        connection.close().await.map_err(|error| self.error(error))?;
        self.record(resumed, Some(next))
    }

    /// Deletes a run and all that it recorded. The ledger of deployments stays. Returns how many rows went, the run's own
    /// not counted.
    ///
    /// # Errors
    /// [`StoreError::RunIsRunning`] when a process writes it, [`StoreError::NoSuchRun`] when it is gone, and when the
    /// database can't be written.
    pub async fn delete_run(&self, run: &Run) -> Result<u64, StoreError> {
        let mut connection = self.connect().await?;
        connection.begin().await.map_err(|error| self.error(error))?;
        let run = self.take_lock(&mut connection, run).await?;
        let mut rows = 0;
        for table in TABLES {
            let sql = format!("DELETE FROM {table} WHERE id >= $1 AND id < $2");
            let ids = run.number.rows();
            let gone = connection.execute(&sql, &[ids.start.into(), ids.end.into()]).await;
            rows += gone.map_err(|error| self.error(error))?;
        }
        let gone = connection.execute("DELETE FROM runs WHERE number = $1", &[run.number.0.into()]).await;
        gone.map_err(|error| self.error(error))?;
        connection.commit().await.map_err(|error| self.error(error))?;
        connection.close().await.map_err(|error| self.error(error))?;
        Ok(rows)
    }

    /// Adds a note to a run that nobody writes.
    ///
    /// # Errors
    /// [`StoreError::RunIsRunning`] when a process writes it, [`StoreError::NoSuchRun`] when it is gone, and when the
    /// database can't be written.
    pub async fn add_note(&self, run: &Run, level: Level, text: &str) -> Result<(), StoreError> {
        let mut connection = self.connect().await?;
        connection.begin().await.map_err(|error| self.error(error))?;
        let run = self.take_lock(&mut connection, run).await?;
        let added = notes::append(&mut connection, run.number, level, text).await;
        added.map_err(|error| self.error(error))?;
        connection.commit().await.map_err(|error| self.error(error))?;
        connection.close().await.map_err(|error| self.error(error))
    }

    /// Names a run anew, or takes its name away. Also while it goes on.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`] when it is gone, and when the database can't be written.
    pub async fn set_label(&self, run: &Run, label: Option<&str>) -> Result<(), StoreError> {
        let mut connection = self.connect().await?;
        let sql = "UPDATE runs SET label = $1 WHERE number = $2 AND id = $3";
        let changed = connection.execute(sql, &[label.into(), run.number.0.into(), run.id.as_str().into()]).await;
        if changed.map_err(|error| self.error(error))? == 0 {
            return Err(StoreError::NoSuchRun { wanted: run.id.clone() });
        }
        connection.close().await.map_err(|error| self.error(error))
    }

    /// The run as it is now, kept so until the end of the caller's transaction; refuses one that is being written.
    async fn take_lock(&self, connection: &mut Connection, run: &Run) -> Result<Run, StoreError> {
        let values = [run.number.0.into(), run.id.as_str().into()];
        let found = self.locked(connection, "number = $1 AND id = $2", &values).await?;
        let run = found.ok_or_else(|| StoreError::NoSuchRun { wanted: run.id.clone() })?;
        run.refuse_running()?;
        Ok(run)
    }

    /// A run, kept as it is until the end of the caller's transaction.
    pub(super) async fn locked(
        &self,
        connection: &mut Connection,
        condition: &str,
        values: &[super::value::Value<'_>],
    ) -> Result<Option<Run>, StoreError> {
        let for_update = match connection {
            // The transaction has the whole file.
            Connection::Sqlite(_) => "",
            Connection::Postgres(_) => " FOR UPDATE",
        };
        let sql = format!("SELECT * FROM runs WHERE {condition}{for_update}");
        let rows = connection.fetch_all(&sql, values).await.map_err(|error| self.error(error))?;
        rows.first().map(|row| self.read_run(row)).transpose()
    }

    /// Stores what a run has become, but for its number and id.
    pub(super) async fn update(&self, connection: &mut Connection, run: &Run) -> Result<(), StoreError> {
        let (names, mut values): (Vec<_>, Vec<_>) = run.columns()?.into_iter().unzip();
        let changes: Vec<String> =
            names.iter().enumerate().map(|(index, name)| format!("{name} = ${}", index + 1)).collect();
        let sql = format!("UPDATE runs SET {} WHERE number = ${}", changes.join(", "), names.len() + 1);
        values.push(run.number.0.into());
        connection.execute(&sql, &values).await.map_err(|error| self.error(error))?;
        Ok(())
    }

    /// The ids after the greatest ones that are stored or referred to.
    async fn next_ids(&self, connection: &mut Connection, run: &Run) -> Result<NextIds, StoreError> {
        let ids = run.number.rows();
        // Notes from the middle on are not the recorder's.
        let notes_end = run.number.first_note_apart();
        let gap = match self.location {
            Location::File(_) => 0,
            Location::Postgres(_) => RESUME_GAP,
        };
        let mut after = async |table: &str, column: &str, end: i64| {
            let sql =
                format!("SELECT COALESCE(MAX({column}) + 1, $1) FROM {table} WHERE {column} >= $1 AND {column} < $2");
            let rows = connection.fetch_all(&sql, &[ids.start.into(), end.into()]).await;
            rows.and_then(|rows| first(&rows)).map_err(|error| self.error(error))
        };
        // A sampler may have been ahead of an invocation that was never recorded.
        let mut invocation = after("invocations", "id", ids.end).await?;
        for table in ["records", "samples", "counters", "metrics", "documents"] {
            invocation = invocation.max(after(table, "invocation", ids.end).await?);
        }
        let next = NextIds {
            invocation: invocation + gap,
            record: after("records", "id", ids.end).await? + gap,
            sample: after("samples", "id", ids.end).await? + gap,
            counter: after("counters", "id", ids.end).await? + gap,
            metric: after("metrics", "id", ids.end).await? + gap,
            document: after("documents", "id", ids.end).await? + gap,
            note: after("notes", "id", notes_end).await? + gap,
        };
        let greatest = [next.invocation, next.record, next.sample, next.counter, next.metric, next.document];
        if greatest.into_iter().any(|next| next >= ids.end) || next.note >= notes_end {
            return Err(StoreError::RunIsFull { id: run.id.clone() });
        }
        Ok(next)
    }

    /// Imports the file that an outage has left.
    async fn import_left_over(&self, run: &Run) -> Result<(), StoreError> {
        let Location::Postgres(_) = self.location else { return Ok(()) };
        let place = BufferPlace { folder: self.options.buffer_folder.clone(), busy_timeout: self.options.busy_timeout };
        let file = place.file(run);
        if !file.exists() {
            return Ok(());
        }
        let left_over = Store::open_existing(&Location::File(file.clone())).await?;
        let found = left_over.run(&run.id).await?;
        self.import(&left_over, &found, |_| {}).await?;
        left_over.close().await;
        // One that stays holds nothing that isn't on the server too.
        let _ = std::fs::remove_file(file);
        Ok(())
    }
}

impl Run {
    pub(super) fn refuse_running(&self) -> Result<(), StoreError> {
        if self.status != RunStatus::Running {
            return Ok(());
        }
        Err(StoreError::RunIsRunning {
            id: self.id.clone(),
            process_id: self.process.process_id,
            host: self.process.host_name.clone(),
        })
    }
}
