//! What the store promises, through its public face.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::{Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use super::row::{Counter, Invocation, Labels, Level, Metric, NestedRecord, Note, Outcome, Reading, Sample};
use super::*;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.db");
    (folder, path)
}

fn invocation(repetition: u32) -> Invocation {
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

fn new_run() -> NewRun {
    NewRun {
        label: Some("nightly".into()),
        command: vec!["faasbench".into(), "run".into()],
        plan: serde_json::json!({"experiments": ["time"]}),
        environment: serde_json::json!({"cpu": "a"}),
        seed: u64::MAX,
        version: "0.1.0".into(),
    }
}

async fn raw(path: &std::path::Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap()
}

#[tokio::test]
async fn everything_recorded_is_read_as_it_was() {
    let (_folder, path) = folder();
    let store = Store::open(&path).await.unwrap();
    let recorder = store.create_run(new_run()).await.unwrap();
    let failed = Invocation {
        outcome: Outcome::Error { kind: "limit".into(), message: "out of memory".into() },
        wall_ns: None,
        response: Some("{}".into()),
        ..invocation(1)
    };
    let (first, second) = (recorder.reserve(), recorder.reserve());
    let labels = Labels::from([("cache".to_owned(), "cold".to_owned())]);
    let record = NestedRecord {
        invocation: first,
        identifier: "function1-1".into(),
        function: "function1".into(),
        parent: "root".into(),
        level: 0,
        is_cold: Some(true),
        execution_start_ns: Some(5),
        execution_us: Some(7),
        invocation_us: None,
        error_kind: None,
        record: "{}".into(),
    };
    let sample = Sample {
        invocation: Some(first),
        series: "rss".into(),
        unix_ns: 9,
        elapsed_ns: Some(1),
        value: Reading::Value(0.1),
        unit: "bytes".into(),
        labels: labels.clone(),
    };
    let counter = Counter {
        invocation: second,
        name: "instructions".into(),
        pass: 1,
        value: Reading::Absent("no counters here".into()),
        source: "hw".into(),
        event_code: Some("c0".into()),
        time_enabled_ns: Some(10),
        time_running_ns: Some(5),
        is_multiplexed: true,
    };
    let metric = Metric {
        invocation: None,
        name: "peak-rss".into(),
        value: Reading::Value(3.5),
        unit: "bytes".into(),
        labels: Labels::new(),
    };
    let note = Note { invocation: None, created_unix_ns: 3, level: Level::Warning, text: "noisy".into() };
    // A sampler is ahead of its invocation.
    recorder.record(sample.clone()).unwrap();
    recorder.record((first, invocation(0))).unwrap();
    recorder.record((second, failed.clone())).unwrap();
    recorder.record(record.clone()).unwrap();
    recorder.record(counter.clone()).unwrap();
    recorder.record(metric.clone()).unwrap();
    recorder.record(note.clone()).unwrap();
    recorder.finish(RunStatus::Complete).await.unwrap();

    let run = store.run("latest").await.unwrap();
    assert_eq!((run.status, run.seed, run.label.as_deref()), (RunStatus::Complete, u64::MAX, Some("nightly")));
    assert_eq!((&run.command, &run.plan), (&new_run().command, &new_run().plan));
    assert!(run.finished_unix_ns.unwrap() >= run.created_unix_ns);
    let all = Filter::default();
    let number = run.number;
    let stored = store.rows::<Invocation>(number, &all).await.unwrap();
    assert_eq!(stored.iter().map(Stored::invocation).collect::<Vec<_>>(), [first, second]);
    assert_eq!(stored.into_iter().map(|stored| stored.row).collect::<Vec<_>>(), [invocation(0), failed]);
    assert_eq!(store.rows::<NestedRecord>(number, &all).await.unwrap()[0].row, record);
    assert_eq!(store.rows::<Sample>(number, &all).await.unwrap()[0].row, sample);
    assert_eq!(store.rows::<Counter>(number, &all).await.unwrap()[0].row, counter);
    assert_eq!(store.rows::<Metric>(number, &all).await.unwrap()[0].row, metric);
    assert_eq!(store.rows::<Note>(number, &all).await.unwrap()[0].row, note);
}

#[tokio::test]
async fn what_is_no_number_is_stored_as_absent_with_the_reason() {
    let (_folder, path) = folder();
    let store = Store::open(&path).await.unwrap();
    let recorder = store.create_run(new_run()).await.unwrap();
    let metric = |value| Metric {
        invocation: None,
        name: "ratio".into(),
        value: Reading::Value(value),
        unit: "1".into(),
        labels: Labels::new(),
    };
    recorder.record(metric(f64::NAN)).unwrap();
    recorder.record(metric(f64::NEG_INFINITY)).unwrap();
    recorder.flush().await.unwrap();
    let stored = store.rows::<Metric>(recorder.run().number, &Filter::default()).await.unwrap();
    assert_eq!(stored[0].row.value, Reading::Absent("NaN is not a finite number".into()));
    assert_eq!(stored[1].row.value, Reading::Absent("-inf is not a finite number".into()));
}

#[tokio::test]
async fn filters_join_and_reach_from_counters_to_invocations() {
    let (_folder, path) = folder();
    let store = Store::open(&path).await.unwrap();
    let other = store.create_run(new_run()).await.unwrap();
    let recorder = store.create_run(new_run()).await.unwrap();
    for repetition in 0..10 {
        for recorder in [&other, &recorder] {
            let id = recorder.reserve();
            recorder.record((id, invocation(repetition))).unwrap();
            for name in ["cycles", "instructions"] {
                let value = Reading::Value(repetition.into());
                let counter = Counter {
                    invocation: id,
                    name: name.into(),
                    pass: 0,
                    value,
                    source: "hw".into(),
                    event_code: None,
                    time_enabled_ns: None,
                    time_running_ns: None,
                    is_multiplexed: false,
                };
                recorder.record(counter).unwrap();
            }
        }
    }
    recorder.flush().await.unwrap();
    let run = recorder.run().number;
    let wasm = Filter { engine: Some("wasm".into()), ..Filter::default() };
    assert_eq!(store.count::<Invocation>(run, &wasm).await.unwrap(), 5);
    assert_eq!(store.count::<Counter>(run, &wasm).await.unwrap(), 10);
    let named = Filter { name: Some("cycles".into()), is_cold: Some(true), ..Filter::default() };
    let cycles = store.rows::<Counter>(run, &named).await.unwrap();
    assert_eq!(cycles.len(), 1);
    let one = Filter { invocation: Some(cycles[0].row.invocation), ..Filter::default() };
    assert_eq!(store.count::<Counter>(run, &one).await.unwrap(), 2);
    assert_eq!(store.count::<Invocation>(run, &one).await.unwrap(), 1);
    let mut seen = 0;
    let stop_at_three = |_: Stored<Invocation>| {
        seen += 1;
        if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    store.for_each(run, &Filter::default(), stop_at_three).await.unwrap();
    assert_eq!(seen, 3);
}

#[tokio::test]
async fn more_than_a_page_is_read_whole_and_in_order() {
    let (_folder, path) = folder();
    let store = Store::open(&path).await.unwrap();
    let recorder = store.create_run(new_run()).await.unwrap();
    for repetition in 0..10_001 {
        recorder.record((recorder.reserve(), invocation(repetition))).unwrap();
    }
    recorder.flush().await.unwrap();
    assert_eq!(recorder.unwritten(), 0);
    let stored = store.rows::<Invocation>(recorder.run().number, &Filter::default()).await.unwrap();
    assert!(stored.iter().map(|stored| stored.row.repetition).eq(0..10_001));
}

#[tokio::test]
async fn rows_arrive_without_being_asked_for() {
    let (_folder, path) = folder();
    let store = Store::open(&path).await.unwrap();
    let recorder = store.create_run(new_run()).await.unwrap();
    recorder.record((recorder.reserve(), invocation(0))).unwrap();
    let arrived = async {
        while store.count::<Invocation>(recorder.run().number, &Filter::default()).await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), arrived).await.unwrap();
}

#[tokio::test]
async fn runs_are_found_by_latest_by_id_and_by_its_beginning() {
    let (_folder, path) = folder();
    let store = Store::open(&path).await.unwrap();
    assert!(matches!(store.run("latest").await, Err(StoreError::NoRuns)));
    let first = store.create_run(new_run()).await.unwrap().run().clone();
    let second = store.create_run(new_run()).await.unwrap().run().clone();
    assert_eq!(store.run("latest").await.unwrap().id, second.id);
    assert_eq!(store.run(&first.id.to_uppercase()).await.unwrap().number, first.number);
    assert_eq!(store.run(&first.id[..10]).await.is_ok(), first.id[..10] != second.id[..10]);
    assert!(
        matches!(store.run("0").await, Err(StoreError::AmbiguousRun { candidates, .. }) if candidates.len() == 2)
            || matches!(store.run("0").await, Err(StoreError::NoSuchRun { .. }))
    );
    assert!(matches!(store.run("").await, Err(StoreError::AmbiguousRun { .. })));
    assert!(matches!(store.run("%").await, Err(StoreError::NoSuchRun { .. })));
    let listed: Vec<RunNumber> = store.list_runs().await.unwrap().iter().map(|run| run.number).collect();
    assert_eq!(listed, [second.number, first.number]);
}

#[tokio::test]
async fn a_recorder_that_is_dropped_writes_what_it_has_and_leaves_an_interrupted_run() {
    let (_folder, path) = folder();
    let store = Store::open(&path).await.unwrap();
    let recorder = store.create_run(new_run()).await.unwrap();
    let run = recorder.run().number;
    recorder.record((recorder.reserve(), invocation(0))).unwrap();
    assert_eq!(store.run("latest").await.unwrap().status, RunStatus::Running);
    tokio::task::spawn_blocking(move || drop(recorder)).await.unwrap();
    assert_eq!(store.run("latest").await.unwrap().status, RunStatus::Interrupted);
    assert_eq!(store.count::<Invocation>(run, &Filter::default()).await.unwrap(), 1);
}

#[tokio::test]
async fn nothing_is_recorded_after_the_end_or_for_another_run() {
    let (_folder, path) = folder();
    let store = Store::open(&path).await.unwrap();
    let (one, two) = (store.create_run(new_run()).await.unwrap(), store.create_run(new_run()).await.unwrap());
    let foreign = one.record((two.reserve(), invocation(0))).unwrap_err();
    assert!(matches!(foreign, RecordError::ForeignInvocation { .. }), "{foreign}");
    one.finish(RunStatus::Failed).await.unwrap();
    assert_eq!(store.run(&one.run().id).await.unwrap().status, RunStatus::Failed);
    // The writer closes its end soon after it has answered.
    let refused = async {
        while !matches!(one.record((one.reserve(), invocation(0))), Err(RecordError::Finished)) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), refused).await.unwrap();
    assert!(matches!(one.flush().await, Err(RecordError::Finished)));
}

