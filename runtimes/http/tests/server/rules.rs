//! The rules that satisfy every platform at once.

use proptest::prelude::*;

use crate::client::{Client, once, post, usual};

#[tokio::test]
async fn a_connection_serves_one_request_after_another_and_counts_them() {
    let server = usual().await;
    let mut client = Client::connect(server.address).await;
    let mut identities = Vec::new();
    for sequence in 0..3 {
        client.send(post(r#"{"a":1}"#)).await;
        let answer = client.answer().await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"a":1}"#));
        assert!(answer.head.contains(&format!("\r\nx-instance-seq: {sequence}\r\n")), "{}", answer.head);
        assert!(answer.head.contains("\r\nx-instance-uptime-us: "), "{}", answer.head);
        let identity = answer.head.lines().find(|line| line.starts_with("x-instance-id: ")).unwrap().to_owned();
        identities.push(identity);
    }
    assert!(identities.iter().all(|identity| *identity == identities[0]));
}

#[tokio::test]
async fn requests_that_come_together_are_answered_in_order() {
    let server = usual().await;
    let mut client = Client::connect(server.address).await;
    client.send(post("1") + &post("2") + &post("3")).await;
    for expected in ["1", "2", "3"] {
        assert_eq!(client.answer().await.unwrap().body, expected);
    }
}

#[tokio::test]
async fn a_client_that_wants_no_second_request_gets_its_answer_and_the_end() {
    let server = usual().await;
    for request in [
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\n7",
        "POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\n7",
    ] {
        let mut client = Client::connect(server.address).await;
        client.send(request).await;
        assert_eq!(client.answer().await.unwrap().body, "7");
        assert!(client.is_closed().await);
    }
    // One that closes its half after the request is answered all the same.
    let mut client = Client::connect(server.address).await;
    client.send(post("7")).await;
    client.end_writing().await;
    assert_eq!(client.answer().await.unwrap().body, "7");
}

#[tokio::test]
async fn any_method_and_path_is_an_invocation() {
    let server = usual().await;
    for (method, path) in [("PUT", "/function/f"), ("DELETE", "/a/b?c=d"), ("PATCH", "/init"), ("BREW", "*")] {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n7");
        assert_eq!(once(server.address, request).await.unwrap().body, "7");
    }
    let answer = once(server.address, "GET /anything HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    let connect = "CONNECT host:1 HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(once(server.address, connect).await.unwrap().status, 405);
}

#[tokio::test]
async fn health_paths_answer_without_an_invocation() {
    let server = usual().await;
    for path in ["/", "/_/health", "/_/ready", "/healthz", "/readyz", "/__internal/health"] {
        let answer = once(server.address, format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await.unwrap();
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.head.contains("x-instance-seq"));
        let tells = |header: &str| answer.head.contains(header);
        assert!(tells("x-instance-id: ") && tells("x-instance-uptime-us: "), "who answers: {}", answer.head);
    }
    assert!(once(server.address, post("{}")).await.unwrap().head.contains("x-instance-seq: 0"));
}

#[tokio::test]
async fn a_functions_failure_has_its_status_and_leaves_the_connection() {
    let server = usual().await;
    let mut client = Client::connect(server.address).await;
    for (event, status, said) in [("refuse", 400, "bad-request"), ("panic", 500, "as asked"), ("7", 200, "7")] {
        client.send(post(event)).await;
        let answer = client.answer().await.unwrap();
        assert!(answer.status == status && answer.body.contains(said), "{answer:?}");
    }
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n").await;
    client.send([0xff, 0xfe]).await;
    let answer = client.answer().await.unwrap();
    assert!(answer.status == 400 && answer.body.contains("not UTF-8"), "{answer:?}");
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let server = usual().await;
    let mut client = Client::connect(server.address).await;
    client.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").await;
    client.send("7").await;
    // An answer of 100 has no length, so it is looked for in what comes before the real one.
    let answer = tokio::time::timeout(std::time::Duration::from_secs(1), client.raw_until("\r\n\r\n7")).await.unwrap();
    assert!(answer.contains("HTTP/1.1 100 Continue") && answer.contains("HTTP/1.1 200 OK"), "{answer}");
}

/// The event in chunks of these sizes.
fn chunked(event: &str, sizes: &[usize]) -> String {
    let mut request = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    let mut rest = event;
    for size in sizes.iter().copied().chain([event.len()]) {
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        if !chunk.is_empty() {
            request.push_str(&format!("{:X};extension=1\r\n{chunk}\r\n", chunk.len()));
        }
        rest = after;
    }
    request + "0\r\nTrailer: x\r\n\r\n"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn however_it_is_cut_an_event_arrives_whole(
        event in "[a-z0-9 ]{1,60}", chunks in prop::collection::vec(1_usize..20, 0..8), cuts in prop::collection::vec(1_usize..80, 0..8),
    ) {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio.block_on(async {
            let server = usual().await;
            let request = chunked(&event, &chunks);
            let mut client = Client::connect(server.address).await;
            let mut rest = request.as_str();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                client.send(piece).await;
                tokio::task::yield_now().await;
                rest = after;
            }
            client.send(rest).await;
            let expected = if event.trim().is_empty() { "{}" } else { &event };
            assert_eq!(client.answer().await.unwrap().body, expected);
        });
    }
}

#[cfg(feature = "h2c")]
#[tokio::test]
async fn a_client_that_knows_http2_is_spoken_to_so() {
    let server = usual().await;
    let mut client = Client::connect(server.address).await;
    // The preface, in two pieces, and an empty SETTINGS frame; the answer is a SETTINGS frame (type 4) too.
    client.send("PR").await;
    client.send("I * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    client.send([0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
    assert_eq!(client.raw(9).await[3], 4);
}
