//! A run as lists show it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::row::Invocation;
use super::{Filter, Run, RunStatus, Store, StoreError};

/// A run, without its plan and its machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ListedRun {
    /// Its id.
    pub id: String,
    /// When it began, Unix time, ns.
    pub created_unix_ns: i64,
    /// When it ended; absent when it did not.
    pub finished_unix_ns: Option<i64>,
    /// How far it got.
    pub status: RunStatus,
    /// The name that the user gave it.
    pub label: Option<String>,
    /// Its command line.
    pub command: Vec<String>,
    /// Version of faasbench.
    pub version: String,
    /// How many invocations it has, failed ones too.
    pub invocations: u64,
}

impl ListedRun {
    /// Counts a run's invocations.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn of(store: &Store, run: &Run) -> Result<ListedRun, StoreError> {
        let invocations = store.count::<Invocation>(run.number, &Filter::default()).await?;
        Ok(ListedRun {
            id: run.id.clone(),
            created_unix_ns: run.created_unix_ns,
            finished_unix_ns: run.finished_unix_ns,
            status: run.status,
            label: run.label.clone(),
            command: run.command.clone(),
            version: run.version.clone(),
            invocations,
        })
    }
}
