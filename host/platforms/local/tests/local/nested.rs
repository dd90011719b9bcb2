//! Nested calls: in this process, and over the socket.

use std::time::Duration;

use lab::ErrorKind;
use platform::{Invocation, Scale};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::pretended::{Stage, stage};

async fn ask(stage: &Stage, request: &str) -> String {
    let mut stream = UnixStream::connect(stage.folder.path().join("others.sock")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_socket_serves_functions_by_name_and_answers_errors_in_our_form() {
    let stage = stage();
    stage.deploy("lab-f", Scale::default()).await;
    let post =
        |path: &str| format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\n0");
    let answer = ask(&stage, &post("/function/lab-f")).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("first"), "{answer}");
    // By the function's own name, when no deployment has it.
    let answer = ask(&stage, &post("/function/function1")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = ask(&stage, &post("/function/nobody")).await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains(r#""type":"not-found""#), "{answer}");
    let answer = ask(&stage, &post("/function/a/b")).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let answer = ask(&stage, "GET /function/lab-f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    stage.platform.shut_down(Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_that_calls_itself_and_has_one_instance_is_not_stuck_for_ever() {
    let stage = stage();
    stage.deploy("f", Scale { maximum_instances: Some(1), queue: Some(0), ..Scale::default() }).await;
    let surroundings = stage.counts.surroundings.lock().unwrap().clone().unwrap();
    let platform = stage.platform.clone();
    let outer = tokio::spawn(async move { platform.invoke_named("f", &Invocation::new("5")).await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let error = surroundings.others.call("f", Invocation::new("0")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit);
    outer.await.unwrap().unwrap();
}
