//! A run as stored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sqlx::{Row, sqlite::SqliteRow};

use super::{RunNumber, process::ProcessIdentity};

/// What is known of a run when it begins.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewRun {
    /// A name that the user gave it.
    pub label: Option<String>,
    /// The command line, argument by argument.
    pub command: Vec<String>,
    /// The plan, whole: what `--plan` takes back.
    pub plan: Json,
    /// The machine and its settings.
    pub environment: Json,
    /// Seed of every random choice.
    pub seed: u64,
    /// Version of this program.
    pub version: String,
}

/// How far a run got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// Its process is at work, or on a machine where that can't be seen.
    Running,
    /// The whole plan was done.
    Complete,
    /// It gave up.
    Failed,
    /// It was cut: by the user, or its process is gone. What it had measured is stored.
    Interrupted,
}

impl RunStatus {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Running, Self::Complete, Self::Failed, Self::Interrupted]
            .into_iter()
            .find(|status| status.name() == name)
    }
}

/// A stored run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Its number in the database.
    pub number: RunNumber,
    /// Its id: eleven letters and digits that sort by time of creation.
    pub id: String,
    /// Unix time, ns.
    pub created_unix_ns: i64,
    /// Unix time, ns; none where it didn't finish.
    pub finished_unix_ns: Option<i64>,
    /// How far it got.
    pub status: RunStatus,
    /// A name that the user gave it.
    pub label: Option<String>,
    /// The command line.
    pub command: Vec<String>,
    /// The plan.
    pub plan: Json,
    /// The machine and its settings.
    pub environment: Json,
    /// Seed of every random choice.
    pub seed: u64,
    /// Version of the program that made it.
    pub version: String,
    /// The process that writes or wrote it.
    pub process: ProcessIdentity,
}

impl Run {
    /// Reads a row of `runs`; a run whose process is gone, seen from `observer`, is interrupted.
    pub(super) fn read(row: &SqliteRow, observer: &ProcessIdentity) -> Result<Self, sqlx::Error> {
        let process = ProcessIdentity {
            process_id: row.try_get("process_id")?,
            process_start: row.try_get("process_start")?,
            process_namespace: row.try_get("process_namespace")?,
            boot_id: row.try_get("boot_id")?,
            host_name: row.try_get("host_name")?,
        };
        let stored: String = row.try_get("status")?;
        let status = match RunStatus::from_name(&stored) {
            Some(RunStatus::Running) if process.is_gone(observer) => RunStatus::Interrupted,
            Some(status) => status,
            None => return Err(unreadable("status", format!("`{stored}` is no status"))),
        };
        let seed: String = row.try_get("seed")?;
        Ok(Self {
            number: RunNumber(row.try_get("number")?),
            id: row.try_get("id")?,
            created_unix_ns: row.try_get("created_unix_ns")?,
            finished_unix_ns: row.try_get("finished_unix_ns")?,
            status,
            label: row.try_get("label")?,
            command: json(row, "command")?,
            plan: json(row, "plan")?,
            environment: json(row, "environment")?,
            seed: seed.parse().map_err(|error| unreadable("seed", error))?,
            version: row.try_get("version")?,
            process,
        })
    }
}

/// A text column that holds JSON.
fn json<T: serde::de::DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|error| unreadable(column, error))
}

/// A column whose value isn't what this program writes.
pub(super) fn unreadable(column: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}