#[tokio::test]
async fn a_database_that_refuses_is_reported_and_nothing_is_lost() {
    let (_folder, path) = folder();
    let options = StoreOptions { busy_timeout: Duration::from_millis(20), ..StoreOptions::default() };
    let store = Store::open_with(&path, options).await.unwrap();
    let recorder = store.create_run(new_run()).await.unwrap();
    let mut other = raw(&path).await;
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    for repetition in 0..500 {
        // Kept, whether or not an attempt has failed by now.
        let result = recorder.record((recorder.reserve(), invocation(repetition)));
        assert!(matches!(result, Ok(()) | Err(RecordError::Delayed { .. })), "{result:?}");
    }
    let error = recorder.flush().await.unwrap_err();
    assert!(
        matches!(&error, RecordError::Delayed { rows: 500, source } if matches!(**source, StoreError::Locked(_))),
        "{error:?}"
    );
    // The writer goes on trying, and says so to whoever records next.
    let told = async {
        let remark = Note { invocation: None, created_unix_ns: 0, level: Level::Remark, text: String::new() };
        while !matches!(recorder.record(remark.clone()), Err(RecordError::Delayed { .. })) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
    other.execute("ROLLBACK").await.unwrap();
    recorder.finish(RunStatus::Complete).await.unwrap();
    let stored = store.rows::<Invocation>(recorder.run().number, &Filter::default()).await.unwrap();
    assert!(stored.iter().map(|stored| stored.row.repetition).eq(0..500));
}

#[tokio::test]
async fn rows_that_can_not_be_written_take_bounded_memory() {
    let (_folder, path) = folder();
    let options = StoreOptions { busy_timeout: Duration::from_millis(20), buffer_bytes: 100_000 };
    let store = Store::open_with(&path, options).await.unwrap();
    let recorder = store.create_run(new_run()).await.unwrap();
    let mut other = raw(&path).await;
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let taken = (0..10_000)
        .take_while(|&repetition| {
            let result = recorder.record((recorder.reserve(), invocation(repetition)));
            !matches!(result, Err(RecordError::BufferFull { limit_bytes: 100_000 }))
        })
        .count();
    assert!((50..1_000).contains(&taken), "{taken}");
    other.execute("ROLLBACK").await.unwrap();
    recorder.flush().await.unwrap();
    recorder.record((recorder.reserve(), invocation(0))).unwrap();
    recorder.flush().await.unwrap();
    let count = store.count::<Invocation>(recorder.run().number, &Filter::default()).await.unwrap();
    assert_eq!(count, taken as u64 + 1);
}

#[tokio::test]
async fn one_bad_row_does_not_hold_up_the_others() {
    let (_folder, path) = folder();
    let store = Store::open(&path).await.unwrap();
    let recorder = store.create_run(new_run()).await.unwrap();
    for repetition in 0..10 {
        let deployment = (repetition == 4).then_some(99);
        recorder.record((recorder.reserve(), Invocation { deployment, ..invocation(repetition) })).unwrap();
    }
    recorder.flush().await.unwrap();
    let run = recorder.run().number;
    assert_eq!(store.count::<Invocation>(run, &Filter::default()).await.unwrap(), 9);
    let notes = store.rows::<Note>(run, &Filter::default()).await.unwrap();
    assert_eq!((notes.len(), notes[0].row.level), (1, Level::Error));
    assert!(notes[0].row.text.contains("\"deployment\":99"), "{}", notes[0].row.text);
}

#[tokio::test]
async fn deleting_a_run_takes_its_rows_and_no_others() {
    let (_folder, path) = folder();
    let store = Store::open(&path).await.unwrap();
    for _ in 0..3 {
        let recorder = store.create_run(new_run()).await.unwrap();
        recorder.record((recorder.reserve(), invocation(0))).unwrap();
        recorder.note(Level::Remark, "here").unwrap();
        recorder.finish(RunStatus::Complete).await.unwrap();
    }
    let runs = store.list_runs().await.unwrap();
    raw(&path).await.execute("DELETE FROM runs WHERE number = 2").await.unwrap();
    for run in runs {
        let expected = u64::from(run.number != RunNumber(2));
        assert_eq!(store.count::<Invocation>(run.number, &Filter::default()).await.unwrap(), expected);
        assert_eq!(store.count::<Note>(run.number, &Filter::default()).await.unwrap(), expected);
    }
}

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

/// The name of a variable that makes this test binary a process that records until it is killed.
const RECORD_INTO: &str = "FAASBENCH_TEST_RECORD_INTO";

/// Not a test by itself: the body of the processes that the tests below start.
#[test]
fn child_that_records() {
    let Some(path) = std::env::var_os(RECORD_INTO) else { return };
    let limit: u32 = std::env::var("FAASBENCH_TEST_ROWS").unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(PathBuf::from(path)).await.unwrap();
        let recorder = store.create_run(new_run()).await.unwrap();
        let acknowledged = PathBuf::from(std::env::var_os("FAASBENCH_TEST_ACKNOWLEDGED").unwrap());
        let mut repetition = 0;
        while repetition < limit {
            for _ in 0..100 {
                recorder.record((recorder.reserve(), invocation(repetition))).unwrap();
                repetition += 1;
            }
            recorder.flush().await.unwrap();
            // Written aside and moved, so that the parent never reads half a number.
            let half = acknowledged.with_extension("half");
            std::fs::write(&half, format!("{} {repetition}", recorder.run().id)).unwrap();
            std::fs::rename(&half, &acknowledged).unwrap();
        }
        recorder.finish(RunStatus::Complete).await.unwrap();
    });
}

