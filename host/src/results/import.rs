//! A run out of one database into another.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::database::Connection;
use super::error::is_refused;
use super::insert::{Present, Statements};
use super::row::{Counter, Document, Invocation, Metric, NestedRecord, Note, Sample};
use super::store::first;
use super::table::{Moved, Stored, Table};
use super::value::Value;
use super::{Filter, Run, RunNumber, RunStatus, Store, StoreError, ledger, notes, read, sift};

/// Rows in one transaction.
const PAGE: usize = 4_096;

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportProgress {
    /// Rows looked at, of [`ImportProgress::total`].
    pub rows: u64,
    /// Rows of the run.
    pub total: u64,
}

/// What an import has done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Imported {
    /// The run as it is now stored here.
    pub run: Run,
    /// Rows that were not here before. What the database refused is among them, as a note.
    pub rows_added: u64,
    /// Rows that were here already.
    pub rows_present: u64,
}

impl Store {
    /// Copies a run out of another database into this one, a few thousand rows at a time; `progress` is called after
    /// each of these. Of a run that is here already, by its id, only what is missing is added, so that an import may be
    /// repeated, after it was cut too. How the run ended is taken from whichever of the two ended later.
    ///
    /// # Errors
    /// [`StoreError::RunIsRunning`] when a process writes the run, there or here; and when one of the databases can't be
    /// read or written.
    pub async fn import(
        &self,
        from: &Store,
        run: &Run,
        progress: impl FnMut(ImportProgress),
    ) -> Result<Imported, StoreError> {
        let source = from.run_by_number(run).await?;
        source.refuse_running()?;
        let mut connection = self.connect().await?;
        let (target, is_new) = self.begin_import(&mut connection, &source).await?;
        let total = from.total_rows(source.number).await?;
        let mut import = Import {
            from,
            to: self,
            connection,
            statements: Statements::default(),
            source: source.number,
            target: target.number,
            moved: Moved::default(),
            refused: Vec::new(),
            added: 0,
            present: 0,
            total,
            progress,
        };
        let copied = import.copy().await;
        let (added, present, mut connection) = (import.added, import.present, import.connection);
        let mut ended = target;
        if copied.is_err() {
            if is_new {
                // So that it doesn't seem to go on for as long as this process lives. The error says more than a failure
                // to do this would.
                ended.status = RunStatus::Interrupted;
                if let Ok(mut connection) = self.connect().await {
                    let _ = self.update(&mut connection, &ended).await;
                }
            }
            copied?;
        }
        if is_new || source.finished_unix_ns > ended.finished_unix_ns || ended.finished_unix_ns.is_none() {
            ended.status = source.status;
            ended.finished_unix_ns = source.finished_unix_ns;
            ended.process = source.process.clone();
            self.update(&mut connection, &ended).await?;
        }
        if added > 0 {
            connection.analyze().await.map_err(|error| self.error(error))?;
        }
        connection.close().await.map_err(|error| self.error(error))?;
        Ok(Imported { run: ended, rows_added: added, rows_present: present })
    }

    async fn run_by_number(&self, run: &Run) -> Result<Run, StoreError> {
        let sql = "SELECT * FROM runs WHERE number = $1 AND id = $2";
        let rows = self.pool.fetch_all(sql, &[run.number.0.into(), run.id.as_str().into()]).await;
        let rows = rows.map_err(|error| self.error(error))?;
        self.read_run(rows.first().ok_or_else(|| StoreError::NoSuchRun { wanted: run.id.clone() })?)
    }

