//! A database that can't be written for a while, and rows that it refuses.

use std::time::Duration;

use super::super::row::{Invocation, Labels, Level, Metric, NestedRecord, Note, Reading, Sample};
use super::super::*;
use super::fixture::{Place, invocation, new_run};

on_both!(one_bad_row_does_not_hold_up_the_others, durations_that_no_clock_gives_are_noted, bad_rows_among_many);

#[tokio::test]
async fn a_file_that_refuses_is_reported_and_nothing_is_lost() {
    let place = Place::file();
    let options = StoreOptions { busy_timeout: Duration::from_millis(20), ..StoreOptions::default() };
    let store = Store::open_with(&place.location, options).await.unwrap();
    let recorder = store.create_run(new_run()).await.unwrap();
    let mut other = place.raw().await;
    other.command("BEGIN IMMEDIATE").await.unwrap();
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
    other.command("ROLLBACK").await.unwrap();
    recorder.finish(RunStatus::Complete).await.unwrap();
    let stored = store.rows::<Invocation>(recorder.run().number, &Filter::default()).await.unwrap();
    assert!(stored.iter().map(|stored| stored.row.repetition).eq(0..500));
}

#[tokio::test]
async fn rows_that_can_not_be_written_take_bounded_memory() {
    let place = Place::file();
    let options =
        StoreOptions { busy_timeout: Duration::from_millis(20), buffer_bytes: 100_000, ..StoreOptions::default() };
    let store = Store::open_with(&place.location, options).await.unwrap();
    let recorder = store.create_run(new_run()).await.unwrap();
    let mut other = place.raw().await;
    other.command("BEGIN IMMEDIATE").await.unwrap();
    let taken = (0..10_000)
        .take_while(|&repetition| {
            let result = recorder.record((recorder.reserve(), invocation(repetition)));
            !matches!(result, Err(RecordError::BufferFull { limit_bytes: 100_000 }))
        })
        .count();
    assert!((50..1_000).contains(&taken), "{taken}");
    other.command("ROLLBACK").await.unwrap();
    recorder.flush().await.unwrap();
    recorder.record((recorder.reserve(), invocation(0))).unwrap();
    recorder.flush().await.unwrap();
    let count = store.count::<Invocation>(recorder.run().number, &Filter::default()).await.unwrap();
    assert_eq!(count, taken as u64 + 1);
}

async fn one_bad_row_does_not_hold_up_the_others(place: Place) {
    let store = place.open().await;
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
    // The recorder's own notes go on after it.
    recorder.note(Level::Remark, "still here").unwrap();
    recorder.finish(RunStatus::Complete).await.unwrap();
    assert_eq!(store.rows::<Note>(run, &Filter::default()).await.unwrap()[1].row.text, "still here");
}

/// What the types let through and the tables don't.
async fn durations_that_no_clock_gives_are_noted(place: Place) {
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    let metric = |value| Metric {
        invocation: None,
        name: "overhead".into(),
        value: Reading::Value(value),
        unit: "us".into(),
        labels: Labels::new(),
    };
    recorder.record(metric(f64::NAN)).unwrap();
    recorder.record(metric(-1.5)).unwrap();
    recorder.flush().await.unwrap();
    let stored = store.rows::<Metric>(recorder.run().number, &Filter::default()).await.unwrap();
    assert_eq!(stored[0].row.value, Reading::Absent("NaN is not a finite number".into()));
    // A difference may be negative, a duration may not.
    assert_eq!(stored[1].row.value, Reading::Value(-1.5));
    let mut raw = place.raw().await;
    let insertion = "INSERT INTO samples (id, series, unix_ns, elapsed_ns, value, unit) VALUES (1, 'a', 1, -1, 0, 's')";
    assert!(super::super::error::is_refused(&raw.execute(insertion, &[]).await.unwrap_err()));
    let insertion = "INSERT INTO samples (id, series, unix_ns, value, unit) VALUES (1, 'a', 1, NULL, 's')";
    assert!(super::super::error::is_refused(&raw.execute(insertion, &[]).await.unwrap_err()));
    // The same invocation twice: the first stays, the second is in the notes.
    let id = recorder.reserve();
    recorder.record((id, invocation(0))).unwrap();
    recorder.record((id, invocation(1))).unwrap();
    recorder.finish(RunStatus::Complete).await.unwrap();
    let run = recorder.run().number;
    let stored = store.rows::<Invocation>(run, &Filter::default()).await.unwrap();
    assert_eq!(stored.iter().map(|stored| stored.row.repetition).collect::<Vec<_>>(), [0]);
    let notes = store.rows::<Note>(run, &Filter::default()).await.unwrap();
    assert!(notes.len() == 1 && notes[0].row.text.contains("\"repetition\":1"), "{notes:?}");
}

async fn bad_rows_among_many(place: Place) {
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    for repetition in 0..3_000_u32 {
        let id = recorder.reserve();
        // Every one twice, so that some batches hold good and bad rows of several tables.
        let deployment = repetition.is_multiple_of(250).then_some(99);
        recorder.record((id, Invocation { deployment, ..invocation(repetition) })).unwrap();
        let sample = Sample {
            invocation: Some(id),
            series: "rss".into(),
            unix_ns: 1,
            elapsed_ns: None,
            value: Reading::Value(1.0),
            unit: "bytes".into(),
            labels: Labels::new(),
        };
        recorder.record(sample).unwrap();
    }
    recorder.finish(RunStatus::Complete).await.unwrap();
    let run = recorder.run().number;
    assert_eq!(store.count::<Invocation>(run, &Filter::default()).await.unwrap(), 2_988);
    assert_eq!(store.count::<Sample>(run, &Filter::default()).await.unwrap(), 3_000);
    assert_eq!(store.count::<Note>(run, &Filter::default()).await.unwrap(), 12);
}

/// PostgreSQL has no text with NUL in it; SQLite does.
#[tokio::test]
async fn text_that_postgresql_can_not_hold_is_noted() {
    let Some(place) = Place::postgres() else { return };
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    let id = recorder.reserve();
    recorder.record((id, Invocation { response: Some("a\0b".into()), ..invocation(0) })).unwrap();
    let record = NestedRecord {
        invocation: id,
        identifier: "nul\0".into(),
        function: "function1".into(),
        parent: "root".into(),
        level: 0,
        is_cold: None,
        execution_start_ns: None,
        execution_us: None,
        invocation_us: None,
        error_kind: None,
        record: "{}".into(),
    };
    recorder.record(record).unwrap();
    recorder.note(Level::Remark, "nul\0 too").unwrap();
    recorder.note(Level::Remark, "a good one").unwrap();
    recorder.record((recorder.reserve(), invocation(1))).unwrap();
    recorder.finish(RunStatus::Complete).await.unwrap();
    let run = recorder.run().number;
    assert_eq!(store.count::<Invocation>(run, &Filter::default()).await.unwrap(), 1);
    let notes = store.rows::<Note>(run, &Filter::default()).await.unwrap();
    let texts: Vec<&str> = notes.iter().map(|note| note.row.text.as_str()).collect();
    assert_eq!(texts.len(), 4, "{texts:?}");
    for part in ["a\\u0000b", "nul\\u0000\"", "nul\\u0000 too", "a good one"] {
        assert_eq!(texts.iter().filter(|text| text.contains(part)).count(), 1, "{part}: {texts:?}");
    }
    assert!(matches!(store.run("\0").await, Err(StoreError::NoSuchRun { .. })));
}
