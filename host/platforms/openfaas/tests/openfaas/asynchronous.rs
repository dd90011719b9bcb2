//! Calls whose answer is fetched later.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use platform::{Answer, CallId, Deployment, Invocation, MemoryLedger, Platform, PlatformError};
use remote_platform::header::HeaderMap;
use serde_json::json;

use crate::emulator::Edition;
use crate::gateway::Gateway;
use crate::given::{PATIENCE, platform, spec};

async fn result(platform: &dyn Platform, deployment: &Deployment, call: &CallId) -> Answer {
    let begin = Instant::now();
    loop {
        if let Some(answer) = platform.take_result(deployment, call).await.unwrap() {
            return answer;
        }
        assert!(begin.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_answer_comes_by_callback() {
    let gateway = Gateway::start(Edition::Faasd).await;
    let platform = platform(&gateway, json!({ "callback": "127.0.0.1:0" }));
    assert!(platform.capabilities().asynchronous);
    let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let calls = [
        platform.invoke_async(&deployment, &Invocation::new("1")).await.unwrap(),
        platform.invoke_async(&deployment, &Invocation::new("2")).await.unwrap(),
    ];
    for (call, event) in calls.iter().zip(["1", "2"]) {
        let answer = result(&platform, &deployment, call).await;
        let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, &said["event"]), (200, &event.into()));
        assert_eq!(answer.call.as_ref(), Some(call));
        assert!(answer.instance.is_some() && answer.timings.total_ns > 0);
        assert_eq!(answer.timings.execution_ns, Some(2_300_000));
        assert!(platform.take_result(&deployment, call).await.is_err(), "it is fetched once");
    }
}

#[tokio::test]
async fn only_the_queue_can_answer_and_only_what_was_asked() {
    let gateway = Gateway::start(Edition::Faasd).await;
    let platform = platform(&gateway, json!({ "callback": "127.0.0.1:0" }));
    let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let call = platform.invoke_async(&deployment, &Invocation::new("1")).await.unwrap();
    let sent = gateway.made("POST", "/async-function/f").pop().unwrap();
    let url = sent.headers["x-callback-url"].to_str().unwrap().to_owned();
    let stranger = remote_platform::Api::new("stranger", &url, None).unwrap();
    let post = async |address: &str, id: Option<&str>| {
        let mut headers = HeaderMap::new();
        if let Some(id) = id {
            headers.insert("x-call-id", id.parse().unwrap());
        }
        stranger.invoke("x", address, headers, "forged".into(), false, PATIENCE).await.unwrap().status
    };
    let (root, _) = url.rsplit_once('/').unwrap();
    assert_eq!(post(root, Some(&call.0)).await, 404);
    assert_eq!(post(&url, Some("another")).await, 404);
    assert_eq!(post(&url, None).await, 400);
    let answer = result(&platform, &deployment, &call).await;
    assert_ne!(&answer.body[..], b"forged");
    assert_eq!(post(&url, Some(&call.0)).await, 404, "it has been answered");
}

#[tokio::test]
async fn a_gateway_without_a_queue_says_so() {
    let gateway = Gateway::start(Edition::Faasd).await;
    gateway.state.has_queue.store(false, Ordering::Relaxed);
    let platform = platform(&gateway, json!({ "callback": "127.0.0.1:0" }));
    let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    let error = platform.invoke_async(&deployment, &Invocation::new("1")).await.unwrap_err().to_string();
    assert!(error.contains("no queue"), "{error}");
}

#[tokio::test]
async fn without_a_place_for_answers_there_are_no_such_calls() {
    let gateway = Gateway::start(Edition::Faasd).await;
    let platform = platform(&gateway, json!({}));
    assert!(!platform.capabilities().asynchronous);
    let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    let refused = platform.invoke_async(&deployment, &Invocation::new("1")).await;
    assert!(matches!(refused, Err(PlatformError::Unsupported { what, .. }) if what.contains("callback")));
}