fn start_child(path: &std::path::Path, acknowledged: &std::path::Path, rows: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("{}::child_that_records", module_path!().split_once("::").unwrap().1),
            "--nocapture",
        ])
        .env(RECORD_INTO, path)
        .env("FAASBENCH_TEST_ACKNOWLEDGED", acknowledged)
        .env("FAASBENCH_TEST_ROWS", rows.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn assert_whole(path: &std::path::Path) {
    let check: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut raw(path).await).await.unwrap();
    assert_eq!(check, "ok");
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_flushed() {
    let (folder, path) = folder();
    for round in 0..8u64 {
        let acknowledged = folder.path().join(format!("acknowledged-{round}"));
        let mut child = start_child(&path, &acknowledged, u32::MAX);
        // A different moment of its work every time.
        let enough = 100 * (1 + 3 * round);
        let reached = async {
            loop {
                let text = std::fs::read_to_string(&acknowledged).unwrap_or_default();
                if text.split_once(' ').is_some_and(|(_, rows)| rows.parse::<u64>().unwrap() >= enough) {
                    break;
                }
                assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), reached).await.unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let text = std::fs::read_to_string(&acknowledged).unwrap();
        let (id, rows) = text.split_once(' ').unwrap();
        assert_whole(&path).await;
        let store = Store::open(&path).await.unwrap();
        let run = store.run(id).await.unwrap();
        assert_eq!(run.status, RunStatus::Interrupted);
        let stored = store.rows::<Invocation>(run.number, &Filter::default()).await.unwrap();
        assert!(stored.len() as u64 >= rows.parse().unwrap(), "{} of {rows}", stored.len());
        assert!(stored.iter().map(|stored| stored.row.repetition).eq(0..stored.len() as u32));
        store.close().await;
    }
}

#[tokio::test]
async fn two_processes_write_at_once() {
    let (folder, path) = folder();
    let children: Vec<Child> =
        (0..2).map(|index| start_child(&path, &folder.path().join(format!("acknowledged-{index}")), 3_000)).collect();
    for mut child in children {
        let ended = tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap();
        assert!(ended.success());
    }
    assert_whole(&path).await;
    let store = Store::open(&path).await.unwrap();
    let mut ids = HashSet::new();
    for run in store.list_runs().await.unwrap() {
        assert_eq!(run.status, RunStatus::Complete);
        let stored = store.rows::<Invocation>(run.number, &Filter::default()).await.unwrap();
        assert!(stored.iter().map(|stored| stored.row.repetition).eq(0..3_000));
        ids.extend(stored.iter().map(Stored::invocation));
    }
    assert_eq!(ids.len(), 6_000);
}