    /// The run here, and whether it is new: one that is new seems to be written by this process until all is there.
    async fn begin_import(&self, connection: &mut Connection, source: &Run) -> Result<(Run, bool), StoreError> {
        connection.begin().await.map_err(|error| self.error(error))?;
        let found = self.locked(connection, "id = $1", &[source.id.as_str().into()]).await?;
        let begun = match found {
            Some(target) => {
                // The process that wrote both has ended the run in the source: it was the server that didn't learn it.
                let ended_there = source.finished_unix_ns.is_some() && source.process == target.process;
                if !ended_there {
                    target.refuse_running()?;
                }
                (target, false)
            }
            None => {
                let mut target = source.clone();
                target.status = RunStatus::Running;
                target.finished_unix_ns = None;
                target.process = self.process.clone();
                let (sql, values) = target.insertion()?;
                let rows = connection.fetch_all(&sql, &values).await.map_err(|error| self.error(error))?;
                drop(values);
                target.number = self.number_of(&rows)?;
                (target, true)
            }
        };
        connection.commit().await.map_err(|error| self.error(error))?;
        Ok(begun)
    }

    /// The rows of all kinds that a run has.
    async fn total_rows(&self, run: RunNumber) -> Result<u64, StoreError> {
        let all = Filter::default();
        Ok(self.count::<Invocation>(run, &all).await?
            + self.count::<NestedRecord>(run, &all).await?
            + self.count::<Sample>(run, &all).await?
            + self.count::<Counter>(run, &all).await?
            + self.count::<Metric>(run, &all).await?
            + self.count::<Document>(run, &all).await?
            + self.count::<Note>(run, &all).await?)
    }
}

/// An import under way.
struct Import<'a, P> {
    from: &'a Store,
    to: &'a Store,
    connection: Connection,
    statements: Statements,
    source: RunNumber,
    target: RunNumber,
    moved: Moved,
    /// Texts about rows that the database refused.
    refused: Vec<String>,
    added: u64,
    present: u64,
    total: u64,
    progress: P,
}

