//! A run as stored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::value::{DatabaseRow, Value, unreadable};
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
    /// The images that are measured: a list of `{function, engine, digest, bytes}`. Null stands for an empty list.
    pub images: Json,
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
    /// The images that were measured: a list of `{function, engine, digest, bytes}`.
    #[serde(default = "no_images")]
    pub images: Json,
    /// Seed of every random choice.
    pub seed: u64,
    /// Version of the program that made it.
    pub version: String,
    /// The process that writes or wrote it.
    pub process: ProcessIdentity,
}

impl Run {
    /// Reads a row of `runs`; a run whose process is gone, seen from `observer`, is interrupted.
    pub(super) fn read(row: &DatabaseRow, observer: &ProcessIdentity) -> Result<Self, sqlx::Error> {
        let process_id: i64 = row.named("process_id")?;
        let process = ProcessIdentity {
            process_id: process_id.try_into().map_err(|error| unreadable("process_id", error))?,
            process_start: row.named("process_start")?,
            process_namespace: row.named("process_namespace")?,
            boot_id: row.named("boot_id")?,
            host_name: row.named("host_name")?,
        };
        let stored: String = row.named("status")?;
        let status = match RunStatus::from_name(&stored) {
            Some(RunStatus::Running) if process.is_gone(observer) => RunStatus::Interrupted,
            Some(status) => status,
            None => return Err(unreadable("status", format!("`{stored}` is no status"))),
        };
        let seed: String = row.named("seed")?;
        let images = match json(row, "images") {
            // An older file that can't be written, and so not be brought up to date.
            Err(sqlx::Error::ColumnNotFound(_)) => no_images(),
            images => images?,
        };
        Ok(Self {
            number: RunNumber(row.named("number")?),
            id: row.named("id")?,
            created_unix_ns: row.named("created_unix_ns")?,
            finished_unix_ns: row.named("finished_unix_ns")?,
            status,
            label: row.named("label")?,
            command: json(row, "command")?,
            plan: json(row, "plan")?,
            environment: json(row, "environment")?,
            images,
            seed: seed.parse().map_err(|error| unreadable("seed", error))?,
            version: row.named("version")?,
            process,
        })
    }

    /// A statement that stores the run under the next number and returns the number.
    pub(super) fn insertion(&self) -> Result<(String, Vec<Value<'_>>), serde_json::Error> {
        let (names, values): (Vec<_>, Vec<_>) = self.columns()?.into_iter().unzip();
        let places: Vec<String> = (1..=names.len()).map(|index| format!("${index}")).collect();
        let sql = format!("INSERT INTO runs ({}) VALUES ({}) RETURNING number", names.join(", "), places.join(", "));
        Ok((sql, values))
    }

    /// The columns of `runs` without `number`, and this run's values in them.
    pub(super) fn columns(&self) -> Result<Vec<(&'static str, Value<'_>)>, serde_json::Error> {
        let process = &self.process;
        Ok(vec![
            ("id", self.id.as_str().into()),
            ("created_unix_ns", self.created_unix_ns.into()),
            ("finished_unix_ns", self.finished_unix_ns.into()),
            ("status", self.status.name().into()),
            ("label", (&self.label).into()),
            ("command", serde_json::to_string(&self.command)?.into()),
            ("plan", serde_json::to_string(&self.plan)?.into()),
            ("environment", serde_json::to_string(&self.environment)?.into()),
            ("images", serde_json::to_string(&self.images)?.into()),
            ("seed", self.seed.to_string().into()),
            ("version", self.version.as_str().into()),
            ("process_id", i64::from(process.process_id).into()),
            ("process_start", process.process_start.into()),
            ("process_namespace", (&process.process_namespace).into()),
            ("boot_id", (&process.boot_id).into()),
            ("host_name", (&process.host_name).into()),
        ])
    }
}

/// What `images` holds where none are known.
pub(super) fn no_images() -> Json {
    Json::Array(Vec::new())
}

/// A text column that holds JSON.
fn json<T: serde::de::DeserializeOwned>(row: &DatabaseRow, column: &str) -> Result<T, sqlx::Error> {
    let text: String = row.named(column)?;
    serde_json::from_str(&text).map_err(|error| unreadable(column, error))
}
