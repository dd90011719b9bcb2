//! `/async-function/NAME` and `/async-result/CALL`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::raw::once;
use crate::server::{start, until, usual};

async fn result(address: std::net::SocketAddr, call: &str) -> crate::raw::Answer {
    let path = format!("/async-result/{call}");
    until(async || once(address, "GET", &path, "", "").await.status != 202).await;
    once(address, "GET", &path, "", "").await
}

#[tokio::test]
async fn a_result_is_there_when_the_call_is_done() {
    let server = usual().await;
    let taken = once(server.address, "POST", "/async-function/echo", "", "\"wait\"").await;
    assert_eq!((taken.status, taken.body.as_str()), (202, ""));
    let call = taken.header("x-call-id").unwrap();
    until(async || server.fake.active.load(Ordering::SeqCst) == 1).await;
    let early = once(server.address, "GET", &format!("/async-result/{call}"), "", "").await;
    assert_eq!((early.status, early.header("retry-after")), (202, Some("1")));
    server.fake.gate.notify_waiters();
    let done = result(server.address, call).await;
    assert_eq!((done.status, done.body.as_str()), (200, "\"wait\""));
    assert_eq!((done.header("x-function-status"), done.header("x-function-name")), (Some("200"), Some("echo")));
    assert_eq!(done.header("x-call-id"), Some(call));
}

#[tokio::test]
async fn a_call_that_never_was_is_404_one_of_long_ago_410_and_a_functions_error_its_own() {
    let server = start(|options| options.results.calls = 1).await;
    let unknown = once(server.address, "GET", "/async-result/none", "", "").await;
    assert_eq!((unknown.status, unknown.header("x-function-status")), (404, None));
    once(server.address, "POST", "/async-function/echo", "X-Call-Id: a\r\n", "\"refuse\"").await;
    let refused = result(server.address, "a").await;
    assert_eq!((refused.status, refused.header("x-function-status")), (400, Some("400")));
    let again = once(server.address, "POST", "/async-function/echo", "X-Call-Id: a\r\n", "{}").await;
    assert_eq!(again.status, 409);
    once(server.address, "POST", "/async-function/echo", "X-Call-Id: b\r\n", "{}").await;
    assert_eq!(once(server.address, "GET", "/async-result/a", "", "").await.status, 410);
    assert_eq!(once(server.address, "POST", "/async-function/none", "", "{}").await.status, 404);
    assert_eq!(once(server.address, "GET", "/async-function/echo", "", "").await.status, 405);
}

#[tokio::test]
async fn no_more_are_taken_than_may_be_under_way_and_an_overloaded_function_is_waited_for() {
    let server = start(|options| options.results.under_way = 20).await;
    for number in 0..20 {
        let headers = format!("X-Call-Id: call-{number}\r\n");
        assert_eq!(once(server.address, "POST", "/async-function/echo", &headers, "\"sleep\"").await.status, 202);
    }
    let metrics = once(server.address, "GET", "/metrics", "", "").await.body;
    assert!(metrics.contains("faasbench_asynchronous_calls"));
    // More than the function takes at once: those that it refuses are tried again.
    for number in 0..20 {
        assert_eq!(result(server.address, &format!("call-{number}")).await.status, 200);
    }
    for _ in 0..20 {
        once(server.address, "POST", "/async-function/echo", "", "\"wait\"").await;
    }
    let full = once(server.address, "POST", "/async-function/echo", "", "{}").await;
    assert_eq!((full.status, full.header("retry-after")), (429, Some("1")));
    until(async || {
        server.fake.gate.notify_waiters();
        once(server.address, "POST", "/async-function/echo", "", "{}").await.status == 202
    })
    .await;
}

#[tokio::test]
async fn a_result_is_sent_to_where_its_client_wants_it_on_this_machine() {
    let server = usual().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("X-Callback-Url: http://{}/here?a=1\r\n", listener.local_addr().unwrap());
    once(server.address, "POST", "/async-function/echo", &format!("X-Call-Id: c\r\n{url}"), "{\"b\":2}").await;
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut received = Vec::new();
    while !received.ends_with(b"{\"b\":2}") {
        assert!(stream.read_buf(&mut received).await.unwrap() > 0);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let received = String::from_utf8(received).unwrap().to_lowercase();
    assert!(received.starts_with("post /here?a=1 http/1.1\r\n"), "{received}");
    for header in
        ["x-call-id: c", "x-function-status: 200", "x-function-name: echo", "x-duration-seconds: ", "x-start-time: "]
    {
        assert!(received.contains(&format!("\r\n{header}")), "{header} is not in {received}");
    }
    assert_eq!(result(server.address, "c").await.status, 200);
    let elsewhere = "X-Callback-Url: http://192.0.2.1/\r\n";
    let refused = once(server.address, "POST", "/async-function/echo", elsewhere, "{}").await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("this machine"));
}

#[tokio::test]
async fn a_function_that_stays_overloaded_is_a_result_too() {
    let server = start(|options| options.results.patience = Duration::from_millis(50)).await;
    for _ in 0..crate::fake::CAPACITY {
        once(server.address, "POST", "/async-function/echo", "", "\"wait\"").await;
    }
    until(async || server.fake.active.load(Ordering::SeqCst) == crate::fake::CAPACITY).await;
    once(server.address, "POST", "/async-function/echo", "X-Call-Id: late\r\n", "{}").await;
    let late = result(server.address, "late").await;
    assert_eq!((late.status, late.header("x-function-status")), (429, Some("429")));
    server.fake.gate.notify_waiters();
}
