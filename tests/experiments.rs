//! The `memory`, `disk-io` and `papi` experiments: what they leave in the results file.

use std::collections::BTreeSet;

use faasbench::results::row::Reading;
use faasbench::workload::{self, Size};

use crate::support::{Bench, Recorded, Results, files};

/// Runs an experiment that is to succeed, and reads what it recorded.
#[track_caller]
fn run(words: &str) -> Recorded {
    let results = Results::new();
    results.run(words).succeeds();
    let recorded = results.recorded();
    for engine in ["native", "wasm"] {
        assert!(recorded.on(engine).next().is_some(), "nothing ran on {engine}");
    }
    recorded
}

#[test]
fn memory_has_a_peak_a_series_and_faults() {
    let recorded = run("memory -f thumbnailer --repetitions 4 --processes 2");
    for engine in ["native", "wasm"] {
        let peaks = recorded.metric(engine, "peak-rss");
        // Four warm ones and two cold ones.
        assert_eq!(peaks.len(), 6, "{engine}");
        let after = recorded.metric(engine, "rss-after");
        assert!(peaks.iter().zip(&after).all(|(peak, after)| peak >= after), "{engine}: {peaks:?} {after:?}");
        let (pss, uss) = (recorded.metric(engine, "pss-after"), recorded.metric(engine, "uss-after"));
        for ((rss, pss), uss) in after.iter().zip(&pss).zip(&uss) {
            assert!(rss >= pss && pss >= uss && *uss > 0.0, "{engine}: {rss} {pss} {uss}");
        }
        assert!(recorded.metric(engine, "minor-faults").iter().sum::<f64>() > 0.0);
    }
    assert!(recorded.metric("wasm", "linear-memory-peak").iter().all(|peak| *peak >= 65_536.0));
    assert!(recorded.metric("native", "linear-memory-peak").is_empty());
    let absent = |metric: &&faasbench::results::row::Metric| metric.name == "linear-memory-peak";
    let reasons = recorded.metrics.iter().filter(absent).filter_map(|metric| match &metric.value {
        Reading::Absent(reason) => Some(reason.as_str()),
        Reading::Value(_) => None,
    });
    assert!(reasons.clone().count() > 0 && reasons.clone().all(|reason| !reason.is_empty()));

    for series in ["rss", "pss", "uss", "repetition"] {
        assert!(recorded.samples.iter().any(|sample| sample.series == series), "no series {series}");
    }
    let marks = recorded.samples.iter().filter(|sample| sample.series == "repetition");
    let marks: Vec<&str> = marks.map(|sample| sample.labels["mark"].as_str()).collect();
    assert_eq!(marks.iter().filter(|mark| **mark == "begin").count(), 12);
    assert_eq!(marks.iter().filter(|mark| **mark == "end").count(), 12);
}

#[test]
fn several_instances_are_held_together() {
    let recorded = run("memory -f function1 --instances 3 --repetitions 2 --processes 1");
    for engine in ["native", "wasm"] {
        let instances: BTreeSet<_> = recorded.on(engine).map(|row| row.instance_identifier.clone().unwrap()).collect();
        assert_eq!(instances.len(), 3, "{engine}");
        // Two warm rounds and a cold one.
        assert_eq!(recorded.on(engine).count(), 9, "{engine}");
        for name in ["total-rss", "total-pss", "total-uss"] {
            assert_eq!(recorded.metric(engine, name).len(), 3, "{engine} {name}");
        }
    }
    let processes = |engine: &'static str| recorded.on(engine).map(|row| row.process).collect::<BTreeSet<_>>().len();
    // Each native instance is a process; WASM instances share one.
    assert_eq!(processes("native"), 3);
    assert_eq!(processes("wasm"), 1);
    let totals = recorded.metrics.iter().filter(|metric| metric.name == "total-pss");
    assert!(totals.clone().all(|metric| metric.labels["instances"] == "3"));
}

