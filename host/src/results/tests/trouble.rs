//! A database that can't be written for a while, and rows that it refuses.

use std::time::Duration;

use sqlx::Executor;

use super::super::row::{Invocation, Level, Note};
use super::super::*;
use super::fixture::{folder, invocation, new_run, raw};

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
