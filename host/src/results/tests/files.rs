//! Files that can't hold results.

use sqlx::{Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};

use super::super::*;
use super::fixture::{folder, new_run, raw};

#[tokio::test]
async fn paths_that_can_not_hold_results_are_told_apart() {
    let (folder, path) = folder();
    let missing = Store::open(folder.path().join("no/such/results.db")).await.unwrap_err();
    assert!(matches!(missing, StoreError::FolderMissing { .. }), "{missing:?}");
    let is_folder = Store::open(folder.path()).await.unwrap_err();
    assert!(matches!(is_folder, StoreError::IsFolder { .. }), "{is_folder:?}");
    // No file can be made in /proc, not even by root.
    let unwritable = Store::open("/proc/results.db").await.unwrap_err();
    assert!(matches!(unwritable, StoreError::Unwritable { .. }), "{unwritable:?}");
    std::fs::write(
        &path,
        "some text that is long enough to be looked at as a database header, all 100 bytes of it, so",
    )
    .unwrap();
    let text = Store::open(&path).await.unwrap_err();
    assert!(matches!(text, StoreError::NotADatabase { .. }), "{text:?}");
}

#[tokio::test]
async fn a_database_of_another_program_is_left_as_it_is() {
    let (_folder, path) = folder();
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    other.execute("CREATE TABLE runs (mine TEXT)").await.unwrap();
    other.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::NotOurs { .. }), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let (_folder, path) = folder();
    Store::open(&path).await.unwrap().close().await;
    raw(&path)
        .await
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9000, 'later', 1, x'00', 0)",
        )
        .await
        .unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 9000, .. }), "{error:?}");
}

#[tokio::test]
async fn a_damaged_file_is_named_as_such() {
    let (_folder, path) = folder();
    let store = Store::open(&path).await.unwrap();
    store.create_run(new_run()).await.unwrap().finish(RunStatus::Complete).await.unwrap();
    store.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    // The header stays, every page after it goes.
    bytes[100..].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let error = match Store::open(&path).await {
        Ok(store) => store.list_runs().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_file_may_be_opened_by_several_at_once() {
    for _ in 0..10 {
        let (_folder, path) = folder();
        let openings: Vec<_> = (0..4).map(|_| tokio::spawn(Store::open(path.clone()))).collect();
        for opening in openings {
            opening.await.unwrap().unwrap();
        }
    }
}
