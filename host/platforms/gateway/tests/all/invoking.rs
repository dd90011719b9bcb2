//! `/function/NAME`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::raw::{Client, once, request};
use crate::server::{start, until, usual};

#[tokio::test]
async fn a_call_is_answered_with_its_names_times_and_instance() {
    let server = usual().await;
    let answer = once(server.address, "POST", "/function/echo", "X-Call-Id: mine\r\n", "{\"a\":1}").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "{\"a\":1}"));
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-call-id", "mine"),
        ("x-instance-id", "one"),
        ("x-instance-seq", "0"),
        ("x-instance-uptime-us", "5"),
        ("x-queue-us", "1.001"),
        ("x-start-us", "2000.000"),
        ("x-execution-us", "0.030"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let start: u64 = answer.header("x-start-time").unwrap().parse().unwrap();
    assert!(start > 1_700_000_000_000_000_000);
    let seconds: f64 = answer.header("x-duration-seconds").unwrap().parse().unwrap();
    assert!(seconds < 10.0);
    let warm = once(server.address, "GET", "/function/echo.openfaas-fn/some/path?q=1", "", "").await;
    assert_eq!((warm.status, warm.body.as_str(), warm.header("x-instance-seq")), (200, "{}", Some("1")));
    assert_eq!(warm.header("x-start-us"), None);
    assert_eq!(warm.header("x-call-id").unwrap().len(), 36);
}

#[tokio::test]
async fn a_trace_goes_on_and_one_begins_where_there_is_none() {
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let server = usual().await;
    let headers = format!("traceparent: {PARENT}\r\ntracestate: a=1\r\nX-Timeout: 1500ms\r\n");
    once(server.address, "POST", "/function/echo", &headers, "{}").await;
    let last = server.fake.last.lock().unwrap().take().unwrap();
    assert_eq!((last.traceparent.as_deref(), last.tracestate.as_deref()), (Some(PARENT), Some("a=1")));
    assert_eq!(last.patience, Some(Duration::from_millis(1500)));
    once(server.address, "POST", "/function/echo", "", "{}").await;
    let last = server.fake.last.lock().unwrap().take().unwrap();
    let parent = last.traceparent.unwrap();
    assert!(parent.len() == 55 && parent.starts_with("00-") && parent.ends_with("-02"), "{parent}");
}

#[tokio::test]
async fn a_functions_error_and_the_platforms_are_told_apart() {
    let server = usual().await;
    let own = once(server.address, "POST", "/function/echo", "", "\"refuse\"").await;
    assert_eq!((own.status, own.header("x-faasbench-error")), (400, None));
    assert_eq!(own.json()["error"]["message"], "as asked");
    let platforms = once(server.address, "POST", "/function/echo", "", "\"no answer\"").await;
    assert_eq!((platforms.status, platforms.header("x-faasbench-error")), (504, Some("no-answer")));
    assert_eq!(platforms.json()["error"]["type"], "unavailable");
    assert!(platforms.header("x-call-id").is_some());
}

#[tokio::test]
async fn a_function_that_is_not_there_is_404_and_a_bad_event_400() {
    let server = usual().await;
    for path in ["/function/other", "/function/", "/function/..", "/function/echo.elsewhere", "/function/%65cho"] {
        let answer = once(server.address, "POST", path, "", "{}").await;
        assert_eq!((answer.status, answer.header("x-faasbench-error")), (404, Some("not-found")), "{path}");
    }
    let mut client = Client::connect(server.address).await;
    client.send(b"POST /function/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n\xff\xfe").await;
    let answer = client.answer().await.unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("UTF-8"));
    let timeout = once(server.address, "POST", "/function/echo", "X-Timeout: soon\r\n", "{}").await;
    assert_eq!(timeout.status, 400);
    assert_eq!(once(server.address, "GET", "/nowhere", "", "").await.status, 404);
}

