//! Connections on several runtimes of one thread each.

use std::collections::HashMap;
use std::time::Duration;

use http_protocol::{BoxFuture, Limits, Listener, Request, Response, Server, Service, json};
use runtime::Shutdown;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};

use crate::client::{Client, post};

/// Answers with the name of the thread that it is called on.
struct Whereabouts;

impl Service for Whereabouts {
    fn call(&self, _: Request) -> BoxFuture<'_, Response> {
        Box::pin(async { json(200, std::thread::current().name().unwrap_or_default().to_owned()) })
    }
}

/// A runtime on a thread of this name, until the sender is dropped.
fn runtime(name: &str) -> (Handle, tokio::sync::oneshot::Sender<()>) {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let handle = runtime.handle().clone();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || runtime.block_on(stopped)).unwrap();
    (handle, stop)
}

#[tokio::test]
async fn connections_are_spread_evenly_and_stay_where_they_are() {
    let (one, _stop_one) = runtime("one");
    let (two, _stop_two) = runtime("two");
    let shutdown = Shutdown::new(Duration::from_secs(5));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(Whereabouts, shutdown.clone(), Limits::default());
    let served = tokio::spawn(async move { server.serve_on(Listener::Tcp(listener), &[one, two]).await });
    let mut clients = Vec::new();
    let mut seen = HashMap::new();
    for _ in 0..6 {
        let mut client = Client::connect(address).await;
        client.send(post("")).await;
        let place = client.answer().await.unwrap().body;
        *seen.entry(place.clone()).or_insert(0) += 1;
        clients.push((client, place));
    }
    assert_eq!(seen, HashMap::from([("one".to_owned(), 3), ("two".to_owned(), 3)]));
    for (client, place) in &mut clients {
        client.send(post("")).await;
        assert_eq!(client.answer().await.unwrap().body, *place);
    }
    shutdown.request();
    assert!(served.await.unwrap());
}
