//! What a failing server leads to.

use std::time::{Duration, Instant};

use platform::PlatformError;
use remote_platform::{Api, ApiRequest, Method};
use serde_json::json;
use tokio::net::TcpListener;

use crate::server::{Reply, Server, answer, answer_with};

fn api(server: &Server) -> Api {
    Api::new("openfaas", &server.url(), None).unwrap()
}

fn get() -> ApiRequest {
    ApiRequest::new("listing functions", Method::GET, "/functions")
}

fn post() -> ApiRequest {
    ApiRequest::new("creating f", Method::POST, "/functions").json(json!({"name": "f"}))
}

#[tokio::test]
async fn where_nothing_listens_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let api = Api::new("openfaas", &format!("http://{address}"), None).unwrap();
    let error = api.call(&post()).await.unwrap_err();
    assert!(matches!(error, PlatformError::Unreachable { .. }));
    let said = error.to_string();
    assert!(said.contains(&address.to_string()) && said.contains("creating f") && said.contains("refused"), "{said}");
}

#[tokio::test]
async fn a_server_that_hangs_is_waited_for_so_long_only() {
    let server = Server::start(|_, _| Reply::Hang).await;
    let begin = Instant::now();
    let error = api(&server).with_patience(Duration::from_millis(300)).call(&get()).await.unwrap_err();
    assert!(error.to_string().contains("no answer") && error.to_string().contains("0.3 s"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(server.requests().len(), 1, "what may still be done is not asked for again");
}

#[tokio::test]
async fn an_answer_that_ends_half_way_is_asked_for_again_where_it_can_be() {
    let half = || Reply::Close("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\":".to_owned());
    let server = Server::start(move |number, _| if number < 2 { half() } else { answer("200 OK", "[]") }).await;
    let response = api(&server).ask(&get(), &[]).await.unwrap();
    assert_eq!((response.repetitions, &response.body[..]), (2, &b"[]"[..]));

    let server = Server::start(move |_, _| half()).await;
    let error = api(&server).ask(&post(), &[]).await.unwrap_err();
    assert!(matches!(&error, PlatformError::Unreachable { reason, .. } if reason.contains("broke")), "{error}");
    assert_eq!(server.requests().len(), 1, "creating is not repeated");
}

#[tokio::test]
async fn what_it_says_of_its_failure_is_shown() {
    let server = Server::start(|_, _| answer("500 Internal Server Error", "no disk left")).await;
    let error = api(&server).ask(&get(), &[]).await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("listing functions") && said.contains("500") && said.contains("no disk left"), "{said}");
    assert_eq!(server.requests().len(), 1, "a failure of its own is not repeated");
}

#[tokio::test]
async fn credentials_that_do_not_do_are_told_apart() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let server = Server::start(move |_, _| answer(status, "who are you")).await;
        let error = api(&server).ask(&get(), &[]).await.unwrap_err();
        assert!(matches!(&error, PlatformError::Denied { advice, .. } if advice.contains("credentials")), "{error}");
    }
}

#[tokio::test]
async fn a_clock_that_differs_is_named_as_the_reason() {
    let date = "Date: Sat, 01 Jan 2000 00:00:00 GMT\r\n";
    let server = Server::start(move |_, _| answer_with("403 Forbidden", date, "signature expired")).await;
    let error = api(&server).ask(&get(), &[]).await.unwrap_err().to_string();
    assert!(error.contains("set this machine's clock") && error.contains("ahead of"), "{error}");
}

#[tokio::test]
async fn a_busy_server_is_asked_so_often_only_and_that_is_counted() {
    for status in ["429 Too Many Requests", "503 Service Unavailable"] {
        let server =
            Server::start(move |number, _| if number < 1 { answer(status, "later") } else { answer("200 OK", "[]") })
                .await;
        assert_eq!(api(&server).ask(&get(), &[]).await.unwrap().repetitions, 1);
    }
    let server = Server::start(|_, _| answer("503 Service Unavailable", "later")).await;
    let busy = api(&server);
    let response = busy.clone().call(&get()).await.unwrap();
    assert_eq!((response.repetitions, response.status.as_u16()), (3, 503));
    assert_eq!(busy.repeated(), 3);
    assert!(response.refusal().to_string().contains("after 3 repetitions"));
    assert_eq!(server.requests().len(), 4);

    let server = Server::start(|_, _| answer("503 Service Unavailable", "later")).await;
    assert_eq!(api(&server).call(&post()).await.unwrap().repetitions, 0);
    assert_eq!(server.requests().len(), 1, "creating is not repeated");
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_kept() {
    let server = Server::start(|number, _| {
        if number < 1 { answer_with("429 Too Many Requests", "Retry-After: 1\r\n", "") } else { answer("200 OK", "") }
    })
    .await;
    let begin = Instant::now();
    assert_eq!(api(&server).ask(&get(), &[]).await.unwrap().repetitions, 1);
    assert!(begin.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_body_that_is_not_json_is_shown() {
    let server = Server::start(|_, _| answer("200 OK", "<html>welcome</html>")).await;
    let response = api(&server).ask(&get(), &[]).await.unwrap();
    let said = response.json::<Vec<String>>().unwrap_err().to_string();
    assert!(said.contains("listing functions") && said.contains("<html>welcome"), "{said}");
}

#[tokio::test]
async fn it_does_not_follow_to_another_place() {
    let server = Server::start(|_, _| answer_with("302 Found", "Location: https://127.0.0.1:1/login\r\n", "")).await;
    let error = api(&server).ask(&get(), &[]).await.unwrap_err().to_string();
    assert!(error.contains("https://127.0.0.1:1/login") && error.contains("endpoint"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn answers_without_success_can_be_wanted() {
    let server = Server::start(|_, _| answer("404 Not Found", "")).await;
    assert_eq!(api(&server).ask(&get(), &[404]).await.unwrap().status.as_u16(), 404);
}

#[test]
fn what_is_no_endpoint_is_refused() {
    for bad in ["", "gateway", "ftp://host", "http://", "unix:/x", "http://host/?a=1", "http://host/#a"] {
        let error = Api::new("openfaas", bad, None).unwrap_err();
        assert!(matches!(&error, PlatformError::Invalid(said) if said.contains("endpoint")), "{bad}: {error}");
    }
}
