//! Loads over HTTP/2.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use load::{HttpVersion, LoadPlan, Pace, Shape, Stop, run};

use crate::server::request;

/// A server that speaks nothing but HTTP/2; its URL and how many connections it has taken.
fn server() -> (String, Arc<AtomicU64>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicU64::new(0));
    let taken = connections.clone();
    // It ends with the test's process.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                taken.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let answer = service_fn(|_: Request<Incoming>| async {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{}"))))
                    });
                    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
    });
    (format!("http://{address}/function/f"), connections)
}

#[test]
fn many_requests_share_a_connection() {
    let (url, connections) = server();
    let pace = Pace::Open(Shape::Constant { rate: 200.0 });
    let mut plan = LoadPlan::new(url.parse().unwrap(), request(), pace, Duration::from_secs(1));
    plan.version = HttpVersion::Http2;
    plan.connections = 1;
    let result = run(plan, &Stop::new(), |_| {}).unwrap();
    assert_eq!((result.recording.succeeded(), result.recording.failed()), (200, 0));
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    // One after the other they would have taken four seconds.
    assert!(result.elapsed < Duration::from_secs(3), "{:?}", result.elapsed);
}

#[test]
fn clients_of_a_closed_loop_share_them_too() {
    let (url, connections) = server();
    let pace = Pace::Closed { clients: 8, think: Duration::ZERO };
    let mut plan = LoadPlan::new(url.parse().unwrap(), request(), pace, Duration::from_secs(20));
    plan.version = HttpVersion::Http2;
    plan.connections = 2;
    plan.most_requests = Some(100);
    let result = run(plan, &Stop::new(), |_| {}).unwrap();
    assert_eq!((result.recording.succeeded(), result.recording.failed()), (100, 0));
    assert!(connections.load(Ordering::Relaxed) <= 2);
}
