//! What a function may use, and what happens to one that wants more.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use faasbench::engine::wasm::FileCounts;
use faasbench::engine::{EngineKind, Limits, MAX_EVENT_BYTES};
use lab::ErrorKind;

use crate::support::{Bench, faasbench, files, launch};

/// Far above what a stopped guest takes on a loaded machine, far below what it asked for.
const PROMPTLY: Duration = Duration::from_secs(60);

#[test]
fn a_guest_that_computes_for_ever_is_stopped_and_its_instance_is_over() {
    let bench = Bench::new();
    let limits = Limits { time: Some(Duration::from_millis(100)), ..Limits::default() };
    // The launcher is gone by then: the limit holds all the same.
    let mut instance = launch(&bench.guarded(EngineKind::Wasm, limits), "function1");
    let (answer, answered) = mpsc::channel();
    std::thread::spawn(move || {
        let error = instance.invoke(r#"{"throughput_time": 1e6}"#).unwrap_err();
        answer.send((instance, error)).unwrap();
    });
    let (mut instance, error) = answered.recv_timeout(PROMPTLY).expect("it was not stopped");
    assert_eq!(error.kind, ErrorKind::Limit, "{error}");
    assert!(error.message.contains("0.1 s"), "{error}");
    assert!(!instance.is_usable());
    assert_eq!(instance.invoke("{}").unwrap_err().kind, ErrorKind::Unavailable);
}

#[test]
fn the_time_limit_is_that_of_each_invocation() {
    let bench = Bench::new();
    let limits = Limits { time: Some(Duration::from_secs(2)), ..Limits::default() };
    let mut instance = launch(&bench.guarded(EngineKind::Wasm, limits), "function1");
    for _ in 0..5 {
        instance.invoke(r#"{"throughput_time": 0.5}"#).unwrap();
    }
}

/// The command with an event that never ends by itself.
#[track_caller]
fn is_stopped(engine: &str, event: &str) {
    let begin = Instant::now();
    let ended = faasbench(&["invoke", "function1", "--engine", engine, "--payload", event, "--timeout", "0.3"]);
    ended.fails_with(1, &["function1", "limit", "0.3 s"]);
    assert!(begin.elapsed() < PROMPTLY);
}

#[test]
fn the_command_stops_a_computation_at_its_timeout() {
    is_stopped("wasm", r#"{"throughput_time": 1e6}"#);
    is_stopped("native", r#"{"throughput_time": 1e6}"#);
}

#[test]
fn the_command_stops_a_sleep_at_its_timeout() {
    is_stopped("wasm", r#"{"sleep": 1e6}"#);
    is_stopped("native", r#"{"sleep": 1e6}"#);
}

#[test]
fn a_guest_that_wants_more_memory_than_its_limit_is_told_which() {
    let bench = Bench::new();
    let limits = Limits { memory_bytes: 16 << 20, ..Limits::default() };
    let mut instance = launch(&bench.guarded(EngineKind::Wasm, limits), "monolith");
    let error = instance.invoke(r#"{"run_function": "makeTree", "args": 20, "seed": 1}"#).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit, "{error}");
    assert!(error.message.contains("memory") && error.message.contains("16777216"), "{error}");
    assert!(!instance.is_usable());
}

#[test]
fn the_command_names_the_memory_limit() {
    let event = r#"{"run_function": "makeTree", "args": 20, "seed": 1}"#;
    let ended = faasbench(&["invoke", "monolith", "--payload", event, "--memory-limit", "16"]);
    ended.fails_with(1, &["limit", "memory", "16777216"]);
    // Less than the function needs to exist at all.
    let ended = faasbench(&["invoke", "thumbnailer", "--size", "test", "--memory-limit", "1"]);
    ended.fails_with(1, &["memory", "thumbnailer"]);
    let ended = faasbench(&["invoke", "thumbnailer", "--size", "test", "--memory-limit", "2"]);
    ended.fails_with(1, &["memory", "thumbnailer"]);
}

#[test]
fn a_guest_that_fills_its_scratch_disk_is_stopped_at_its_share() {
    let bench = Bench::new();
    bench.store("tree/a", &vec![b'a'; 300_000]);
    let limits = Limits { scratch_bytes: 100_000, ..Limits::default() };
    let launcher = bench.guarded(EngineKind::Wasm, limits);
    let mut instance = launch(&launcher, "compression");
    let error = instance.invoke(&Bench::event("tree")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit, "{error}");
    assert!(error.message.contains("scratch") && error.message.contains("100000"), "{error}");
    // Its share is used up for good, so another instance takes its place.
    assert!(!instance.is_usable());
    drop(instance);
    assert_eq!(files(&bench.scratch()), Vec::<std::path::PathBuf>::new());
    assert!(!bench.objects().join("bucket/output").exists());
}

#[test]
fn an_event_that_is_too_large_is_refused_with_both_sizes() {
    let bench = Bench::new();
    let event = format!(r#"{{"padding": "{}"}}"#, "x".repeat(MAX_EVENT_BYTES));
    for engine in EngineKind::ALL {
        let error = launch(&bench.launcher(engine), "function1").invoke(&event).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Limit);
        for size in [event.len(), MAX_EVENT_BYTES] {
            assert!(error.message.contains(&size.to_string()), "{error}");
        }
    }
}

#[test]
fn an_event_of_exactly_the_largest_size_is_served() {
    let bench = Bench::new();
    let frame = r#"{"padding": ""}"#.len();
    let event = format!(r#"{{"padding": "{}"}}"#, "x".repeat(MAX_EVENT_BYTES - frame));
    for engine in EngineKind::ALL {
        launch(&bench.launcher(engine), "function1").invoke(&event).unwrap();
    }
}

#[test]
fn a_guest_uses_no_file_outside_its_scratch_folder() {
    let bench = Bench::new();
    bench.store("tree/a", b"content");
    let mut instance = launch(&bench.launcher(EngineKind::Wasm), "compression");
    instance.invoke(&Bench::event("tree")).unwrap();
    let counts: FileCounts = instance.take_file_counts().unwrap();
    assert!(counts.keys().any(|path| path.ends_with("files/a")), "{counts:?}");
    for path in counts.keys() {
        assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."), "{path}");
    }
}

#[test]
fn storage_does_not_follow_a_link_out_of_its_folder() {
    let bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    bench.store("tree/a", b"content");
    let input = bench.objects().join("bucket/input");
    std::os::unix::fs::symlink(outside.path().join("secret"), input.join("link")).unwrap();
    std::os::unix::fs::symlink(outside.path(), input.join("folder")).unwrap();
    for engine in EngineKind::ALL {
        let launcher = bench.launcher(engine);
        for key in ["link", "folder/secret"] {
            let error = launch(&launcher, "thumbnailer").invoke(&Bench::event(key)).unwrap_err();
            assert!(!error.message.contains("not an image"), "{engine} read {key}: {error}");
        }
        let error = launch(&launcher, "compression").invoke(&Bench::event("folder")).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::NotFound | ErrorKind::Denied | ErrorKind::Unavailable), "{error}");
    }
}
