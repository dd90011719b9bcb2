#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const BOUNDS: Bounds = Bounds { requests: 20, patience: Duration::from_millis(200), longest: Duration::from_secs(20) };

/// A server of HTTP/1.1 whose every fifth answer is status 500, and whose every tenth never comes; how many connections and
/// requests came to it.
async fn server() -> (String, Arc<AtomicU32>, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/function/f", listener.local_addr().unwrap());
    let (connections, requests) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let counts = (connections.clone(), requests.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counts.0.fetch_add(1, Ordering::SeqCst);
            let requests = counts.1.clone();
            tokio::spawn(async move {
                let mut room = [0; 4096];
                while let Ok(1..) = stream.read(&mut room).await {
                    let number = requests.fetch_add(1, Ordering::SeqCst);
                    if number % 10 == 9 {
                        continue;
                    }
                    let status = if number % 5 == 4 { "500 no" } else { "200 OK" };
                    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, connections, requests)
}

#[tokio::test]
async fn each_kind_is_measured_as_often_as_asked_for_and_failures_are_counted() {
    let (url, connections, requests) = server().await;
    let measured = measure(&HttpCall::to(&url), b"{}", BOUNDS).await.unwrap();
    assert_eq!((measured.tcp_ns.len(), measured.tcp_failed, measured.tls), (20, 0, false));
    assert_eq!((measured.kept.len(), measured.new.len()), (20, 20));
    assert_eq!(requests.load(Ordering::SeqCst), 40);
    for trips in [&measured.kept, &measured.new] {
        let failed = |what: &str| trips.iter().filter(|trip| trip.failure.as_deref() == Some(what)).count();
        assert_eq!((failed("status 500"), failed("no answer in time")), (2, 2));
        // A refusal went there and back, too.
        assert_eq!(trips.iter().filter(|trip| trip.is_answered()).count(), 18);
    }
    // The first kept one, and another after each that was given up (the last may be the end).
    let made = measured.kept.iter().filter(|trip| trip.connect_ns.is_some()).count() as u32;
    assert!((2..=3).contains(&made), "{made}");
    assert!(measured.new.iter().all(|trip| trip.connect_ns.is_some()));
    assert_eq!(connections.load(Ordering::SeqCst), 20 + made + 20);
}

#[tokio::test]
async fn where_nobody_listens_failures_are_counted_and_it_ends() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let bounds = Bounds { requests: 5, ..BOUNDS };
    let measured = measure(&HttpCall::to(format!("http://127.0.0.1:{port}/")), b"{}", bounds).await.unwrap();
    assert_eq!((measured.tcp_ns.len(), measured.tcp_failed), (0, 5));
    assert_eq!((measured.kept.len(), measured.new.len()), (5, 5));
    assert!(measured.kept.iter().chain(&measured.new).all(|trip| !trip.is_answered()));
    assert!(measure(&HttpCall::to("unix:/run/x.sock:/f"), b"{}", bounds).await.is_err());
}
