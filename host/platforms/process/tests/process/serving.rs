//! What an instance does for those that behave.

use std::path::Path;
use std::time::{Duration, Instant};

use local_platform::Driver;
use platform::{Invocation, LogStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use crate::support::{Ground, assert_nothing_left, eventually, json, processes_of, spec};

#[tokio::test]
async fn an_instance_serves_and_gives_the_identity_that_it_was_given() {
    let ground = Ground::new();
    let running = ground.start(&spec()).await;
    for index in 1..=3 {
        let served = running.call(r#"{"do":"echo","x":1}"#).await;
        assert_eq!((served.status, &served.body[..]), (200, &br#"{"do":"echo","x":1}"#[..]));
        let identity = served.instance.unwrap();
        assert_eq!((identity.id.as_str(), identity.invocation_index), (running.instance.id(), index));
        assert!(served.is_usable && served.start.is_none());
        assert!(served.peak_memory_bytes.unwrap() > 100_000);
    }
    let [pid] = running.instance.processes()[..] else { panic!("one process") };
    assert!(Path::new(&format!("/proc/{pid}")).exists());
    running.instance.stop().await;
    assert!(running.instance.processes().is_empty());
    assert!(running.said("it was stopped"));
    ground.remove_all().await;
}

#[tokio::test]
async fn several_invocations_at_once_are_served_at_the_same_time() {
    let ground = Ground::new();
    let running = ground.start(&spec()).await;
    let begin = Instant::now();
    let event = r#"{"do":"sleep","seconds":0.4}"#;
    let served = tokio::join!(running.call(event), running.call(event), running.call(event), running.call(event));
    assert!([served.0, served.1, served.2, served.3].iter().all(|served| served.status == 200));
    assert!(begin.elapsed() < Duration::from_millis(1200), "{:?}", begin.elapsed());
    running.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn a_functions_own_error_leaves_the_instance_as_it_is() {
    let ground = Ground::new();
    let running = ground.start(&spec()).await;
    let served = running.call(r#"{"do":"dance"}"#).await;
    assert_eq!((served.status, served.is_usable), (400, true));
    let served = running.call(r#"{"do":"panic"}"#).await;
    assert_eq!((served.status, served.is_usable), (500, true));
    assert!(json(&served)["error"]["message"].as_str().unwrap().contains("as it was asked to"));
    assert_eq!(running.call(r#"{"do":"echo"}"#).await.status, 200);
    running.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn what_it_prints_comes_as_lines_of_their_stream() {
    let ground = Ground::new();
    let running = ground.start(&spec()).await;
    for stream in ["stdout", "stderr"] {
        let event = format!(r#"{{"do":"print","bytes":30,"line_bytes":10,"stream":"{stream}"}}"#);
        assert_eq!(running.call(&event).await.status, 200);
    }
    let count = |wanted| {
        let lines = running.lines.lock().unwrap();
        lines.iter().filter(|(stream, line)| *stream == wanted && line == "xxxxxxxxx").count()
    };
    eventually(|| count(LogStream::Output) == 3 && count(LogStream::Error) == 3).await;
    running.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn nested_calls_go_through_the_platforms_socket() {
    let ground = Ground::new();
    let listener = UnixListener::bind(&ground.surroundings.others_socket).unwrap();
    let others = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"{\"a\":1}") {
            assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n42").await.unwrap();
        String::from_utf8(seen).unwrap()
    });
    let running = ground.start(&spec()).await;
    let served = running.call(r#"{"do":"call","name":"function2","payload":{"a":1}}"#).await;
    assert_eq!(json(&served)["answers"][0]["response"], "42");
    let seen = others.await.unwrap().to_lowercase();
    assert!(seen.starts_with("post /function/function2 "), "{seen}");
    running.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn instances_of_one_deployment_and_of_its_update_stand_side_by_side() {
    let ground = Ground::new();
    let spec = spec();
    let (old, new) = (ground.prepare(&spec).await, ground.prepare(&spec).await);
    let (first, second, third) = tokio::join!(ground.start_of(&*old), ground.start_of(&*old), ground.start_of(&*new));
    for running in [&first, &second, &third] {
        assert_eq!(running.call(r#"{"do":"echo"}"#).await.status, 200);
    }
    // The old preparation goes, and with it its instances alone.
    let entry = ground.ledger.entries()[0].clone();
    ground.driver.remove(&entry.resource).await.unwrap();
    assert_nothing_left(&entry.resource.name, &entry.resource.details);
    first.instance.ended().await;
    assert_eq!(first.call(r#"{"do":"echo"}"#).await.status, 502);
    assert_eq!(third.call(r#"{"do":"echo"}"#).await.status, 200);
    third.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn the_last_handle_ends_the_process() {
    let ground = Ground::new();
    let running = ground.start(&spec()).await;
    let name = ground.ledger.entries()[0].resource.name.clone();
    assert_eq!(processes_of(&name).len(), 1);
    drop(running);
    eventually(|| processes_of(&name).is_empty()).await;
    ground.remove_all().await;
}

#[tokio::test]
async fn the_trace_reaches_the_function_and_a_deadline_that_has_passed_stops_it() {
    let ground = Ground::new();
    let running = ground.start(&spec()).await;
    let served = running.instance.invoke(&Invocation::new("{\"do\":\"loop\"}"), Instant::now()).await;
    assert_eq!((served.status, served.is_usable), (504, false));
    running.instance.ended().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn it_says_what_answers_and_how_each_limit_is_kept() {
    let reached = Ground::new().driver.reach().await.unwrap();
    assert!(reached.version.starts_with("Linux "), "{}", reached.version);
    eprintln!("{}", reached.remarks.join("\n"));
    assert!(reached.remarks.len() >= 6);
}