impl<P: FnMut(ImportProgress)> Import<'_, P> {
    async fn copy(&mut self) -> Result<(), StoreError> {
        let deployments = ledger::copy(self.from, self.source, self.to, &mut self.connection, self.target).await?;
        self.moved = Moved { shift: self.target.first_row() - self.source.first_row(), deployments };
        self.table::<Invocation>().await?;
        self.table::<NestedRecord>().await?;
        self.table::<Sample>().await?;
        self.table::<Counter>().await?;
        self.table::<Metric>().await?;
        self.table::<Document>().await?;
        self.notes().await
    }

    async fn table<T: Table>(&mut self) -> Result<(), StoreError> {
        let mut next = self.source.first_row();
        loop {
            let (mut rows, last) = self.page::<T>(next).await?;
            let Some(last) = last else { return Ok(()) };
            next = last + 1;
            let count = rows.len() as u64;
            let (added, refused) = self.write(&mut rows).await.map_err(|error| self.to.error(error))?;
            self.added += added;
            self.present += count - added - refused.len() as u64;
            self.refused.extend(refused);
            self.tell();
        }
    }

    /// A page of rows from an id on, as they are to stand here, and the last one's id there.
    async fn page<T: Table>(&self, first: i64) -> Result<(Vec<Stored<T>>, Option<i64>), StoreError> {
        let sql = format!(
            "SELECT {} FROM {} AS t WHERE t.id >= $1 AND t.id < $2 ORDER BY t.id LIMIT {PAGE}",
            read::columns::<T>(),
            T::NAME
        );
        let values: [Value<'_>; 2] = [first.into(), self.source.rows().end.into()];
        let found = self.from.pool.fetch_all(&sql, &values).await.map_err(|error| self.from.error(error))?;
        let mut rows = Vec::with_capacity(found.len());
        let mut last = None;
        for row in &found {
            let mut stored: Stored<T> = read::row(row).map_err(|error| self.from.error(error))?;
            last = Some(stored.id);
            stored.id += self.moved.shift;
            stored.row.refer(&self.moved);
            rows.push(stored);
        }
        Ok((rows, last))
    }

    async fn write<T: Table>(&mut self, rows: &mut Vec<Stored<T>>) -> Result<(u64, Vec<String>), sqlx::Error> {
        self.connection.begin().await?;
        let written = match self.statements.insert(&mut self.connection, rows, Present::Keep).await {
            Ok(added) => (added, Vec::new()),
            Err(error) if is_refused(&error) => {
                self.connection.command("ROLLBACK").await?;
                self.connection.begin().await?;
                sift::insert(&mut self.connection, &mut self.statements, rows, Present::Keep).await?
            }
            Err(error) => return Err(error),
        };
        self.connection.commit().await?;
        Ok(written)
    }

    /// Notes are told apart by what they say, since a note may have been added here and another one there, and both have
    /// the same id.
    async fn notes(&mut self) -> Result<(), StoreError> {
        let mut here: HashMap<u64, u64> = HashMap::new();
        let mut texts_here: HashMap<u64, u64> = HashMap::new();
        let count = |counts: &mut HashMap<u64, u64>, key| *counts.entry(key).or_default() += 1;
        self.to
            .for_each::<Note>(self.target, &Filter::default(), |stored| {
                count(&mut here, fingerprint(&stored.row));
                count(&mut texts_here, fingerprint(&stored.row.text));
                std::ops::ControlFlow::Continue(())
            })
            .await?;
        let mut next = self.source.first_row();
        loop {
            let (rows, last) = self.page::<Note>(next).await?;
            let Some(last) = last else { break };
            next = last + 1;
            let is_present = |note: &Note| match here.get_mut(&fingerprint(note)) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    true
                }
                _ => false,
            };
            let (present, missing) = partition(rows, is_present);
            self.present += present;
            self.add_notes(missing).await.map_err(|error| self.to.error(error))?;
            self.tell();
        }
        // What was refused by an earlier import of the same rows is noted already.
        let refused = std::mem::take(&mut self.refused);
        let (present, missing): (Vec<_>, Vec<_>) =
            refused.into_iter().partition(|text| texts_here.contains_key(&fingerprint(text)));
        self.present += present.len() as u64;
        self.add_texts(&missing).await.map_err(|error| self.to.error(error))
    }

    async fn add_notes(&mut self, rows: Vec<Stored<Note>>) -> Result<(), sqlx::Error> {
        self.connection.begin().await?;
        for stored in rows {
            let mut row = vec![stored];
            let (mut added, refused) =
                sift::insert(&mut self.connection, &mut self.statements, &mut row, Present::Keep).await?;
            if let (0, Some(stored)) = (added, row.first_mut()) {
                // Another note has the id.
                let sql = "SELECT MAX(id) + 1 FROM notes WHERE id >= $1 AND id < $2";
                let ids = self.target.rows();
                stored.id = first(&self.connection.fetch_all(sql, &[ids.start.into(), ids.end.into()]).await?)?;
                added = self.statements.insert(&mut self.connection, &row, Present::Refuse).await?;
            }
            self.added += added;
            self.refused.extend(refused);
        }
        self.connection.commit().await
    }

    async fn add_texts(&mut self, texts: &[String]) -> Result<(), sqlx::Error> {
        self.connection.begin().await?;
        for text in texts {
            notes::append_apart(&mut self.connection, self.target, text).await?;
            self.added += 1;
        }
        self.connection.commit().await
    }

    fn tell(&mut self) {
        // Refused rows were looked at too.
        let rows = self.added + self.present + self.refused.len() as u64;
        (self.progress)(ImportProgress { rows, total: self.total });
    }
}

/// How many rows are present, and those that are not.
fn partition(rows: Vec<Stored<Note>>, mut is_present: impl FnMut(&Note) -> bool) -> (u64, Vec<Stored<Note>>) {
    let all = rows.len();
    let missing: Vec<_> = rows.into_iter().filter(|stored| !is_present(&stored.row)).collect();
    ((all - missing.len()) as u64, missing)
}

fn fingerprint(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
