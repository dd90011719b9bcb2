//! The life of an instance.

use std::time::{Duration, Instant};

use container_platform::Connection;
use local_platform::Driver;
use platform::{Invocation, LogStream};
use serde_json::json;
use tokio::time::timeout;

use crate::engines::{Engine, docker, on_both};
use crate::scene::{LONG, Scene, answer, error, invoke, limits};

on_both!(
    an_instance_serves_says_who_it_is_and_is_gone_when_stopped,
    an_instance_that_is_dropped_is_removed,
    what_it_prints_comes_line_by_line,
    an_end_of_its_own_is_told_to_the_caller_and_to_who_waits,
    several_at_once_in_one_instance,
    a_trace_is_passed_on,
    the_engine_tells_who_it_is,
);

async fn an_instance_serves_says_who_it_is_and_is_gone_when_stopped(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "function1", limits(|limits| limits.cpus = Some(0.5))).await else { return };
    let instance = scene.start().await;
    for index in 1..=3 {
        let served = invoke(&*instance, &json!({}), LONG).await;
        let body = answer(&served);
        let record = &body["records"][body["identifier"].as_str().unwrap()];
        assert_eq!(record["instance_identifier"], instance.id());
        assert_eq!(record["platform"], "container");
        assert_eq!(record["memory_limit_bytes"], 512 << 20);
        assert_eq!(record["function_cores"], 1);
        let identity = served.instance.clone().unwrap();
        assert_eq!((identity.id.as_str(), identity.invocation_index), (instance.id(), index));
        assert!(served.is_usable);
        let peak = served.peak_memory_bytes.unwrap();
        assert!((100_000..64 << 20).contains(&peak), "{peak}");
    }
    let processes = instance.processes();
    assert_eq!(processes.len(), 1);
    let command = std::fs::read_to_string(format!("/proc/{}/cmdline", processes[0])).unwrap();
    assert!(command.starts_with("/fn"), "{command}");
    let group = instance.cgroup().unwrap();
    let is_there = |root: &str| std::path::Path::new(root).join(group.trim_start_matches('/')).exists();
    assert!(is_there("/sys/fs/cgroup/memory") || is_there("/sys/fs/cgroup"), "{group}");
    let begin = Instant::now();
    instance.stop().await;
    assert!(begin.elapsed() < Duration::from_secs(20), "stopping took {:?}", begin.elapsed());
    assert!(!std::path::Path::new(&format!("/proc/{}", processes[0])).exists());
    let ended = timeout(LONG, instance.ended()).await.unwrap();
    assert_eq!(ended.reason, "ended with status 0");
    scene.end().await;
}

async fn an_instance_that_is_dropped_is_removed(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "hostile", |_| {}).await else { return };
    let instance = scene.start().await;
    let name = format!("faasbench-{}-{}", scene.spec.id, instance.id());
    let is_there = async || scene.driver.find_marked().await.unwrap().iter().any(|found| found.name == name);
    assert!(is_there().await);
    drop(instance);
    let begin = Instant::now();
    while is_there().await {
        assert!(begin.elapsed() < LONG);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    scene.end().await;
}

async fn what_it_prints_comes_line_by_line(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "hostile", |_| {}).await else { return };
    let instance = scene.start().await;
    let print = |stream: &str| json!({"do": "print", "stream": stream, "bytes": 25, "line_bytes": 10});
    answer(&invoke(&*instance, &print("stdout"), LONG).await);
    answer(&invoke(&*instance, &print("stderr"), LONG).await);
    instance.stop().await;
    let lines = scene.lines.lock().unwrap().clone();
    let of =
        |wanted: LogStream| lines.iter().filter(move |(stream, _)| *stream == wanted).map(|(_, text)| text.as_str());
    let whole = "x".repeat(9);
    assert_eq!(of(LogStream::Output).collect::<Vec<_>>(), [&whole, &whole, "xxxx"], "{lines:?}");
    assert_eq!(of(LogStream::Error).collect::<Vec<_>>(), [&whole, &whole, "xxxx"], "{lines:?}");
    scene.end().await;
}

async fn an_end_of_its_own_is_told_to_the_caller_and_to_who_waits(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "hostile", |_| {}).await else { return };
    for (event, reason) in [
        (json!({"do": "exit", "status": 7}), "ended with status 7"),
        // Which one it is depends on the C library: the first process of a container ignores SIGABRT.
        (json!({"do": "abort"}), "ended by signal"),
    ] {
        let instance = scene.start().await;
        let (served, ended) = tokio::join!(invoke(&*instance, &event, LONG), instance.ended());
        assert_eq!((served.status, served.is_usable), (502, false));
        assert!(error(&served).1.contains(reason), "{:?}", error(&served));
        assert!(ended.reason.starts_with(reason), "{}", ended.reason);
        instance.stop().await;
    }
    scene.end().await;
}

async fn several_at_once_in_one_instance(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "function1", |spec| spec.scale.concurrency = Some(4)).await else { return };
    let instance = scene.start().await;
    let begin = Instant::now();
    let event = json!({"sleep": 1.0});
    let call = || invoke(&*instance, &event, LONG);
    let served = tokio::join!(call(), call(), call(), call());
    for served in [served.0, served.1, served.2, served.3] {
        answer(&served);
    }
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    instance.stop().await;
    scene.end().await;
}

async fn a_trace_is_passed_on(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "hostile", |_| {}).await else { return };
    let instance = scene.start().await;
    let invocation = Invocation {
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        ..Invocation::new(r#"{"do":"echo"}"#)
    };
    let served = instance.invoke(&invocation, Instant::now() + LONG).await;
    assert_eq!(answer(&served), json!({"do": "echo"}));
    instance.stop().await;
    scene.end().await;
}

async fn the_engine_tells_who_it_is(engine: &Engine) {
    let driver = crate::scene::driver(engine, Connection::Detect);
    let reached = driver.reach().await.unwrap();
    assert!(reached.version.to_lowercase().starts_with(engine.kind), "{reached:?}");
    assert!(reached.remarks.iter().any(|remark| remark.contains("unix sockets")), "{reached:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_sockets_cant_be_shared_a_port_of_this_machine_is_used() {
    let Some(engine) = docker() else { return };
    let Some(scene) = Scene::with(&engine, Connection::Port, "function1", |_| {}).await else { return };
    let instance = scene.start().await;
    for index in 1..=2 {
        let served = invoke(&*instance, &json!({}), LONG).await;
        answer(&served);
        assert_eq!(served.instance.unwrap().invocation_index, index);
    }
    instance.stop().await;
    scene.end().await;
}
