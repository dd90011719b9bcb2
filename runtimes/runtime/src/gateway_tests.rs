use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::Trace;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Serves one connection with `answer`, and returns what came of the call and what the server was sent.
async fn call_against(answer: &'static str, variables: &'static [(&str, &str)]) -> (Result<String, Error>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/function/{{name}}", listener.local_addr().unwrap());
    let settings = Settings::read(&|name| {
        let other = variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        if name == "FAASBENCH_INVOKE_URL" { Some(url.clone()) } else { other }
    });
    let gateway = Gateway::new(&settings.unwrap(), Handle::current()).unwrap().unwrap();
    let context = Context { trace: Trace::new(Some(TRACE), None), ..Context::default() };
    let call = tokio::task::spawn_blocking(move || gateway.call("function2", r#"{"sleep": 0}"#, &context));
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"}") {
        stream.read_buf(&mut seen).await.unwrap();
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    // Without an answer the connection stays open, or the call would end by that.
    let open = answer.is_empty().then_some(stream);
    let answer = call.await.unwrap();
    drop(open);
    (answer, String::from_utf8(seen).unwrap())
}

#[tokio::test]
async fn a_call_carries_the_event_the_trace_and_the_authorization() {
    let (answer, seen) = call_against(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n",
        &[("FAASBENCH_INVOKE_AUTHORIZATION", "Bearer x")],
    )
    .await;
    assert_eq!(answer.unwrap(), "{\"a\":1}");
    assert!(seen.starts_with("POST /function/function2 HTTP/1.1\r\n"), "{seen}");
    let lower = seen.to_lowercase();
    for line in [format!("traceparent: {TRACE}\r\n"), "authorization: bearer x\r\n".to_owned()] {
        assert!(lower.contains(&line), "{seen}");
    }
}

#[tokio::test]
async fn a_call_over_a_unix_socket_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("others.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let url = format!("unix:{}:/function/{{name}}", socket.display());
    let settings = Settings::read(&|name| (name == "FAASBENCH_INVOKE_URL").then(|| url.clone())).unwrap();
    let gateway = Gateway::new(&settings, Handle::current()).unwrap().unwrap();
    let call = tokio::task::spawn_blocking(move || gateway.call("function2", "{}", &Context::default()));
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"{}") {
        stream.read_buf(&mut seen).await.unwrap();
    }
    assert!(seen.starts_with(b"POST /function/function2 HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&seen));
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull").await.unwrap();
    assert_eq!(call.await.unwrap().unwrap(), "null");
}

#[tokio::test]
async fn a_helper_is_started_with_the_socket_by_the_first_call() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let (socket, program) = (folder.path().join("calls.sock"), folder.path().join("helper"));
    let begun = folder.path().join("begun");
    // It can't serve the socket, but tells that it was given one, and ends.
    let script = format!("#!/bin/sh\nreadlink /proc/self/fd/0 >> {}\n", begun.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let gateway = |program: &std::path::Path| {
        let url = format!("unix:{}:/{{name}}", socket.display());
        let program = program.display().to_string();
        let settings = Settings::read(&move |name| match name {
            "FAASBENCH_INVOKE_URL" => Some(url.clone()),
            "FAASBENCH_INVOKE_HELPER" => Some(program.clone()),
            _ => None,
        });
        Gateway::new(&settings.unwrap(), Handle::current()).unwrap().unwrap()
    };
    let helped = gateway(&program);
    assert!(!begun.exists(), "nothing is started before it is needed");
    let calls = tokio::task::spawn_blocking(move || {
        [helped.call("f", "{}", &Context::default()), helped.call("f", "{}", &Context::default())]
    });
    for answer in calls.await.unwrap() {
        assert_eq!(answer.unwrap_err().kind, ErrorKind::Unavailable);
    }
    let told = std::fs::read_to_string(&begun).unwrap();
    // Once more by the second call, when the end of the first was known by then.
    assert!(told.lines().all(|line| line.starts_with("socket:")) && (1..=2).contains(&told.lines().count()), "{told}");
    let missing = gateway(&folder.path().join("none"));
    let refused = tokio::task::spawn_blocking(move || missing.call("f", "{}", &Context::default())).await.unwrap();
    assert!(refused.unwrap_err().message.contains("can't be started"));
}

#[tokio::test]
async fn an_answer_that_says_it_is_an_error_is_one_whatever_its_status() {
    let body = "HTTP/1.1 200 OK\r\nX-Amz-Function-Error: Unhandled\r\nContent-Length: 55\r\n\r\n{\"errorType\":\"Function.NotFound\",\"errorMessage\":\"gone\"}";
    let (answer, _) = call_against(body, &[]).await;
    assert_eq!(answer.unwrap_err(), Error::not_found("gone"));
    let body = "HTTP/1.1 200 OK\r\nX-Amz-Function-Error: Unhandled\r\nContent-Length: 5\r\n\r\n\"bad\"";
    let error = call_against(body, &[]).await.0.unwrap_err();
    assert!(error.kind == ErrorKind::Internal && error.message.contains("bad"), "{error:?}");
}

#[tokio::test]
async fn an_error_of_the_callee_keeps_its_kind_and_its_message() {
    let body = "HTTP/1.1 400 Bad Request\r\nContent-Length: 54\r\n\r\n{\"error\":{\"type\":\"bad-request\",\"message\":\"no number\"}}";
    let (answer, _) = call_against(body, &[]).await;
    assert_eq!(answer.unwrap_err(), Error::bad_request("no number"));
}

#[tokio::test]
async fn other_answers_become_errors_of_the_kind_that_their_status_tells() {
    for (answer, kind, said) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", ErrorKind::NotFound, "status 404: gone"),
        ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", ErrorKind::Denied, "status 401"),
        ("HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n", ErrorKind::Limit, "status 429"),
        ("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", ErrorKind::Unavailable, "status 503"),
        ("HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n{}", ErrorKind::Internal, "status 500: {}"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", ErrorKind::Unavailable, "reading the answer"),
        ("nonsense\r\n\r\n", ErrorKind::Unavailable, "calling"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", ErrorKind::Unavailable, "reading the answer"),
    ] {
        let (answer, _) = call_against(answer, &[]).await;
        let error = answer.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(said), "{error}");
    }
}

#[tokio::test]
async fn a_callee_that_does_not_answer_is_given_up() {
    let (answer, _) = call_against("", &[("FAASBENCH_INVOKE_TIMEOUT_MS", "30")]).await;
    let error = answer.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("within 30 ms"), "{error}");
}

#[test]
fn a_template_has_a_place_for_the_name_and_no_tls() {
    for text in [
        "http://gateway:8080/function/{name}",
        "http://{name}.default.example/",
        "http://[::1]/{name}?a=b",
        "unix:/run/s.sock:/{name}",
    ] {
        assert!(text.parse::<UrlTemplate>().is_ok(), "{text}");
    }
    for text in [
        "",
        "{name}",
        "http://gateway/",
        "https://gateway/{name}",
        "unix:/{name}",
        "unix:/run/s.sock:/",
        "unix:s.sock:/{name}",
        "http://a b/{name}",
    ] {
        assert!(text.parse::<UrlTemplate>().is_err(), "{text}");
    }
}

#[test]
fn a_name_can_change_nothing_but_its_place() {
    let template: UrlTemplate = "http://gateway/function/{name}".parse().unwrap();
    assert_eq!(template.url("dep-function1").unwrap(), "http://gateway/function/dep-function1");
    for name in ["", "..", "a/b", "a?b", "a#b", "a b", "a%2fb", "ä", "a\r\nb", "@evil"] {
        assert!(template.url(name).is_err(), "{name}");
    }
}
