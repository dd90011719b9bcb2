//! The end of a server.

use std::time::Duration;

use http_protocol::Limits;
use tokio::net::TcpStream;

use crate::client::{Client, post, server};

#[tokio::test]
async fn what_was_taken_is_finished_and_the_rest_closed_at_once() {
    let server = server(Limits::default(), Duration::from_secs(60)).await;
    let mut unused = Client::connect(server.address).await;
    let mut idle = Client::connect(server.address).await;
    idle.send(post("7")).await;
    assert!(idle.answer().await.is_some());
    let mut half = Client::connect(server.address).await;
    half.send("POST / HT").await;
    let mut busy = Client::connect(server.address).await;
    busy.send(post("sleep")).await;
    // Long enough for the request to be taken, and shorter than it takes.
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.shutdown.request();
    assert!(unused.is_closed().await && idle.is_closed().await && half.is_closed().await);
    assert!(TcpStream::connect(server.address).await.is_err());
    let answer = busy.answer().await.unwrap();
    assert_eq!(answer.body, "\"slept\"");
    assert!(busy.is_closed().await);
    assert!(server.served.await.unwrap());
}

#[tokio::test]
async fn what_is_not_finished_within_the_grace_is_given_up() {
    let server = server(Limits::default(), Duration::from_millis(20)).await;
    let mut busy = Client::connect(server.address).await;
    busy.send(post("sleep")).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.shutdown.request();
    assert!(!server.served.await.unwrap());
}
