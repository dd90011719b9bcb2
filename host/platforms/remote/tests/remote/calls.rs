//! Calls of functions: their times, and that none is made twice.

use std::time::Duration;

use platform::PlatformError;
use remote_platform::header::{HOST, HeaderMap, HeaderValue};
use remote_platform::{Api, Authorization};

use crate::server::{Reply, Server, answer, answer_with};

const PATIENCE: Duration = Duration::from_secs(10);

async fn call(api: &Api, address: &str) -> Result<platform::Answer, PlatformError> {
    api.invoke("f", address, HeaderMap::new(), "{}".into(), false, PATIENCE).await
}

fn api(server: &Server) -> Api {
    Api::new("openfaas", &server.url(), Authorization::basic("admin", "sesame-street")).unwrap()
}

#[tokio::test]
async fn a_new_connections_time_is_known_and_a_kept_one_has_none() {
    let server = Server::start(|_, _| {
        answer_with("200 OK", "X-Instance-Id: a\r\nX-Instance-Seq: 0\r\nX-Instance-Uptime-Us: 7\r\n", "{\"a\":1}")
    })
    .await;
    let (api, address) = (api(&server), format!("{}/function/f?a=1", server.url()));
    let first = call(&api, &address).await.unwrap();
    let (connect, first_byte) = (first.timings.connect_ns.unwrap(), first.timings.first_byte_ns.unwrap());
    assert!(connect > 0 && connect <= first_byte && first_byte <= first.timings.total_ns, "{:?}", first.timings);
    assert!(first.instance.unwrap().is_cold());
    let second = call(&api, &address).await.unwrap();
    assert_eq!(second.timings.connect_ns, None);
    assert_eq!(server.connections(), 1);
    let request = &server.requests()[1];
    assert!(request.starts_with("POST /function/f?a=1 HTTP/1.1\r\n") && request.ends_with("\r\n\r\n{}"), "{request}");
}

#[tokio::test]
async fn credentials_go_along_only_when_they_should() {
    let server = Server::start(|_, _| answer("200 OK", "")).await;
    let api = api(&server);
    call(&api, &server.url()).await.unwrap();
    api.invoke("f", &server.url(), HeaderMap::new(), "".into(), true, PATIENCE).await.unwrap();
    let sent: Vec<_> =
        server.requests().iter().map(|request| request.to_lowercase().contains("authorization")).collect();
    assert_eq!(sent, [false, true]);
}

#[tokio::test]
async fn another_host_can_be_named() {
    let server = Server::start(|_, _| answer("200 OK", "")).await;
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("f.default.example.com"));
    api(&server).invoke("f", &server.url(), headers, "".into(), false, PATIENCE).await.unwrap();
    let request = server.requests()[0].to_lowercase();
    assert_eq!(request.matches("host: ").count(), 1, "{request}");
    assert!(request.contains("host: f.default.example.com\r\n"), "{request}");
}

#[tokio::test]
async fn a_kept_connection_that_ended_is_replaced() {
    let ending = || Reply::Close("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned());
    let server = Server::start(move |_, _| ending()).await;
    let api = api(&server);
    for _ in 0..5 {
        assert_eq!(&call(&api, &server.url()).await.unwrap().body[..], b"ok");
    }
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn a_call_that_breaks_half_way_is_not_made_again() {
    let server = Server::start(|number, _| {
        if number == 0 { answer("200 OK", "") } else { Reply::Close("HTTP/1.1 200 OK\r\nContent-Le".to_owned()) }
    })
    .await;
    let api = api(&server);
    call(&api, &server.url()).await.unwrap();
    let error = call(&api, &server.url()).await.unwrap_err();
    assert!(error.to_string().contains("calling f") && error.to_string().contains("broke"), "{error}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_call_without_an_answer_ends_with_the_callers_patience() {
    let server = Server::start(|_, _| Reply::Hang).await;
    let patience = Duration::from_millis(200);
    let called = api(&server).invoke("f", &server.url(), HeaderMap::new(), "".into(), false, patience).await;
    assert!(matches!(called, Err(PlatformError::NoAnswer { waited, .. }) if waited == patience));
}

#[tokio::test]
async fn a_functions_failure_is_an_answer() {
    for status in ["500 Internal Server Error", "503 Service Unavailable", "429 Too Many Requests"] {
        let server = Server::start(move |_, _| answer(status, "no")).await;
        let called = call(&api(&server), &server.url()).await.unwrap();
        assert!(status.starts_with(&called.status.to_string()));
        assert_eq!(server.requests().len(), 1, "a call is not repeated");
    }
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    let server = Server::start(|_, _| answer("200 OK", "")).await;
    for bad in ["/function/f", "ftp://127.0.0.1/", "http://"] {
        assert!(matches!(call(&api(&server), bad).await, Err(PlatformError::Invalid(_))), "{bad}");
    }
}

#[tokio::test]
async fn an_instance_tells_who_it_is_without_an_invocation() {
    let server =
        Server::start(|_, _| answer_with("200 OK", "X-Instance-Id: a\r\nX-Instance-Uptime-Us: 5000000\r\n", "ok"))
            .await;
    let before = remote_platform::Begin::now().unix_ns - 5_000_000_000;
    let address = format!("{}/_/health", server.url());
    let probe = api(&server).probe("f", &address, HeaderMap::new(), PATIENCE).await.unwrap();
    let seen = probe.instance.unwrap();
    assert_eq!((probe.status, seen.id.as_str()), (200, "a"));
    assert!((before..before + 4_000_000_000).contains(&seen.began_unix_ns), "{} {before}", seen.began_unix_ns);
    let request = server.requests()[0].to_lowercase();
    assert!(request.starts_with("get /_/health ") && !request.contains("authorization"), "{request}");
}
