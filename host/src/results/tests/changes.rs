//! What is done to a stored run.

use super::super::row::{Counter, Document, Invocation, Labels, Level, Metric, NestedRecord, Note, Reading, Sample};
use super::super::*;
use super::fixture::{Place, invocation, new_run};

on_both!(
    a_resumed_run_goes_on_after_what_it_has,
    an_id_that_only_a_sample_knows_is_not_given_again,
    only_one_resumes_a_run,
    a_run_that_goes_on_is_neither_resumed_nor_deleted_nor_noted,
    a_deleted_run_is_gone_and_the_ledger_stays,
    notes_follow_those_of_the_run,
    a_run_may_be_named_later,
);

/// A row of every kind.
pub(super) fn record_one_of_each(recorder: &Recorder, repetition: u32) {
    let id = recorder.reserve();
    recorder.record((id, invocation(repetition))).unwrap();
    recorder
        .record(NestedRecord {
            invocation: id,
            identifier: "function1-1".into(),
            function: "function1".into(),
            parent: "root".into(),
            level: 0,
            is_cold: Some(repetition == 0),
            execution_start_ns: None,
            execution_us: Some(7),
            invocation_us: None,
            error_kind: None,
            record: "{}".into(),
        })
        .unwrap();
    recorder
        .record(Sample {
            invocation: Some(id),
            series: "rss".into(),
            unix_ns: i64::from(repetition),
            elapsed_ns: Some(1),
            value: Reading::Value(0.1 + 0.2),
            unit: "bytes".into(),
            labels: Labels::from([("a".to_owned(), "b".to_owned())]),
        })
        .unwrap();
    recorder
        .record(Counter {
            invocation: id,
            name: "cycles".into(),
            pass: 0,
            value: Reading::Absent("no counters here".into()),
            source: "hw".into(),
            event_code: None,
            time_enabled_ns: None,
            time_running_ns: None,
            is_multiplexed: false,
        })
        .unwrap();
    recorder
        .record(Metric {
            invocation: Some(id),
            name: "ratio".into(),
            value: Reading::Value(f64::from(repetition)),
            unit: "1".into(),
            labels: Labels::new(),
        })
        .unwrap();
    recorder
        .record(Document {
            invocation: Some(id),
            experiment: "time".into(),
            kind: "unit".into(),
            name: format!("unit {repetition}"),
            document: "{}".into(),
        })
        .unwrap();
    recorder
        .record(Note {
            invocation: Some(id),
            created_unix_ns: i64::from(repetition),
            level: Level::Remark,
            text: format!("note {repetition}"),
        })
        .unwrap();
}

/// How many rows of each kind a run has.
pub(super) async fn counts(store: &Store, run: &Run) -> [u64; 7] {
    let (run, all) = (run.number, Filter::default());
    [
        store.count::<Invocation>(run, &all).await.unwrap(),
        store.count::<NestedRecord>(run, &all).await.unwrap(),
        store.count::<Sample>(run, &all).await.unwrap(),
        store.count::<Counter>(run, &all).await.unwrap(),
        store.count::<Metric>(run, &all).await.unwrap(),
        store.count::<Document>(run, &all).await.unwrap(),
        store.count::<Note>(run, &all).await.unwrap(),
    ]
}

async fn a_resumed_run_goes_on_after_what_it_has(place: Place) {
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    for repetition in 0..3 {
        record_one_of_each(&recorder, repetition);
    }
    recorder.finish(RunStatus::Interrupted).await.unwrap();
    let cut = store.run("latest").await.unwrap();
    let recorder = store.resume_run(&cut).await.unwrap();
    assert_eq!((recorder.run().number, recorder.run().finished_unix_ns), (cut.number, None));
    assert_eq!(store.run("latest").await.unwrap().status, RunStatus::Running);
    for repetition in 3..5 {
        record_one_of_each(&recorder, repetition);
    }
    recorder.finish(RunStatus::Complete).await.unwrap();
    let run = store.run("latest").await.unwrap();
    assert_eq!((run.status, &run.plan, &run.images), (RunStatus::Complete, &cut.plan, &cut.images));
    assert_eq!(counts(&store, &run).await, [5; 7]);
    let stored = store.rows::<Invocation>(run.number, &Filter::default()).await.unwrap();
    assert!(stored.iter().map(|stored| stored.row.repetition).eq(0..5));
    // Every row still belongs to its own invocation.
    for metric in store.rows::<Metric>(run.number, &Filter::default()).await.unwrap() {
        let of = stored.iter().find(|stored| Some(stored.invocation()) == metric.row.invocation).unwrap();
        assert_eq!(metric.row.value, Reading::Value(f64::from(of.row.repetition)));
    }
}

