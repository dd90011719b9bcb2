//! A function that misbehaves is stopped, its caller is told which limit it was, and its neighbours don't notice.

use std::time::{Duration, Instant};

use platform::{Answer, Invocation, Limits, LogStream, Platform, PlatformError, Scale};

use crate::stage::{Stage, json, stage};

fn limits() -> Limits {
    Limits {
        memory_bytes: Some(64 << 20),
        time: Some(Duration::from_millis(1_500)),
        scratch_bytes: Some(4 << 20),
        log_bytes: Some(64 << 10),
        cpus: None,
    }
}

/// Lets a function do a deed, with a neighbour at work all the time; the answer is what came of it.
async fn misbehave(event: &str) -> (Stage, Answer) {
    let stage = stage();
    let hostile = stage.deploy("hostile", Scale::default(), limits()).await;
    let neighbour = stage.deploy("function1", Scale::default(), Limits::default()).await;
    let working = {
        let platform = stage.platform.clone();
        tokio::spawn(async move {
            for _ in 0..50 {
                let answer = platform.invoke(&neighbour, &Invocation::new("{}")).await.unwrap();
                assert_eq!(answer.status, 200);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    };
    let answer = stage.invoke(&hostile, event).await;
    working.await.unwrap();
    // The next one finds a new instance that works.
    let next = stage.invoke(&hostile, r#"{"do":"echo"}"#).await;
    assert_eq!(next.status, 200);
    if answer.status != 200 {
        assert!(next.instance.unwrap().is_cold());
        let lines = stage.logs(&hostile).await;
        assert!(lines.iter().any(|line| line.stream == LogStream::Platform && line.text.contains("is ended after")));
    }
    (stage, answer)
}

async fn assert_stopped(event: &str, status: u16, by: &str) {
    let begin = Instant::now();
    let (_stage, answer) = misbehave(event).await;
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, status, "{body}");
    assert!(body.contains(by), "{body}");
    assert!(begin.elapsed() < Duration::from_secs(20), "it took {:?}", begin.elapsed());
}

async fn assert_stopped_in_time(event: &str) {
    let (_stage, answer) = misbehave(event).await;
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 504, "{body}");
    assert!(body.contains("longer than its limit of 1.5 s"), "{body}");
    let execution = Duration::from_nanos(answer.timings.execution_ns.unwrap());
    // The time counts from before the guest's thread has it, which takes a while on a busy machine.
    assert!((Duration::from_millis(1_400)..Duration::from_millis(1_900)).contains(&execution), "{execution:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_computes_for_ever() {
    assert_stopped_in_time(r#"{"do":"loop"}"#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_sleeps_for_a_day() {
    assert_stopped_in_time(r#"{"do":"sleep"}"#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_takes_memory_without_end() {
    assert_stopped(r#"{"do":"allocate"}"#, 413, "the limit of its instance is 67108864 bytes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_calls_itself_without_end() {
    // A component compiled by rustc has its stack in its memory, below everything else: its end is the memory's.
    assert_stopped(r#"{"do":"recurse"}"#, 500, "out of bounds memory access").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fills_its_disk() {
    assert_stopped(r#"{"do":"fill-disk"}"#, 413, "4194304 bytes of scratch disk").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fills_its_disk_and_ignores_refusals() {
    assert_stopped_in_time(r#"{"do":"fill-disk","stubborn":true}"#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_makes_files_without_end() {
    assert_stopped(r#"{"do":"create-files"}"#, 413, "scratch disk").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_makes_hard_links_without_end() {
    assert_stopped(r#"{"do":"link-files"}"#, 413, "scratch disk").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_opens_files_without_end() {
    assert_stopped(r#"{"do":"open-files"}"#, 413, "more files than it may").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_prints_without_end() {
    assert_stopped(r#"{"do":"print"}"#, 413, "printed more than its 65536 bytes").await;
    assert_stopped(r#"{"do":"print","stream":"stderr","line_bytes":100000}"#, 413, "printed more").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_ends_itself_or_panics() {
    assert_stopped(r#"{"do":"exit","status":3}"#, 500, "ended itself").await;
    assert_stopped(r#"{"do":"panic"}"#, 500, "panics, as it was asked to").await;
    assert_stopped(r#"{"do":"abort"}"#, 500, "trapped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_answers_with_too_much() {
    let stage = stage();
    let limits = Limits { memory_bytes: Some(256 << 20), ..limits() };
    let hostile = stage.deploy("hostile", Scale::default(), limits).await;
    let answer = stage.invoke(&hostile, r#"{"do":"big-answer","bytes":40000000}"#).await;
    assert_eq!(answer.status, 413, "{}", String::from_utf8_lossy(&answer.body));
    let answer = stage.invoke(&hostile, r#"{"do":"big-answer","bytes":4000000}"#).await;
    assert_eq!((answer.status, answer.body.len()), (200, 4_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_reaches_for_the_network_the_processes_or_other_files() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stage, answer) = misbehave(&format!(r#"{{"do":"socket","port":{port}}}"#)).await;
    let said = json(&answer);
    assert!(said["tcp"].is_string() && said["udp"].is_string(), "{said}");
    let hostile = stage.platform.deployment("hostile").unwrap();
    let said = json(&stage.invoke(&hostile, r#"{"do":"listen"}"#).await);
    assert!(said["tcp"].is_string(), "{said}");
    for deed in ["fork", "threads"] {
        let said = json(&stage.invoke(&hostile, &format!(r#"{{"do":"{deed}","count":5}}"#)).await);
        assert_eq!(said["started"], 0, "{said}");
    }
    let outside = stage.folder.path().join("outside");
    let paths = format!(r#"["/etc/passwd","/tmp","/scratch/../x","{}","../../../../etc/passwd"]"#, outside.display());
    let said = json(&stage.invoke(&hostile, &format!(r#"{{"do":"read-outside","paths":{paths}}}"#)).await);
    assert_eq!(said["read"].as_array().unwrap().len(), 0, "{said}");
    let said = json(&stage.invoke(&hostile, &format!(r#"{{"do":"write-outside","paths":{paths}}}"#)).await);
    assert_eq!(said["written"].as_array().unwrap().len(), 0, "{said}");
    assert!(!outside.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_prints_becomes_lines_and_its_files_go_with_it() {
    let stage = stage();
    let scale = Scale { keep_alive: Some(Duration::from_millis(50)), ..Scale::default() };
    let hostile = stage.deploy("hostile", scale, limits()).await;
    let answer = stage.invoke(&hostile, r#"{"do":"print","bytes":240}"#).await;
    assert_eq!(answer.status, 200);
    let lines = stage.logs(&hostile).await;
    let printed: Vec<_> = lines.iter().filter(|line| line.stream == LogStream::Output).collect();
    assert_eq!(printed.len(), 3, "{lines:?}");
    assert_eq!(printed[0].instance, answer.instance.unwrap().id);
    stage.invoke(&hostile, r#"{"do":"fill-disk","bytes":100000}"#).await;
    let root = stage.folder.path().join(format!("faasbench-wasm-{}", hostile.spec.id));
    let begin = Instant::now();
    while std::fs::read_dir(&root).unwrap().count() > 0 {
        assert!(begin.elapsed() < Duration::from_secs(10), "its files are still there");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let left = platform::undeploy(&*stage.platform, &hostile.spec.id, &*stage.ledger).await.unwrap();
    assert!(left.is_empty() && !root.exists(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_disk_is_its_own_again_when_it_removed_its_files_and_instances_share_nothing() {
    let stage = stage();
    let hostile = stage.deploy("hostile", Scale { maximum_instances: Some(1), ..Scale::default() }, limits()).await;
    // The same files over and over: what was written is more than the limit, what is there never.
    for _ in 0..6 {
        let answer = stage.invoke(&hostile, r#"{"do":"fill-disk","bytes":1000000}"#).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }
    for before in 0..2 {
        let answer = stage.invoke(&hostile, r#"{"do":"count"}"#).await;
        assert_eq!(json(&answer)["before"], before);
    }
    stage.platform.force_cold(&hostile).await.unwrap();
    assert_eq!(json(&stage.invoke(&hostile, r#"{"do":"count"}"#).await)["before"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_of_a_processor_holds() {
    let stage = stage();
    let limits = Limits { cpus: Some(0.25), time: Some(Duration::from_secs(30)), ..limits() };
    let hostile = stage.deploy("hostile", Scale::default(), limits).await;
    let said = json(&stage.invoke(&hostile, r#"{"do":"loop","seconds":1}"#).await);
    let used_us = said["cpu_us"].as_u64().unwrap();
    // Looked at every 10 ms or so; on a busy machine it may have had less.
    assert!(used_us < 300_000, "it used {used_us} us of a second");
}

/// `(component (import "somewhere:else/thing@1.0.0" (instance (export "do" (func)))))`
fn importing_something_else() -> Vec<u8> {
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    component.extend(b"\x07\x0f\x01\x42\x02\x01\x40\0\x01\0\x04\0\x02do\x01\0");
    component.extend(b"\x0a\x1f\x01\0\x1asomewhere:else/thing@1.0.0\x05\0");
    component
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_no_component_of_ours_is_refused() {
    let stage = stage();
    let mut spec = stage.spec("function1", Scale::default(), Limits::default());
    spec.image = stage.image("nonsense", b"\0asm\x0d\0\x01\0 nonsense");
    let error = stage.platform.deploy(&spec, &*stage.ledger).await.unwrap_err();
    assert!(error.is_users() && error.to_string().contains("compile"), "{error}");

    spec.image = stage.image("other", &importing_something_else());
    let error = stage.platform.deploy(&spec, &*stage.ledger).await.unwrap_err();
    assert!(error.is_users() && error.to_string().contains("somewhere:else/thing"), "{error}");

    spec.image = stage.image("changed", artifacts::FUNCTION1);
    std::fs::write(&spec.image.path, artifacts::FUNCTION2).unwrap();
    let error = stage.platform.deploy(&spec, &*stage.ledger).await.unwrap_err();
    assert!(matches!(&error, PlatformError::Failed { reason, .. } if reason.contains("digest")), "{error}");

    spec.image = stage.image("function1", artifacts::FUNCTION1);
    spec.scale.concurrency = Some(2);
    let error = stage.platform.deploy(&spec, &*stage.ledger).await.unwrap_err();
    assert!(error.is_users() && error.to_string().contains("concurrency"), "{error}");
}
