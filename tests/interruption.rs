//! Nothing that was measured is lost, whatever ends a run.

use std::path::Path;

use faasbench::results::RunStatus;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Results, Running, is_alive, rows_in};

/// A run that takes far longer than any test waits for it.
fn endless(results: &Results) -> Running {
    results.start("time -f function1 --repetitions 900000")
}

/// Waits until a run has stored that many invocations; how many there are then.
#[track_caller]
fn until_stored(running: &mut Running, path: &Path, count: i64) -> i64 {
    running.until(|_| rows_in(path).filter(|rows| *rows >= count))
}

#[track_caller]
fn end(workers: &[Pid]) {
    let begin = std::time::Instant::now();
    while workers.iter().any(|worker| is_alive(*worker)) {
        assert!(begin.elapsed() < std::time::Duration::from_secs(60), "a worker outlives the run");
        std::thread::yield_now();
    }
}

#[test]
fn an_interrupted_run_keeps_what_it_measured_and_says_so() {
    for signal in [Signal::INT, Signal::TERM] {
        let results = Results::new();
        let mut running = endless(&results);
        let seen = until_stored(&mut running, &results.path(), 20);
        let workers = running.children();
        assert!(!workers.is_empty());
        running.signal(signal);
        let ended = running.wait();
        ended.fails_with(130, &["interrupted", &results.argument()]);
        end(&workers);
        let recorded = results.recorded();
        assert_eq!(recorded.run.status, RunStatus::Interrupted);
        assert!(recorded.run.finished_unix_ns.is_some());
        assert!(recorded.invocations.len() as i64 >= seen);
        assert!(ended.stderr.contains(&recorded.run.id), "{ended:#?}");
        // What there is, is reported.
        assert!(ended.stdout.contains("function1"), "{ended:#?}");
        assert_eq!(recorded.errors(), []);
    }
}

#[test]
fn an_interruption_does_not_wait_for_the_invocation_under_way() {
    let results = Results::new();
    let mut running = results.start("time -f monolith --size large --repetitions 900000");
    until_stored(&mut running, &results.path(), 1);
    running.signal(Signal::INT);
    running.wait().fails_with(130, &["interrupted"]);
    assert_eq!(results.recorded().run.status, RunStatus::Interrupted);
}

#[test]
fn a_killed_run_keeps_what_it_measured_and_leaves_no_worker() {
    for count in [1, 10, 60, 250] {
        let results = Results::new();
        let mut running = endless(&results);
        let seen = until_stored(&mut running, &results.path(), count);
        let workers = running.children();
        running.signal(Signal::KILL);
        assert_eq!(running.wait().code, None);
        end(&workers);
        assert_eq!(results.integrity(), "ok");
        let recorded = results.recorded();
        assert_eq!(recorded.run.status, RunStatus::Interrupted);
        assert!(recorded.invocations.len() as i64 >= seen, "{} of {seen}", recorded.invocations.len());
        // The file serves the next run.
        results.run("time -f function1 --engine native --repetitions 1").succeeds();
        assert_eq!(results.recorded().run.status, RunStatus::Complete);
    }
}

#[test]
fn a_worker_that_is_killed_is_a_failed_invocation_and_the_rest_goes_on() {
    let results = Results::new();
    // Each invocation takes a tenth of a second: there is much left to do when the worker goes.
    let mut running = results.start("time -f function1 --size large --repetitions 12 --processes 2");
    let stored = results.path();
    let worker = running.until(|running| {
        rows_in(&stored).filter(|rows| *rows >= 4)?;
        let workers = running.children();
        // Both engines' workers of the first round.
        (workers.len() == 2).then(|| workers[0])
    });
    kill_process(worker, Signal::KILL).unwrap();
    let ended = running.wait();
    ended.fails_with(1, &["worker", "signal"]);
    let recorded = results.recorded();
    assert_eq!(recorded.run.status, RunStatus::Complete);
    let errors = recorded.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].1.contains("signal"), "{errors:?}");
    // The other engine's repetitions of that round, and both engines' of the other.
    let warm = recorded.invocations.values().filter(|row| !row.is_cold && row.wall_ns.is_some()).count();
    assert!((18..24).contains(&warm), "{warm}");
}