async fn an_id_that_only_a_sample_knows_is_not_given_again(place: Place) {
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    recorder.record((recorder.reserve(), invocation(0))).unwrap();
    let cut = recorder.reserve();
    let sample = Sample {
        invocation: Some(cut),
        series: "rss".into(),
        unix_ns: 0,
        elapsed_ns: None,
        value: Reading::Value(1.0),
        unit: "bytes".into(),
        labels: Labels::new(),
    };
    recorder.record(sample).unwrap();
    recorder.finish(RunStatus::Interrupted).await.unwrap();
    let resumed = store.resume_run(recorder.run()).await.unwrap();
    assert!(resumed.reserve() > cut);
}

async fn only_one_resumes_a_run(place: Place) {
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    recorder.finish(RunStatus::Interrupted).await.unwrap();
    let run = store.run("latest").await.unwrap();
    let stores = [store.clone(), place.open().await, place.open().await];
    let attempts = stores.into_iter().map(|store| {
        let run = run.clone();
        tokio::spawn(async move { store.resume_run(&run).await })
    });
    let mut resumed = Vec::new();
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Ok(recorder) => resumed.push(recorder),
            Err(error) => assert!(matches!(error, StoreError::RunIsRunning { .. }), "{error:?}"),
        }
    }
    assert_eq!(resumed.len(), 1);
}

async fn a_run_that_goes_on_is_neither_resumed_nor_deleted_nor_noted(place: Place) {
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    let run = recorder.run();
    let error = store.resume_run(run).await.unwrap_err();
    let named = matches!(&error, StoreError::RunIsRunning { process_id, .. } if *process_id == std::process::id());
    assert!(named, "{error:?}");
    assert!(matches!(store.delete_run(run).await, Err(StoreError::RunIsRunning { .. })));
    assert!(matches!(store.add_note(run, Level::Remark, "a").await, Err(StoreError::RunIsRunning { .. })));
    recorder.finish(RunStatus::Complete).await.unwrap();
    store.delete_run(run).await.unwrap();
    assert!(matches!(store.resume_run(run).await, Err(StoreError::NoSuchRun { .. })));
    assert!(matches!(store.delete_run(run).await, Err(StoreError::NoSuchRun { .. })));
}

async fn a_deleted_run_is_gone_and_the_ledger_stays(place: Place) {
    let store = place.open().await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        let recorder = store.create_run(new_run()).await.unwrap();
        record_one_of_each(&recorder, 0);
        recorder.finish(RunStatus::Complete).await.unwrap();
        runs.push(recorder.run().clone());
    }
    let mut raw = place.raw().await;
    let deployment = "INSERT INTO deployments (run, created_unix_ns, changed_unix_ns, platform, function, name, engine, \
                      configuration, status) VALUES (1, 0, 0, 'p', 'f', 'n', 'wasm', '{}', 'deployed')";
    raw.execute(deployment, &[]).await.unwrap();
    assert_eq!(store.delete_run(&runs[0]).await.unwrap(), 7);
    assert_eq!(counts(&store, &runs[0]).await, [0; 7]);
    assert_eq!(counts(&store, &runs[1]).await, [1; 7]);
    assert_eq!(store.list_runs().await.unwrap().len(), 1);
    let left = raw.fetch_all("SELECT run FROM deployments", &[]).await.unwrap();
    assert_eq!(left.iter().map(|row| row.at::<Option<i64>>(0).unwrap()).collect::<Vec<_>>(), [None]);
}

async fn notes_follow_those_of_the_run(place: Place) {
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    recorder.note(Level::Warning, "the run's own").unwrap();
    recorder.finish(RunStatus::Complete).await.unwrap();
    store.add_note(recorder.run(), Level::Remark, "a person's").await.unwrap();
    store.add_note(recorder.run(), Level::Error, "another").await.unwrap();
    let resumed = store.resume_run(recorder.run()).await.unwrap();
    resumed.note(Level::Remark, "the run's again").unwrap();
    resumed.finish(RunStatus::Complete).await.unwrap();
    let notes = store.rows::<Note>(resumed.run().number, &Filter::default()).await.unwrap();
    let texts: Vec<&str> = notes.iter().map(|note| note.row.text.as_str()).collect();
    assert_eq!(texts, ["the run's own", "a person's", "another", "the run's again"]);
}

async fn a_run_may_be_named_later(place: Place) {
    let store = place.open().await;
    let recorder = store.create_run(NewRun { label: None, ..new_run() }).await.unwrap();
    store.set_label(recorder.run(), Some("before the change")).await.unwrap();
    assert_eq!(store.run("latest").await.unwrap().label.as_deref(), Some("before the change"));
    store.set_label(recorder.run(), None).await.unwrap();
    assert_eq!(store.run("latest").await.unwrap().label, None);
}