#[test]
fn disk_io_counts_what_compression_writes_and_per_file_on_wasm() {
    let recorded = run("disk-io -f compression --repetitions 2 --processes 1");
    let bench = Bench::new();
    workload::prepare("compression", Size::Test, 42, &bench.objects()).unwrap();
    let input: u64 = files(&bench.objects()).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(input > 10_000);
    for engine in ["native", "wasm"] {
        for (name, least) in [("written", input), ("read", input), ("write-calls", 8), ("read-calls", 8)] {
            let values = recorded.metric(engine, name);
            assert_eq!(values.len(), 3, "{engine} {name}");
            // Each object is written to a scratch file and read out of it again.
            assert!(values.iter().all(|value| *value >= least as f64), "{engine} {name}: {values:?} of {least}");
        }
        assert_eq!(recorded.metric(engine, "device-written").len(), 3);
    }
    let by_file = recorded.metrics.iter().filter(|metric| metric.labels.contains_key("file"));
    let written: f64 =
        by_file.clone().filter(|metric| metric.name == "file-written").filter_map(|metric| metric.value.value()).sum();
    assert!(written >= 3.0 * input as f64, "{written}");
    for name in ["file-opens", "file-reads", "file-read", "file-writes"] {
        assert!(recorded.metric("wasm", name).iter().sum::<f64>() > 0.0, "{name}");
        assert!(recorded.metric("native", name).is_empty(), "{name}");
    }
}

#[test]
fn a_cold_page_cache_is_read_back_or_the_reason_is_told() {
    let recorded = run("disk-io -f thumbnailer --cold-cache --repetitions 1 --processes 1");
    for engine in ["native", "wasm"] {
        let inputs = recorded.metric(engine, "input");
        assert!(!inputs.is_empty() && inputs.iter().all(|bytes| *bytes > 1_000.0), "{inputs:?}");
    }
    let residency = recorded.metrics.iter().filter(|metric| metric.name == "input-resident-before");
    assert!(residency.clone().count() > 0);
    for metric in residency {
        match &metric.value {
            Reading::Value(bytes) => assert!(*bytes >= 0.0),
            Reading::Absent(reason) => assert!(!reason.is_empty()),
        }
    }
}

#[test]
fn papi_counts_software_events_and_tells_why_others_are_absent() {
    let recorded = run("papi -f function1 --repetitions 2 --processes 1");
    let counted = |engine: &'static str, name: &'static str| {
        let ours = recorded.counters.iter().filter(move |counter| counter.name == name);
        ours.filter(|counter| recorded.invocations[&counter.invocation.get()].engine == engine)
            .filter_map(|counter| counter.value.value())
            .collect::<Vec<_>>()
    };
    let all: BTreeSet<&str> = recorded.counters.iter().map(|counter| counter.name.as_str()).collect();
    if all.contains("task-clock") {
        for engine in ["native", "wasm"] {
            let clock = counted(engine, "task-clock");
            // Two warm and one cold; each computes for a millisecond.
            assert_eq!(clock.len(), 3, "{engine}: {clock:?}");
            assert!(clock.iter().all(|nanoseconds| *nanoseconds > 500_000), "{engine}: {clock:?}");
            assert_eq!(counted(engine, "page-faults").len(), 3, "{engine}");
        }
    }
    // Each event is either counted or explained.
    let notes = recorded.notes.join("\n");
    for event in ["task-clock", "page-faults", "context-switches", "cpu-migrations", "TOT_INS", "TOT_CYC", "L1_DCM"] {
        let counted = all.iter().any(|name| name.trim_start_matches("PAPI_") == event);
        assert!(counted || notes.contains(event), "{event} is neither counted nor explained: {notes}");
    }
}

#[test]
fn an_event_that_can_not_be_counted_fails_the_run_and_the_rest_is_measured() {
    let results = Results::new();
    let ended = results.run("time papi -f function1 --repetitions 2 --processes 1 --events NO_SUCH_EVENT,task-clock");
    ended.fails_with(1, &["NO_SUCH_EVENT"]);
    let recorded = results.recorded();
    assert!(recorded.notes.iter().any(|note| note.contains("NO_SUCH_EVENT")), "{:?}", recorded.notes);
    let experiments: BTreeSet<&str> = recorded.invocations.values().map(|row| row.experiment.as_str()).collect();
    assert_eq!(experiments, BTreeSet::from(["time", "papi"]));
    if !recorded.notes.iter().any(|note| note.contains("task-clock")) {
        assert!(recorded.counters.iter().any(|counter| counter.name == "task-clock"));
    }
}

#[test]
fn a_series_of_counters_is_sampled_within_an_invocation() {
    let words =
        "papi -f function1 --size small --events task-clock --sample-every 1000000 --repetitions 1 --processes 1";
    let recorded = run(words);
    let series = recorded.samples.iter().filter(|sample| sample.series == "task-clock");
    // Ten milliseconds of computing, read every million instructions or nanoseconds.
    assert!(series.clone().count() >= 8, "{} of them; {:?}", series.count(), recorded.notes);
}
