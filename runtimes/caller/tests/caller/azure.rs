//! Between an image and a server that stands for the sites of Azure Functions.

use std::path::Path;

use crate::program::{EVENT, Program, TRACE};
use crate::server::{Reaction, Server, Tls};

const KEY: &str = "Key-of-Calls==";

fn start(folder: &Path, url: &str, authority: Option<&Path>, key: Option<&str>) -> Program {
    let authority = authority.map(|file| ("SSL_CERT_FILE", file.to_str().unwrap()));
    let environment = [("FAASBENCH_CALLER", "azure"), ("FAASBENCH_CALLER_URL", url)];
    let key = key.map(|key| ("FAASBENCH_CALLER_KEY", key));
    Program::start(folder, environment.into_iter().chain(authority).chain(key))
}

#[test]
fn a_call_has_the_key_and_its_answer_or_error_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::new(folder.path());
    let own = r#"{"error":{"type":"limit","message":"as asked"}}"#;
    let server = Server::start(
        Some(&tls),
        [
            Reaction::status(200, r#"{"b":2}"#),
            Reaction::status(413, own),
            Reaction::status(401, ""),
            Reaction::status(503, "Function host is not\n running."),
            Reaction::status(302, ""),
        ],
    );
    let url = format!("{}/api/{{name}}", server.url());
    let caller = start(folder.path(), &url, Some(&tls.authority), Some(KEY));
    assert_eq!(caller.call("function2"), (200, r#"{"b":2}"#.to_owned()));
    assert_eq!(caller.call("function2"), (413, own.to_owned()), "a function's own error stays as it is");
    let (status, body) = caller.call("function2");
    assert!(status == 401 && body.contains("\"denied\"") && body.contains("another key"), "{status} {body}");
    assert!(!body.contains(KEY), "{body}");
    let (status, body) = caller.call("function2");
    assert!(status == 503 && body.contains("\"unavailable\"") && body.contains("host is not running."), "{body}");
    let (status, body) = caller.call("function2");
    assert!(status == 502 && body.contains("status 302"), "a redirection is not followed: {status} {body}");
    let first = server.seen().remove(0);
    assert!(first.starts_with("post /api/function2 http/1.1\r\n") && first.ends_with(EVENT), "{first}");
    for line in [
        format!("x-functions-key: {}\r\n", KEY.to_lowercase()),
        format!("traceparent: {TRACE}\r\n"),
        "tracestate: a=b\r\n".to_owned(),
        "content-type: application/json\r\n".to_owned(),
    ] {
        assert!(first.contains(&line), "{line} is not in {first}");
    }
}

#[test]
fn without_a_key_none_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::new(folder.path());
    let server = Server::start(Some(&tls), [Reaction::status(200, "{}")]);
    let url = format!("{}/{{name}}", server.url());
    assert_eq!(start(folder.path(), &url, Some(&tls.authority), None).call("f").0, 200);
    assert!(!server.seen()[0].contains("x-functions-key"));
}

#[test]
fn a_server_that_is_not_trusted_is_sent_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::new(folder.path());
    let server = Server::start(Some(&tls), [Reaction::status(200, "{}")]);
    let url = format!("{}/{{name}}", server.url());
    let (status, body) = start(folder.path(), &url, None, Some(KEY)).call("f");
    assert!(status == 503 && body.contains("certificate"), "{status} {body}");
    assert_eq!(server.seen(), [""]);
}

#[test]
fn an_image_that_gives_up_takes_its_call_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::new(folder.path());
    let server = Server::start(Some(&tls), [Reaction::Hang, Reaction::status(200, "{}")]);
    let url = format!("{}/{{name}}", server.url());
    let caller = start(folder.path(), &url, Some(&tls.authority), Some(KEY));
    let waiting = caller.send("POST /f HTTP/1.1\r\n", "{}");
    server.wait_until_it_hangs();
    drop(waiting);
    // It takes another connection only when the one before has gone.
    assert_eq!(caller.call("f").0, 200);
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn what_is_no_call_or_cannot_be_sent_safely_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let caller = start(folder.path(), "https://lab-{name}.azurewebsites.invalid/api/{name}", None, Some(KEY));
    for name in ["", "a_b", "a/b", "a.b", "a%2fb", "a@b", &"x".repeat(61)] {
        let (status, body) = caller.call(name);
        assert!(status == 400 && body.contains("POST /FUNCTION"), "{name} {status} {body}");
    }
    let told =
        |variables: [(&str, &str); 2]| Program::refused([("FAASBENCH_CALLER", "azure")].into_iter().chain(variables));
    let plain = told([("FAASBENCH_CALLER_URL", "http://lab/{name}"), ("FAASBENCH_CALLER_KEY", KEY)]);
    assert!(plain.contains("https://HOST") && !plain.contains(KEY), "{plain}");
    let odd = told([("FAASBENCH_CALLER_URL", "https://lab/{name}"), ("FAASBENCH_CALLER_KEY", "odd\nkey")]);
    assert!(odd.contains("FAASBENCH_CALLER_KEY") && !odd.contains("odd"), "{odd}");
}
