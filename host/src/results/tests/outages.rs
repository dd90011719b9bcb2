//! A PostgreSQL server that goes away in mid-run.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::super::row::{Invocation, Level, Note};
use super::super::*;
use super::changes::{counts, record_one_of_each};
use super::fixture::{Place, invocation, new_run};
use super::postgres_server::PostgresServer;

/// Records until it is told that the server is away, and returns what it was told.
async fn until_away(recorder: &Recorder) -> RecordError {
    let away = async {
        loop {
            match recorder.note(Level::Remark, "are you there?") {
                // Written at once, and so found out at once.
                Ok(()) => recorder.flush().await.unwrap(),
                Err(error) => return error,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), away).await.unwrap()
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            // Not at full speed: the server needs the processor too.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn files(place: &Place) -> Vec<PathBuf> {
    std::fs::read_dir(place.folder.path()).unwrap().map(|file| file.unwrap().path()).collect()
}

async fn repetitions(store: &Store, run: &Run) -> Vec<u32> {
    let mut stored = store.rows::<Invocation>(run.number, &Filter::default()).await.unwrap();
    stored.sort_by_key(|stored| stored.row.repetition);
    stored.into_iter().map(|stored| stored.row.repetition).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_gets_every_row() {
    let Some(server) = PostgresServer::start() else { return };
    let place = Place::on(&server);
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    for repetition in 0..100 {
        record_one_of_each(&recorder, repetition);
    }
    recorder.flush().await.unwrap();
    server.stop();
    let error = until_away(&recorder).await;
    let RecordError::Away { file, .. } = &error else { panic!("{error:?}") };
    assert!(error.was_taken());
    assert_eq!(*file, place.folder.path().join(format!("faasbench-buffer-{}.db", recorder.run().id)));
    for repetition in 100..5_000 {
        // Said once, not for every row.
        record_one_of_each(&recorder, repetition);
    }
    recorder.flush().await.unwrap();
    assert_eq!(recorder.unwritten(), 0);
    // An ordinary results file.
    let buffer = Store::open_existing(&Location::File(file.clone())).await.unwrap();
    assert_eq!(repetitions(&buffer, recorder.run()).await, (100..5_000).collect::<Vec<_>>());
    buffer.close().await;
    server.restart();
    until("the buffer is gone", async || {
        record_one_of_each(&recorder, 5_000);
        recorder.flush().await.unwrap();
        files(&place).is_empty()
    })
    .await;
    let outages = recorder.outages();
    assert_eq!(outages.len(), 1);
    assert!(outages[0].until_unix_ns.unwrap() > outages[0].from_unix_ns && outages[0].rows >= 29_400, "{outages:?}");
    recorder.finish(RunStatus::Complete).await.unwrap();
    let run = store.run("latest").await.unwrap();
    assert_eq!(run.status, RunStatus::Complete);
    let found = repetitions(&store, &run).await;
    assert!(found[..5_000].iter().copied().eq(0..5_000), "{} rows", found.len());
    let each = found.len() as u64;
    assert_eq!(counts(&store, &run).await[..5], [each; 5]);
    let notes = store.rows::<Note>(run.number, &Filter::default()).await.unwrap();
    let told: Vec<_> = notes.iter().filter(|note| note.row.level == Level::Warning).collect();
    assert!(told.len() == 1 && told[0].row.text.contains("none was lost"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stays_away_leaves_a_file_to_import() {
    let Some(server) = PostgresServer::start() else { return };
    let place = Place::on(&server);
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    for repetition in 0..1_000 {
        record_one_of_each(&recorder, repetition);
    }
    recorder.flush().await.unwrap();
    server.stop();
    for repetition in 1_000..2_000 {
        let result = recorder.record((recorder.reserve(), invocation(repetition)));
        assert!(matches!(result, Ok(()) | Err(RecordError::Away { .. })), "{result:?}");
    }
    let error = recorder.finish(RunStatus::Complete).await.unwrap_err();
    let RecordError::LeftInFile { file, .. } = &error else { panic!("{error:?}") };
    let command = format!("faasbench results import {} --results {}", file.display(), place.location);
    assert!(error.to_string().contains(&command), "{error}");
    // The write-ahead log is in it.
    assert_eq!(files(&place), std::slice::from_ref(file));
    assert!(matches!(recorder.note(Level::Remark, "too late"), Err(RecordError::Finished)));
    server.restart();
    let buffer = Store::open_existing(&Location::File(file.clone())).await.unwrap();
    let rest = buffer.run("latest").await.unwrap();
    assert_eq!((&rest.id, rest.status), (&recorder.run().id, RunStatus::Complete));
    let store = place.open().await;
    assert_eq!(store.import(&buffer, &rest, |_| {}).await.unwrap().rows_added, 1_000);
    assert_eq!(store.import(&buffer, &rest, |_| {}).await.unwrap().rows_added, 0);
    let run = store.run("latest").await.unwrap();
    assert_eq!(run.status, RunStatus::Complete);
    assert_eq!(counts(&store, &run).await, [2_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000]);
    assert!(repetitions(&store, &run).await.into_iter().eq(0..2_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_outages_of_one_run_are_survived() {
    let Some(server) = PostgresServer::start() else { return };
    let place = Place::on(&server);
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    for outage in 0..3 {
        server.stop();
        for repetition in 0..500 {
            let result = recorder.record((recorder.reserve(), invocation(outage * 500 + repetition)));
            assert!(matches!(result, Ok(()) | Err(RecordError::Away { .. })), "{result:?}");
        }
        recorder.flush().await.unwrap();
        server.restart();
        // The last one is left to the end of the run.
        if outage < 2 {
            until("the buffer is gone", async || files(&place).is_empty()).await;
        }
    }
    recorder.finish(RunStatus::Complete).await.unwrap();
    assert_eq!(recorder.outages().len(), 3);
    assert!(files(&place).is_empty());
    assert!(repetitions(&store, recorder.run()).await.into_iter().eq(0..1_500));
    assert_eq!(counts(&store, recorder.run()).await[6], 3);
}

const RECORD_INTO: &str = "FAASBENCH_TEST_OUTAGE_INTO";

/// Not a test by itself: the body of the process that the test below starts and kills.
#[test]
fn child_that_records_through_an_outage() {
    let Ok(place) = std::env::var(RECORD_INTO) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&place.parse().unwrap()).await.unwrap();
        let recorder = store.create_run(new_run()).await.unwrap();
        for repetition in 0.. {
            let result = recorder.record((recorder.reserve(), invocation(repetition)));
            assert!(matches!(result, Ok(()) | Err(RecordError::Away { .. })), "{result:?}");
            if repetition % 100 == 99 {
                recorder.flush().await.unwrap();
                std::fs::write("half", (repetition + 1).to_string()).unwrap();
                std::fs::rename("half", "acknowledged").unwrap();
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_during_an_outage_loses_nothing_and_is_resumed() {
    let Some(server) = PostgresServer::start() else { return };
    let place = Place::on(&server);
    let child = format!(
        "{}::child_that_records_through_an_outage",
        module_path!().split_once("::").map(|(_, module)| module).unwrap()
    );
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &child])
        .current_dir(place.folder.path())
        .env(RECORD_INTO, place.argument())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let acknowledged = || {
        let text = std::fs::read_to_string(place.folder.path().join("acknowledged")).unwrap_or_default();
        text.parse::<u32>().unwrap_or(0)
    };
    until("the child records", async || acknowledged() >= 300).await;
    server.stop();
    let before = acknowledged();
    until("the child goes on", async || acknowledged() >= before + 1_000).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let recorded = acknowledged();
    server.restart();
    let store = place.open().await;
    let run = store.run("latest").await.unwrap();
    assert_eq!(run.status, RunStatus::Interrupted);
    assert!((repetitions(&store, &run).await.len() as u32) < recorded);
    // Takes the file along, which is in the folder that outages use.
    let resumed = store.resume_run(&run).await.unwrap();
    let stored = repetitions(&store, &run).await;
    assert!(stored.len() as u32 >= recorded, "{} of {recorded}", stored.len());
    assert!(stored.iter().copied().eq(0..stored.len() as u32));
    assert!(!files(&place).iter().any(|file| file.extension().is_some_and(|extension| extension == "db")));
    resumed.record((resumed.reserve(), invocation(stored.len() as u32))).unwrap();
    resumed.finish(RunStatus::Complete).await.unwrap();
    assert_eq!(repetitions(&store, &run).await.len(), stored.len() + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_taken_to_be_away() {
    let Some(place) = Place::postgres() else { return };
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    recorder.record((recorder.reserve(), invocation(0))).unwrap();
    recorder.flush().await.unwrap();
    let mut other = place.raw().await;
    other.begin().await.unwrap();
    other.command("LOCK TABLE invocations IN ACCESS EXCLUSIVE MODE").await.unwrap();
    recorder.record((recorder.reserve(), invocation(1))).unwrap();
    recorder.flush().await.unwrap();
    let outages = recorder.outages();
    assert_eq!((outages.len(), outages[0].rows, outages[0].until_unix_ns), (1, 1, None));
    let buffer = Store::open_existing(&Location::File(outages[0].file.clone())).await.unwrap();
    assert_eq!(repetitions(&buffer, recorder.run()).await, [1]);
    other.command("ROLLBACK").await.unwrap();
    recorder.finish(RunStatus::Complete).await.unwrap();
    assert_eq!(repetitions(&store, recorder.run()).await, [0, 1]);
}
