//! Clients that are slow, greedy, many or wrong: each is answered or closed, and the others are served on.

use std::time::Duration;

use http_protocol::Limits;
use proptest::prelude::*;

use crate::client::{Client, once, post, server, usual};

const GRACE: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_has_come() {
    let server = server(Limits { body_bytes: 1000, ..Limits::default() }, GRACE).await;
    let declared = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n";
    let chunked =
        format!("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3E9\r\n{}", "x".repeat(1001));
    for request in [declared, &chunked] {
        let answer = once(server.address, request).await.unwrap();
        assert!(answer.status == 413 && answer.body.contains("1000 bytes"), "{answer:?}");
        assert!(answer.head.contains("connection: close"), "{}", answer.head);
    }
    assert_eq!(once(server.address, post(&"7".repeat(1000))).await.unwrap().status, 200);
}

#[tokio::test]
async fn all_bodies_together_have_a_limit() {
    let server = server(Limits { all_bodies_bytes: 1000, ..Limits::default() }, GRACE).await;
    let mut first = Client::connect(server.address).await;
    first.send(format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{}", "7".repeat(800))).await;
    // Whether the first one's bytes were read is seen by the second's fate only, so ask until they were.
    let refused = loop {
        let answer = once(server.address, post(&"7".repeat(300))).await.unwrap();
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!(refused.status, 503);
    first.send("7".repeat(100)).await;
    assert_eq!(first.answer().await.unwrap().status, 200);
    assert_eq!(once(server.address, post(&"7".repeat(900))).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_head_that_does_not_end_is_closed_and_a_slow_body_refused() {
    let limits = Limits { head: SHORT, body: SHORT, ..Limits::default() };
    let server = server(limits, GRACE).await;
    let mut head = Client::connect(server.address).await;
    head.send("POST / HTTP/1.1\r\nHost: x\r\nX-A: ").await;
    let mut body = Client::connect(server.address).await;
    body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n7").await;
    assert!(head.is_closed().await);
    assert_eq!(body.answer().await.unwrap().status, 408);
    assert!(body.is_closed().await);
    // The second request's head is watched as the first one's.
    let mut client = Client::connect(server.address).await;
    client.send(post("7")).await;
    assert_eq!(client.answer().await.unwrap().body, "7");
    client.send("POST / HT").await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_connection_that_rests_longer_than_any_proxys_is_closed() {
    let server = server(Limits { idle: SHORT, ..Limits::default() }, GRACE).await;
    let mut unused = Client::connect(server.address).await;
    let mut used = Client::connect(server.address).await;
    used.send(post("sleep")).await;
    // Not while it is being served.
    assert_eq!(used.answer().await.unwrap().body, "\"slept\"");
    assert!(unused.is_closed().await && used.is_closed().await);
}

#[tokio::test]
async fn when_too_many_are_open_those_that_do_nothing_go() {
    let server = server(Limits { connections: 20, ..Limits::default() }, GRACE).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(Client::connect(server.address).await);
    }
    assert_eq!(once(server.address, post("7")).await.unwrap().body, "7");
    assert!(silent[0].is_closed().await);
}

#[tokio::test]
async fn when_too_many_are_open_those_go_too_whose_head_does_not_end() {
    let server = server(Limits { connections: 20, ..Limits::default() }, GRACE).await;
    let mut slow = Vec::new();
    for _ in 0..25 {
        let mut client = Client::connect(server.address).await;
        client.send("POST / HT").await;
        slow.push(client);
    }
    assert_eq!(once(server.address, post("7")).await.unwrap().body, "7");
    assert!(slow[0].is_closed().await);
}

#[tokio::test]
async fn a_client_that_goes_in_the_middle_is_forgotten() {
    let server = usual().await;
    for part in ["", "P", "POST / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n123", &post("sleep")] {
        let mut client = Client::connect(server.address).await;
        client.send(part).await;
    }
    assert_eq!(once(server.address, post("7")).await.unwrap().body, "7");
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let server = usual().await;
    let many_headers = format!("GET / HTTP/1.1\r\n{}\r\n", "X-A: b\r\n".repeat(1000));
    let long_header = format!("GET / HTTP/1.1\r\nX-A: {}\r\n\r\n", "b".repeat(100_000));
    for (request, status) in [
        ("nonsense\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n", 400),
        (&many_headers, 431),
        (&long_header, 431),
    ] {
        let answer = once(server.address, request).await.unwrap();
        assert_eq!(answer.status, status, "{}", &request[..request.len().min(80)]);
    }
    assert_eq!(once(server.address, post("7")).await.unwrap().body, "7");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_stop_the_service(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio.block_on(async {
            let server = usual().await;
            let mut client = Client::connect(server.address).await;
            client.send(&bytes).await;
            client.end_writing().await;
            assert_eq!(once(server.address, post("7")).await.unwrap().body, "7");
        });
    }
}
