//! Clients that do what they should not.

use std::time::{Duration, Instant};

use http_protocol::Limits;

use crate::raw::{Client, once, request};
use crate::server::{start, usual};

fn impatient() -> Limits {
    Limits {
        body_bytes: 1000,
        head: Duration::from_millis(300),
        body: Duration::from_millis(300),
        connections: 64,
        ..Limits::default()
    }
}

#[tokio::test]
async fn a_client_that_sends_a_byte_now_and_then_is_closed() {
    let server = start(|options| options.limits = impatient()).await;
    let begin = Instant::now();
    let mut head = Client::connect(server.address).await;
    let mut body = Client::connect(server.address).await;
    body.send("POST /function/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n").await;
    let slowly = async |client: &mut Client| {
        for _ in 0..100 {
            client.send("a").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::join!(slowly(&mut head), slowly(&mut body));
    assert_eq!(head.answer().await, None);
    assert_eq!(body.answer().await.unwrap().status, 408);
    assert!(begin.elapsed() < Duration::from_secs(10));
    assert_eq!(once(server.address, "POST", "/function/echo", "", "{}").await.status, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_before_it_is_read() {
    let server = start(|options| options.limits = impatient()).await;
    let mut client = Client::connect(server.address).await;
    let answer =
        client.ask("POST /function/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n").await;
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("1000 bytes"));
    assert_eq!(client.answer().await, None);
    let exact = format!("\"{}\"", "x".repeat(998));
    assert_eq!(once(server.address, "POST", "/function/echo", "", &exact).await.body, exact);
}

#[tokio::test]
async fn half_a_request_and_garbage_harm_nobody() {
    let server = start(|options| options.limits = impatient()).await;
    for bytes in [
        "POST /function/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf",
        "POST /func",
        "\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /function/echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /function/echo HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut client = Client::connect(server.address).await;
        client.send(bytes).await;
        drop(client);
        assert_eq!(once(server.address, "POST", "/function/echo", "", "{}").await.status, 200, "{bytes:?}");
    }
}

#[tokio::test]
async fn more_connections_than_there_may_be_do_not_keep_others_out() {
    let server = start(|options| options.limits = impatient()).await;
    let mut idle = Vec::new();
    for _ in 0..500 {
        idle.push(Client::connect(server.address).await);
    }
    let mut halves = Vec::new();
    for _ in 0..200 {
        let mut client = Client::connect(server.address).await;
        client.send("POST /function/echo HTTP/1.1\r\n").await;
        halves.push(client);
    }
    for _ in 0..20 {
        assert_eq!(once(server.address, "POST", "/function/echo", "", "{}").await.status, 200);
    }
}

#[tokio::test]
async fn a_panic_in_the_platform_ends_its_connection_alone() {
    let server = usual().await;
    let mut other = Client::connect(server.address).await;
    assert_eq!(other.ask(request("POST", "/function/echo", "", "{}")).await.status, 200);
    let mut client = Client::connect(server.address).await;
    client.send(request("POST", "/function/echo", "", "\"panic\"")).await;
    assert_eq!(client.answer().await, None);
    assert_eq!(other.ask(request("POST", "/function/echo", "", "{}")).await.status, 200);
}
