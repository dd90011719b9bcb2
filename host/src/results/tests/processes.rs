//! Processes that are killed, and several at once.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::super::row::Invocation;
use super::super::*;
use super::fixture::{Place, invocation, new_run};

on_both!(a_killed_process_loses_nothing_that_was_flushed, two_processes_write_at_once);

/// The name of a variable that makes this test binary a process that records until it is killed.
const RECORD_INTO: &str = "FAASBENCH_TEST_RECORD_INTO";

/// Not a test by itself: the body of the processes that the tests below start.
#[test]
fn child_that_records() {
    let Ok(place) = std::env::var(RECORD_INTO) else { return };
    let limit: u32 = std::env::var("FAASBENCH_TEST_ROWS").unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&place.parse().unwrap()).await.unwrap();
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

fn start_child(place: &Place, acknowledged: &Path, rows: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("{}::child_that_records", module_path!().split_once("::").unwrap().1),
            "--nocapture",
        ])
        .env(RECORD_INTO, place.argument())
        .current_dir(place.folder.path())
        .env("FAASBENCH_TEST_ACKNOWLEDGED", acknowledged)
        .env("FAASBENCH_TEST_ROWS", rows.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn assert_whole(place: &Place) {
    // A server looks after its own.
    if let Location::File(_) = place.location {
        let rows = place.raw().await.fetch_all("PRAGMA integrity_check", &[]).await.unwrap();
        assert_eq!(rows[0].at::<String>(0).unwrap(), "ok");
    }
}

async fn a_killed_process_loses_nothing_that_was_flushed(place: Place) {
    for round in 0..8u64 {
        let acknowledged = place.folder.path().join(format!("acknowledged-{round}"));
        let mut child = start_child(&place, &acknowledged, u32::MAX);
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
        assert_whole(&place).await;
        let store = place.open().await;
        let run = store.run(id).await.unwrap();
        assert_eq!(run.status, RunStatus::Interrupted);
        let stored = store.rows::<Invocation>(run.number, &Filter::default()).await.unwrap();
        assert!(stored.len() as u64 >= rows.parse().unwrap(), "{} of {rows}", stored.len());
        assert!(stored.iter().map(|stored| stored.row.repetition).eq(0..stored.len() as u32));
        store.close().await;
    }
}

async fn two_processes_write_at_once(place: Place) {
    let children: Vec<Child> = (0..2)
        .map(|index| start_child(&place, &place.folder.path().join(format!("acknowledged-{index}")), 3_000))
        .collect();
    for mut child in children {
        let ended = tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap();
        assert!(ended.success());
    }
    assert_whole(&place).await;
    let store = place.open().await;
    let mut ids = HashSet::new();
    for run in store.list_runs().await.unwrap() {
        assert_eq!(run.status, RunStatus::Complete);
        let stored = store.rows::<Invocation>(run.number, &Filter::default()).await.unwrap();
        assert!(stored.iter().map(|stored| stored.row.repetition).eq(0..3_000));
        ids.extend(stored.iter().map(Stored::invocation));
    }
    assert_eq!(ids.len(), 6_000);
}
