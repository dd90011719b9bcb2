//! A folder, a run and an invocation to store.

use std::path::PathBuf;

use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use super::super::NewRun;
use super::super::row::{Invocation, Outcome};

pub(super) fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.db");
    (folder, path)
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
        seed: u64::MAX,
        version: "0.1.0".into(),
    }
}

pub(super) async fn raw(path: &std::path::Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap()
}
