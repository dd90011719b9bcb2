//! A run out of one database into another.

use super::super::row::{Invocation, Level, Metric, Note, Reading};
use super::super::*;
use super::changes::{counts, record_one_of_each};
use super::fixture::{Place, invocation, new_run};

on_both!(
    a_run_is_copied_under_another_number_with_all_that_it_has,
    importing_twice_adds_nothing,
    what_is_missing_is_added,
    notes_of_both_sides_are_kept,
    deployments_come_along,
    an_import_that_was_cut_is_repeated,
    a_run_that_goes_on_is_not_imported,
);

/// A file with a run of 5,000 invocations and 50 rows of each other kind.
async fn source() -> (Place, Store, Run) {
    let place = Place::file();
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    for repetition in 0..50 {
        record_one_of_each(&recorder, repetition);
    }
    for repetition in 50..5_000 {
        recorder.record((recorder.reserve(), invocation(repetition))).unwrap();
    }
    recorder.finish(RunStatus::Complete).await.unwrap();
    let run = store.run("latest").await.unwrap();
    (place, store, run)
}

const COUNTS: [u64; 7] = [5_000, 50, 50, 50, 50, 50, 50];

async fn a_run_is_copied_under_another_number_with_all_that_it_has(place: Place) {
    let (_source, from, run) = source().await;
    let to = place.open().await;
    // Takes the number that the run had.
    to.create_run(new_run()).await.unwrap().finish(RunStatus::Failed).await.unwrap();
    let mut steps = Vec::new();
    let imported = to.import(&from, &run, |progress| steps.push(progress)).await.unwrap();
    assert_eq!((imported.rows_added, imported.rows_present), (5_300, 0));
    assert_eq!(steps.last(), Some(&ImportProgress { rows: 5_300, total: 5_300 }));
    assert!(steps.len() > 2 && steps.is_sorted_by_key(|step| step.rows), "{steps:?}");
    assert_ne!(imported.run.number, run.number);
    let here = to.run(&run.id).await.unwrap();
    assert_eq!(here, Run { number: imported.run.number, ..run.clone() });
    assert_eq!(imported.run, here);
    assert_eq!(counts(&to, &here).await, COUNTS);
    let before = from.rows::<Invocation>(run.number, &Filter::default()).await.unwrap();
    let after = to.rows::<Invocation>(here.number, &Filter::default()).await.unwrap();
    assert!(before.iter().map(|stored| &stored.row).eq(after.iter().map(|stored| &stored.row)));
    for metric in to.rows::<Metric>(here.number, &Filter::default()).await.unwrap() {
        let of = after.iter().find(|stored| Some(stored.invocation()) == metric.row.invocation).unwrap();
        assert_eq!(metric.row.value, Reading::Value(f64::from(of.row.repetition)));
    }
    // And back again, into a third database.
    let third = Place::file();
    let back = third.open().await.import(&to, &here, |_| {}).await.unwrap();
    assert_eq!(back.rows_added, 5_300);
}

async fn importing_twice_adds_nothing(place: Place) {
    let (_source, from, run) = source().await;
    let to = place.open().await;
    let first = to.import(&from, &run, |_| {}).await.unwrap();
    let again = to.import(&from, &run, |_| {}).await.unwrap();
    assert_eq!((again.rows_added, again.rows_present), (0, 5_300));
    assert_eq!(again.run, first.run);
    assert_eq!(counts(&to, &again.run).await, COUNTS);
    let itself = from.import(&from, &run, |_| {}).await.unwrap();
    assert_eq!((itself.rows_added, itself.run), (0, run));
}

async fn what_is_missing_is_added(place: Place) {
    let (_source, from, run) = source().await;
    let to = place.open().await;
    to.import(&from, &run, |_| {}).await.unwrap();
    // The run goes on where it was made.
    let recorder = from.resume_run(&run).await.unwrap();
    for repetition in 5_000..5_007 {
        record_one_of_each(&recorder, repetition);
    }
    recorder.finish(RunStatus::Failed).await.unwrap();
    let imported = to.import(&from, &run, |_| {}).await.unwrap();
    assert_eq!((imported.rows_added, imported.rows_present), (49, 5_300));
    assert_eq!((imported.run.status, imported.run.finished_unix_ns.is_some()), (RunStatus::Failed, true));
    assert_eq!(counts(&to, &imported.run).await, [5_007, 57, 57, 57, 57, 57, 57]);
}

async fn notes_of_both_sides_are_kept(place: Place) {
    let (_source, from, run) = source().await;
    let to = place.open().await;
    let here = to.import(&from, &run, |_| {}).await.unwrap().run;
    // These two get the same id.
    to.add_note(&here, Level::Remark, "made here").await.unwrap();
    from.add_note(&run, Level::Remark, "made there").await.unwrap();
    for added in [1, 0] {
        let imported = to.import(&from, &run, |_| {}).await.unwrap();
        assert_eq!(imported.rows_added, added);
        let notes = to.rows::<Note>(here.number, &Filter::default()).await.unwrap();
        assert_eq!(notes.len(), 52);
        for text in ["made here", "made there"] {
            assert_eq!(notes.iter().filter(|note| note.row.text == text).count(), 1);
        }
    }
}

