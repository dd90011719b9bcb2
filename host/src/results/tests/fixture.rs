//! A place for results, a run and an invocation to store.

use std::path::PathBuf;

use tempfile::TempDir;

use super::super::database::{Connection, Options};
use super::super::row::{Invocation, Outcome};
use super::super::{Location, NewRun, Store, StoreError, StoreOptions, postgres, sqlite};
use super::postgres_server::{PostgresDatabase, PostgresServer};

/// An empty place for results, and a folder for other files.
pub(super) struct Place {
    pub(super) folder: TempDir,
    pub(super) location: Location,
    database: Option<PostgresDatabase>,
}

impl Place {
    /// A file that isn't there yet.
    pub(super) fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("results.db"));
        Self { folder, location, database: None }
    }

    /// An empty database on the server that all tests share, if there is a server.
    pub(super) fn postgres() -> Option<Self> {
        PostgresServer::shared().map(Self::on)
    }

    /// An empty database on a server.
    pub(super) fn on(server: &PostgresServer) -> Self {
        let database = server.database();
        let location = database.url().parse().unwrap();
        Self { folder: tempfile::tempdir().unwrap(), location, database: Some(database) }
    }

    /// How `--results` would name it.
    pub(super) fn argument(&self) -> String {
        match &self.database {
            Some(database) => database.url().to_owned(),
            None => self.path().to_str().unwrap().to_owned(),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        match &self.location {
            Location::File(path) => path.clone(),
            Location::Postgres(url) => panic!("{url} is no file"),
        }
    }

    pub(super) fn options(&self) -> StoreOptions {
        StoreOptions { buffer_folder: self.folder.path().to_path_buf(), ..StoreOptions::default() }
    }

    pub(super) async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }

    pub(super) async fn try_open(&self) -> Result<Store, StoreError> {
        Store::open_with(&self.location, self.options()).await
    }

    /// A connection past the store, to tables that are there.
    pub(super) async fn raw(&self) -> Connection {
        let patience = self.options().busy_timeout;
        let options = match &self.location {
            Location::File(path) => Options::Sqlite(sqlite::options(path, patience)),
            Location::Postgres(url) => Options::Postgres(postgres::prepare(url, patience).await.unwrap()),
        };
        options.connect().await.unwrap()
    }

    /// SQL for a server, past everything of ours.
    pub(super) async fn bare(&self, sql: &'static str) {
        let Location::Postgres(url) = &self.location else { panic!("{} is no server", self.location) };
        let options = Options::Postgres(url.options().unwrap());
        options.connect().await.unwrap().command(sql).await.unwrap();
    }
}

pub(super) fn invocation(repetition: u32) -> Invocation {
    Invocation {
        experiment: "time".into(),
        function: "function1".into(),
        size: "test".into(),
        engine: if repetition.is_multiple_of(2) { "native" } else { "wasm" }.into(),
        platform: "process".into(),
        deployment: None,
        process: Some(1),
        round: 0,
        repetition,
        is_cold: repetition == 0,
        intended_unix_ns: None,
        start_unix_ns: 1_700_000_000_000_000_000,
        wall_ns: Some(1_234_567),
        user_ns: Some(1_000_000),
        system_ns: None,
        time_absent_reason: Some("no such clock".into()),
        outcome: Outcome::Ok { result_digest: Some("sha256:00".into()) },
        instance_identifier: Some("instance-1".into()),
        response: None,
    }
}

pub(super) fn new_run() -> NewRun {
    NewRun {
        label: Some("nightly".into()),
        command: vec!["faasbench".into(), "run".into()],
        plan: serde_json::json!({"experiments": ["time"]}),
        environment: serde_json::json!({"cpu": "a"}),
        images: serde_json::json!([{"function": "function1", "engine": "wasm", "digest": "sha256:00", "bytes": 7}]),
        seed: u64::MAX,
        version: "0.1.0".into(),
    }
}
