//! A run that was cut goes on: what is measured stays, the rest of its plan is done.

use std::collections::{BTreeMap, BTreeSet};

use faasbench::results::RunStatus;
use rustix::process::Signal;

use crate::support::{Recorded, Results, rows_in};

/// How often each repetition of each engine in each round was measured.
fn repetitions(recorded: &Recorded) -> BTreeMap<(String, String, u32, u32), usize> {
    let mut counted = BTreeMap::new();
    for row in recorded.invocations.values().filter(|row| row.repetition > 0 && row.wall_ns.is_some()) {
        let key = (row.function.clone(), row.engine.clone(), row.round, row.repetition);
        *counted.entry(key).or_default() += 1;
    }
    counted
}

#[test]
fn a_cut_run_is_completed_and_nothing_is_measured_twice() {
    for signal in [Signal::INT, Signal::KILL] {
        let results = Results::new();
        let mut running = results.start("time -f function1,function2 --repetitions 40 --processes 4 --label cut");
        running.until(|_| rows_in(&results.path()).filter(|rows| *rows >= 25));
        running.signal(signal);
        running.wait();
        let before = results.recorded();
        assert_eq!(before.run.status, RunStatus::Interrupted);
        assert!(repetitions(&before).len() < 160, "it was over before it was cut");

        results.command(&["run", "--resume", "cut"]).succeeds();
        let after = results.recorded();
        assert_eq!(after.run.id, before.run.id, "the same run");
        assert_eq!(after.run.status, RunStatus::Complete);
        for (id, row) in &before.invocations {
            assert_eq!(after.invocations.get(id), Some(row), "what was measured stays");
        }
        let counted = repetitions(&after);
        assert_eq!(counted.len(), 2 * 2 * 40);
        assert_eq!(counted.values().copied().collect::<BTreeSet<_>>(), BTreeSet::from([1]));
        assert!(after.notes.iter().any(|note| note.contains("resumed after")), "{:?}", after.notes);
        assert_eq!(results.integrity(), "ok");
    }
}

#[test]
fn only_a_cut_run_can_be_resumed() {
    let results = Results::new();
    results.command(&["run", "--resume", "latest"]).fails_with(2, &["there are no results"]);
    results.run("time -f function1 --engine native --repetitions 1 --processes 1").succeeds();
    let before = results.recorded();
    let ended = results.command(&["run", "--resume", "latest"]);
    ended.succeeds();
    assert!(ended.stderr.contains("nothing of its plan is left"), "{ended:#?}");
    assert_eq!(results.recorded().invocations, before.invocations);
    results.command(&["run", "--resume", "nosuch"]).fails_with(2, &["nosuch"]);
    let running = {
        let mut running = results.start("time -f function1 --repetitions 900000 --label under-way");
        running.until(|_| rows_in(&results.path()).filter(|rows| *rows >= 4 + before.invocations.len() as i64));
        running
    };
    results.command(&["run", "--resume", "under-way"]).fails_with(2, &["still running"]);
    drop(running);
}