#[tokio::test]
async fn overload_is_429_with_a_time_to_try_again_and_service_goes_on() {
    let server = usual().await;
    let mut waiting = Vec::new();
    for _ in 0..crate::fake::CAPACITY {
        let mut client = Client::connect(server.address).await;
        client.send(request("POST", "/function/echo", "", "\"wait\"")).await;
        waiting.push(client);
    }
    until(async || server.fake.active.load(Ordering::SeqCst) == crate::fake::CAPACITY).await;
    for _ in 0..10 * crate::fake::CAPACITY {
        let answer = once(server.address, "POST", "/function/echo", "", "{}").await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
    }
    server.fake.gate.notify_waiters();
    for client in &mut waiting {
        assert_eq!(client.answer().await.unwrap().status, 200);
    }
    assert_eq!(once(server.address, "POST", "/function/echo", "", "{}").await.status, 200);
}

#[tokio::test]
async fn a_client_that_goes_leaves_nothing_in_flight() {
    let server = usual().await;
    let mut client = Client::connect(server.address).await;
    client.send(request("POST", "/function/echo", "", "\"wait\"")).await;
    until(async || server.fake.active.load(Ordering::SeqCst) == 1).await;
    drop(client);
    server.fake.gate.notify_waiters();
    until(async || server.fake.active.load(Ordering::SeqCst) == 0).await;
    let metrics = once(server.address, "GET", "/metrics", "", "").await.body;
    assert!(metrics.contains("faasbench_in_flight{function_name=\"echo.openfaas-fn\"} 0"), "{metrics}");
}

#[tokio::test]
async fn what_is_counted_is_there_for_prometheus() {
    let server = usual().await;
    once(server.address, "POST", "/function/echo", "", "{}").await;
    once(server.address, "POST", "/function/echo", "", "\"refuse\"").await;
    once(server.address, "POST", "/function/none", "", "{}").await;
    let answer = once(server.address, "GET", "/metrics", "", "").await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "gateway_function_invocation_total{code=\"200\",function_name=\"echo.openfaas-fn\"} 1",
        "gateway_function_invocation_total{code=\"400\",function_name=\"echo.openfaas-fn\"} 1",
        "gateway_function_invocation_started{function_name=\"echo.openfaas-fn\"} 2",
        "gateway_functions_seconds_count{code=\"200\",function_name=\"echo.openfaas-fn\"} 1",
        "gateway_service_count{function_name=\"echo.openfaas-fn\"} 1",
        "faasbench_cold_starts_total{function_name=\"echo.openfaas-fn\"} 1",
        "faasbench_gigabyte_seconds_total{function_name=\"echo.openfaas-fn\"} 0.002",
        "faasbench_in_flight{function_name=\"echo.openfaas-fn\"} 0",
        "faasbench_instances{function_name=\"echo.openfaas-fn\",state=\"idle\"} 1",
        "faasbench_queue_length{function_name=\"echo.openfaas-fn\"} 3",
        "faasbench_unknown_function_total 1",
    ] {
        assert!(answer.body.lines().any(|found| found == line), "{line} is not in\n{}", answer.body);
    }
}

#[tokio::test]
async fn the_end_finishes_what_was_taken_and_removes_what_was_deployed() {
    let server = start(|options| options.grace = Duration::from_secs(10)).await;
    let mut client = Client::connect(server.address).await;
    client.send(request("POST", "/function/echo", "", "\"wait\"")).await;
    until(async || server.fake.active.load(Ordering::SeqCst) == 1).await;
    let answer = once(server.address, "POST", "/async-function/echo", "", "\"wait\"").await;
    assert_eq!(answer.status, 202);
    until(async || server.fake.active.load(Ordering::SeqCst) == 2).await;
    server.running.stop();
    until(async || tokio::net::TcpStream::connect(server.address).await.is_err()).await;
    server.fake.gate.notify_waiters();
    assert_eq!(client.answer().await.unwrap().status, 200);
    let ended = server.running.ended().await;
    assert!(ended.all_finished && ended.left.is_empty(), "{ended:?}");
    assert!(server.fake.there.lock().unwrap().is_empty());
    assert!(server.ledger.entries().iter().all(|entry| entry.state == platform::ResourceState::Removed));
}
