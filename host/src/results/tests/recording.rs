//! What is recorded is read again.

use std::ops::ControlFlow;
use std::time::Duration;

use super::super::row::{Counter, Invocation, Labels, Level, Metric, NestedRecord, Note, Outcome, Reading, Sample};
use super::super::*;
use super::fixture::{Place, invocation, new_run};

on_both!(
    everything_recorded_is_read_as_it_was,
    what_is_no_number_is_stored_as_absent_with_the_reason,
    filters_join_and_reach_from_counters_to_invocations,
    more_than_a_page_is_read_whole_and_in_order,
    rows_arrive_without_being_asked_for,
    runs_are_found_by_latest_by_id_and_by_its_beginning,
    a_recorder_that_is_dropped_writes_what_it_has_and_leaves_an_interrupted_run,
    nothing_is_recorded_after_the_end_or_for_another_run,
    deleting_a_run_takes_its_rows_and_no_others,
);

async fn everything_recorded_is_read_as_it_was(place: Place) {
    let store = place.open().await;
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
    assert_eq!((&run.command, &run.plan, &run.images), (&new_run().command, &new_run().plan, &new_run().images));
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

async fn what_is_no_number_is_stored_as_absent_with_the_reason(place: Place) {
    let store = place.open().await;
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

async fn filters_join_and_reach_from_counters_to_invocations(place: Place) {
    let store = place.open().await;
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

async fn more_than_a_page_is_read_whole_and_in_order(place: Place) {
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    for repetition in 0..10_001 {
        recorder.record((recorder.reserve(), invocation(repetition))).unwrap();
    }
    recorder.flush().await.unwrap();
    assert_eq!(recorder.unwritten(), 0);
    let stored = store.rows::<Invocation>(recorder.run().number, &Filter::default()).await.unwrap();
    assert!(stored.iter().map(|stored| stored.row.repetition).eq(0..10_001));
}

async fn rows_arrive_without_being_asked_for(place: Place) {
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    recorder.record((recorder.reserve(), invocation(0))).unwrap();
    let arrived = async {
        while store.count::<Invocation>(recorder.run().number, &Filter::default()).await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), arrived).await.unwrap();
}

async fn runs_are_found_by_latest_by_id_and_by_its_beginning(place: Place) {
    let store = place.open().await;
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

async fn a_recorder_that_is_dropped_writes_what_it_has_and_leaves_an_interrupted_run(place: Place) {
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    let run = recorder.run().number;
    recorder.record((recorder.reserve(), invocation(0))).unwrap();
    assert_eq!(store.run("latest").await.unwrap().status, RunStatus::Running);
    tokio::task::spawn_blocking(move || drop(recorder)).await.unwrap();
    assert_eq!(store.run("latest").await.unwrap().status, RunStatus::Interrupted);
    assert_eq!(store.count::<Invocation>(run, &Filter::default()).await.unwrap(), 1);
}

async fn nothing_is_recorded_after_the_end_or_for_another_run(place: Place) {
    let store = place.open().await;
    let (one, two) = (store.create_run(new_run()).await.unwrap(), store.create_run(new_run()).await.unwrap());
    let foreign = one.record((two.reserve(), invocation(0))).unwrap_err();
    assert!(matches!(foreign, RecordError::ForeignInvocation { .. }), "{foreign}");
    one.finish(RunStatus::Failed).await.unwrap();
    assert_eq!(store.run(&one.run().id).await.unwrap().status, RunStatus::Failed);
    assert!(matches!(one.record((one.reserve(), invocation(0))), Err(RecordError::Finished)));
    assert!(matches!(one.flush().await, Err(RecordError::Finished)));
}

async fn deleting_a_run_takes_its_rows_and_no_others(place: Place) {
    let store = place.open().await;
    for _ in 0..3 {
        let recorder = store.create_run(new_run()).await.unwrap();
        recorder.record((recorder.reserve(), invocation(0))).unwrap();
        recorder.note(Level::Remark, "here").unwrap();
        recorder.finish(RunStatus::Complete).await.unwrap();
    }
    let runs = store.list_runs().await.unwrap();
    place.raw().await.command("DELETE FROM runs WHERE number = 2").await.unwrap();
    for run in runs {
        let expected = u64::from(run.number != RunNumber(2));
        assert_eq!(store.count::<Invocation>(run.number, &Filter::default()).await.unwrap(), expected);
        assert_eq!(store.count::<Note>(run.number, &Filter::default()).await.unwrap(), expected);
    }
}
