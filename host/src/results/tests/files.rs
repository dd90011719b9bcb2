//! Files that can't hold results, and files that can only be read.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use sqlx::{Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};

use super::super::row::{Invocation, Level, Note};
use super::super::*;
use super::fixture::{Place, invocation, new_run};

async fn open(path: impl Into<PathBuf>) -> Result<Store, StoreError> {
    Store::open(&Location::File(path.into())).await
}

#[tokio::test]
async fn paths_that_can_not_hold_results_are_told_apart() {
    let place = Place::file();
    let missing = open(place.folder.path().join("no/such/results.db")).await.unwrap_err();
    assert!(matches!(missing, StoreError::FolderMissing { .. }), "{missing:?}");
    let is_folder = open(place.folder.path()).await.unwrap_err();
    assert!(matches!(is_folder, StoreError::IsFolder { .. }), "{is_folder:?}");
    // No file can be made in /proc, not even by root.
    let unwritable = open("/proc/results.db").await.unwrap_err();
    assert!(matches!(unwritable, StoreError::Unwritable { .. }), "{unwritable:?}");
    std::fs::write(
        place.path(),
        "some text that is long enough to be looked at as a database header, all 100 bytes of it, so",
    )
    .unwrap();
    let text = place.try_open().await.unwrap_err();
    assert!(matches!(text, StoreError::NotADatabase { .. }), "{text:?}");
    let text = Store::open_existing(&place.location).await.unwrap_err();
    assert!(matches!(text, StoreError::NotADatabase { .. }), "{text:?}");
}

#[tokio::test]
async fn reading_what_is_not_there_makes_nothing() {
    let place = Place::file();
    let error = Store::open_existing(&place.location).await.unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error:?}");
    assert!(error.to_string().contains("results.db"), "{error}");
    assert!(!place.path().exists());
    std::fs::write(place.path(), "").unwrap();
    let error = Store::open_existing(&place.location).await.unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error:?}");
    assert_eq!(std::fs::read(place.path()).unwrap(), b"");
}

#[tokio::test]
async fn a_database_of_another_program_is_left_as_it_is() {
    let place = Place::file();
    let options = SqliteConnectOptions::new().filename(place.path()).create_if_missing(true);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    other.execute("CREATE TABLE runs (mine TEXT)").await.unwrap();
    other.close().await.unwrap();
    let before = std::fs::read(place.path()).unwrap();
    let error = place.try_open().await.unwrap_err();
    assert!(matches!(error, StoreError::NotOurs { .. }), "{error:?}");
    let error = Store::open_existing(&place.location).await.unwrap_err();
    assert!(matches!(error, StoreError::NotOurs { .. }), "{error:?}");
    assert_eq!(std::fs::read(place.path()).unwrap(), before);
}

#[tokio::test]
async fn a_damaged_file_is_named_as_such() {
    let place = Place::file();
    let store = place.open().await;
    store.create_run(new_run()).await.unwrap().finish(RunStatus::Complete).await.unwrap();
    store.close().await;
    let mut bytes = std::fs::read(place.path()).unwrap();
    // The header stays, every page after it goes.
    bytes[100..].fill(0xff);
    std::fs::write(place.path(), bytes).unwrap();
    let error = match place.try_open().await {
        Ok(store) => store.list_runs().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_closed_store_leaves_one_file() {
    let place = Place::file();
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    for repetition in 0..2_000 {
        recorder.record((recorder.reserve(), invocation(repetition))).unwrap();
    }
    recorder.finish(RunStatus::Complete).await.unwrap();
    assert_eq!(store.count::<Invocation>(RunNumber(1), &Filter::default()).await.unwrap(), 2_000);
    store.close().await;
    let reader = Store::open_existing(&place.location).await.unwrap();
    assert_eq!(reader.count::<Invocation>(RunNumber(1), &Filter::default()).await.unwrap(), 2_000);
    reader.close().await;
    let files: Vec<_> = std::fs::read_dir(place.folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["results.db"]);
}

/// As it was written by the first version of the schema.
async fn make_older(place: &Place) {
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    recorder.record((recorder.reserve(), invocation(0))).unwrap();
    recorder.finish(RunStatus::Complete).await.unwrap();
    drop(recorder);
    let mut raw = place.raw().await;
    raw.command("ALTER TABLE runs DROP COLUMN images").await.unwrap();
    raw.command("DELETE FROM _sqlx_migrations WHERE version = 2").await.unwrap();
    raw.close().await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn an_older_file_is_brought_up_to_date_by_its_reader() {
    let place = Place::file();
    make_older(&place).await;
    let store = Store::open_existing(&place.location).await.unwrap();
    let run = store.run("latest").await.unwrap();
    assert_eq!(run.images, serde_json::json!([]));
    store.add_note(&run, Level::Remark, "newer now").await.unwrap();
    assert_eq!(store.count::<Note>(run.number, &Filter::default()).await.unwrap(), 1);
}

const READ: &str = "FAASBENCH_TEST_READ";

/// Not a test by itself: the body of the process that the test below starts.
#[test]
fn child_that_reads() {
    let Some(path) = std::env::var_os(READ) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open_existing(&Location::File(path.into())).await.unwrap();
        let run = store.run("latest").await.unwrap();
        assert_eq!(run.images.as_array().map(Vec::is_empty), Some(true));
        assert_eq!(store.count::<Invocation>(run.number, &Filter::default()).await.unwrap(), 1);
        let error = store.add_note(&run, Level::Remark, "no").await.unwrap_err();
        assert!(matches!(error, StoreError::Unwritable { .. }), "{error:?}");
        store.close().await;
    });
}

/// The rights of files mean nothing to root, who therefore reads as somebody else.
#[tokio::test]
async fn files_that_are_read_only_can_be_read() {
    const NOBODY: u32 = 65_534;
    let is_root = rustix::process::geteuid().is_root();
    let rights = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    for (file_mode, folder_mode) in [(0o444, 0o755), (0o644, 0o555), (0o444, 0o555)] {
        let place = Place::file();
        make_older(&place).await;
        rights(&place.path(), file_mode);
        // A test program that nobody may run can't run as nobody.
        let program = place.folder.path().join("program");
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        rights(&program, 0o755);
        rights(place.folder.path(), folder_mode);
        let mut child = Command::new(&program);
        child
            .args(["--exact", &format!("{}::child_that_reads", module_path!().split_once("::").unwrap().1)])
            .current_dir("/")
            .env(READ, place.path());
        if is_root {
            if folder_mode == 0o755 {
                chown(place.folder.path(), Some(NOBODY), None).unwrap();
            }
            child.uid(NOBODY).gid(NOBODY);
        }
        let done = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && text.contains("1 passed"), "{file_mode:o} {folder_mode:o}: {text}");
        rights(place.folder.path(), 0o755);
    }
}
