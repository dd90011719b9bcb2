//! Calls and what comes back.

use std::time::Duration;

use lab::ErrorKind;
use platform::{Deployment, Invocation, MemoryLedger, Platform, PlatformError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::emulator::{Emulator, Fault};
use crate::scene::{archive, no_options, platform, spec};

async fn deployed(emulator: &Emulator, name: &str) -> (lambda_platform::LambdaPlatform, Deployment) {
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(&emulator.endpoint, no_options()).await;
    let deployment =
        platform.deploy(&spec(name, &archive(folder.path(), "one", &[])), &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, Duration::from_secs(30)).await.unwrap();
    (platform, deployment)
}

#[tokio::test]
async fn a_functions_error_is_an_answer_and_a_trace_goes_along() {
    let emulator = Emulator::start().await;
    let (platform, deployment) = deployed(&emulator, "calls").await;
    let failed = platform.invoke(&deployment, &Invocation::new(r#"{"fail":"Function.NotFound"}"#)).await.unwrap();
    let error = failed.response().unwrap_err();
    assert_eq!((failed.status, error.kind, error.message.as_str()), (404, ErrorKind::NotFound, "as asked"));
    assert!(failed.billing.is_some(), "it is billed all the same");
    let traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned());
    let answer = platform.invoke(&deployment, &Invocation { traceparent, ..Invocation::new("{}") }).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["trace"], "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1");
    platform.invoke_async(&deployment, &Invocation::new("{}")).await.unwrap();
    let call = answer.call.unwrap();
    assert!(matches!(platform.take_result(&deployment, &call).await, Err(PlatformError::Unsupported { .. })));
}

#[tokio::test]
async fn a_call_is_never_repeated() {
    let emulator = Emulator::start().await;
    let (platform, deployment) = deployed(&emulator, "once").await;
    for (status, code) in [(429, "TooManyRequestsException"), (500, "ServiceException")] {
        let before = emulator.calls().len();
        emulator.fail(Fault { line: "/invocations", status, code, message: "Rate Exceeded.", times: 1 });
        let answer = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
        assert_eq!(answer.status, status);
        assert!(answer.response().unwrap_err().message.contains(code));
        let calls: Vec<_> = emulator.calls().drain(before..).filter(|line| line.contains("/invocations")).collect();
        assert_eq!(calls.len(), 1, "{calls:?}");
    }
}

#[tokio::test]
async fn a_changes_end_is_waited_for_also_when_somebody_else_makes_it() {
    let emulator = Emulator::start().await;
    let (platform, deployment) = deployed(&emulator, "busy").await;
    let first = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    emulator.keep_busy("faasbench-busy", 1);
    platform.force_cold(&deployment).await.unwrap();
    let cold = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    assert!(cold.instance.as_ref().unwrap().is_cold());
    assert_ne!(cold.instance.unwrap().id, first.instance.unwrap().id);
    let kept =
        emulator.function("faasbench-busy", |function| function.configuration["Environment"]["Variables"].clone());
    assert_eq!(kept["COLOUR"], "blue", "only the nonce is new: {kept}");
    assert!(kept["FAASBENCH_NONCE"].is_string());
}

#[tokio::test]
async fn calls_by_a_url_keep_their_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    // One connection is taken, and no other.
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for _ in 0..2 {
            let mut seen = Vec::new();
            while !seen.ends_with(b"{}") {
                assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await.unwrap();
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(&url, serde_json::json!({ "url": "public", "invoke-by-url": true })).await;
    let deployment = Deployment {
        spec: spec("kept", &archive(folder.path(), "one", &[])),
        platform: "lambda".to_owned(),
        target: "test".to_owned(),
        url: Some(url),
        details: serde_json::json!({ "function": "faasbench-kept" }),
    };
    for _ in 0..2 {
        let invocation = Invocation { patience: Some(Duration::from_secs(10)), ..Invocation::new("{}") };
        assert_eq!(platform.invoke(&deployment, &invocation).await.unwrap().status, 200);
    }
    served.await.unwrap();
}

/// `LAMBDA_RUNTIME_ENDPOINT` is an emulator that only runs functions (aws-lambda-rie, `cargo lambda watch`);
/// `LAMBDA_RUNTIME_FUNCTION` is one that it has.
#[tokio::test]
async fn a_function_is_called_in_the_runtime_that_is_given() {
    let Ok(endpoint) = std::env::var("LAMBDA_RUNTIME_ENDPOINT") else {
        eprintln!("skipped: LAMBDA_RUNTIME_ENDPOINT is not set");
        return;
    };
    let function = std::env::var("LAMBDA_RUNTIME_FUNCTION").unwrap_or_else(|_| "function".to_owned());
    let event = std::env::var("LAMBDA_RUNTIME_EVENT").unwrap_or_else(|_| "{}".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(&endpoint, no_options()).await;
    let deployment = Deployment {
        spec: spec("given", &archive(folder.path(), "one", &[])),
        platform: "lambda".to_owned(),
        target: "test".to_owned(),
        url: None,
        details: serde_json::json!({ "function": function }),
    };
    let answer = platform.invoke(&deployment, &Invocation::new(event)).await.unwrap();
    println!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.status, 200);
    let first = answer.instance.unwrap();
    let again = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap().instance.unwrap();
    assert_eq!((again.id, again.invocation_index), (first.id, first.invocation_index + 1));
    // What is no event of a function is its error, told as one.
    let wrong = platform.invoke(&deployment, &Invocation::new("[]")).await.unwrap();
    assert_eq!((wrong.status, wrong.response().unwrap_err().kind), (400, ErrorKind::BadRequest));
}