async fn deployments_come_along(place: Place) {
    let elsewhere = Place::file();
    let from = elsewhere.open().await;
    let to = place.open().await;
    let deploy = |name: &str| {
        format!(
            "INSERT INTO deployments (created_unix_ns, changed_unix_ns, platform, function, name, engine, configuration, \
             status) VALUES (5, 5, 'p', 'f', '{name}', 'wasm', '{{}}', 'deployed')"
        )
    };
    // Another deployment has the id here that this one has there.
    elsewhere.raw().await.execute(&deploy("used"), &[]).await.unwrap();
    place.raw().await.execute(&deploy("other"), &[]).await.unwrap();
    let recorder = from.create_run(new_run()).await.unwrap();
    recorder.record((recorder.reserve(), Invocation { deployment: Some(1), ..invocation(0) })).unwrap();
    recorder.finish(RunStatus::Complete).await.unwrap();
    for _ in 0..2 {
        let imported = to.import(&from, recorder.run(), |_| {}).await.unwrap();
        let stored = to.rows::<Invocation>(imported.run.number, &Filter::default()).await.unwrap();
        assert_eq!(stored[0].row.deployment, Some(2));
        let rows = place.raw().await.fetch_all("SELECT name FROM deployments ORDER BY id", &[]).await.unwrap();
        let names: Vec<String> = rows.iter().map(|row| row.at(0).unwrap()).collect();
        assert_eq!(names, ["other", "used"]);
    }
}

async fn an_import_that_was_cut_is_repeated(place: Place) {
    let (_source, from, run) = source().await;
    let to = place.open().await;
    // A process that imports and ends in the middle of it.
    let (location, options, elsewhere) = (place.location.clone(), place.options(), from.location().clone());
    let id = run.id.clone();
    let cut = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (to, from) =
                (Store::open_with(&location, options).await.unwrap(), Store::open_existing(&elsewhere).await.unwrap());
            let run = from.run(&id).await.unwrap();
            to.import(&from, &run, |progress| assert!(progress.rows < 5_000, "cut")).await.unwrap();
        });
    });
    assert!(tokio::task::spawn_blocking(|| cut.join()).await.unwrap().is_err());
    // The process is gone, which a thread of ours can only pretend.
    let mut raw = place.raw().await;
    raw.command("UPDATE runs SET process_start = 1 WHERE process_start IS NOT NULL").await.unwrap();
    let half = to.run(&run.id).await.unwrap();
    assert_eq!(half.status, RunStatus::Interrupted);
    let imported = to.import(&from, &run, |_| {}).await.unwrap();
    assert!(imported.rows_present >= 4_096, "{imported:?}");
    assert_eq!(imported.rows_added + imported.rows_present, 5_300);
    assert_eq!((counts(&to, &imported.run).await, imported.run.status), (COUNTS, RunStatus::Complete));
}

async fn a_run_that_goes_on_is_not_imported(place: Place) {
    let elsewhere = Place::file();
    let from = elsewhere.open().await;
    let recorder = from.create_run(new_run()).await.unwrap();
    let to = place.open().await;
    let error = to.import(&from, recorder.run(), |_| {}).await.unwrap_err();
    assert!(matches!(error, StoreError::RunIsRunning { .. }), "{error:?}");
    assert!(to.list_runs().await.unwrap().is_empty());
    recorder.finish(RunStatus::Complete).await.unwrap();
    to.import(&from, recorder.run(), |_| {}).await.unwrap();
}

/// What SQLite takes and PostgreSQL doesn't.
#[tokio::test]
async fn rows_that_postgresql_refuses_are_noted_once() {
    let Some(place) = Place::postgres() else { return };
    let elsewhere = Place::file();
    let from = elsewhere.open().await;
    let recorder = from.create_run(new_run()).await.unwrap();
    recorder.record((recorder.reserve(), Invocation { response: Some("\0".into()), ..invocation(0) })).unwrap();
    recorder.record((recorder.reserve(), invocation(1))).unwrap();
    recorder.note(Level::Remark, "nul \0").unwrap();
    recorder.finish(RunStatus::Complete).await.unwrap();
    let to = place.open().await;
    let first = to.import(&from, recorder.run(), |_| {}).await.unwrap();
    assert_eq!((first.rows_added, first.rows_present), (3, 0));
    let again = to.import(&from, recorder.run(), |_| {}).await.unwrap();
    assert_eq!((again.rows_added, again.rows_present), (0, 3));
    assert_eq!(counts(&to, &again.run).await, [1, 0, 0, 0, 0, 0, 2]);
}
