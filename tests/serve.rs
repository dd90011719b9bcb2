//! `faasbench serve`: a platform behind HTTP, started and ended as a service is.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Installation, Running};

/// Where it listens, once it says so.
fn address(serving: &mut Running) -> String {
    serving.until(|serving| {
        let printed = serving.printed();
        let line = printed.lines().next()?;
        Some(line.split_once("http://")?.1.to_owned())
    })
}

/// One request on a connection of its own: status line, headers and body.
fn request(address: &str, method: &str, path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_platform_serves_over_http_until_it_is_ended() {
    for platform in ["wasm", "process"] {
        let installation = Installation::new();
        let arguments = ["serve", "function1", "function2", "--platform", platform, "--listen", "127.0.0.1:0"];
        let mut serving = installation.start(&arguments);
        let address = address(&mut serving);
        let answer = request(&address, "POST", "/function/function1", "x-call-id: mine\r\n", r#"{"sleep": 0.01}"#);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let lower = answer.to_lowercase();
        assert!(lower.contains("x-call-id: mine") && lower.contains("x-duration-seconds:"), "{answer}");
        assert!(answer.contains("\"function_name\":\"function1\""), "{answer}");
        let nested = r#"{"invoke_nested": [{"function_name": "function2", "invoke_payload": {}}]}"#;
        let answer = request(&address, "POST", "/function/function1", "", nested);
        assert!(answer.contains("\"function_name\":\"function2\""), "{answer}");
        assert!(request(&address, "POST", "/function/function9", "", "{}").starts_with("HTTP/1.1 404"));
        assert!(request(&address, "GET", "/healthz", "", "").starts_with("HTTP/1.1 200"));
        assert!(request(&address, "GET", "/metrics", "", "").contains("function1"));
        // What it deployed is in the ledger while it is there.
        let second = ["serve", "function1", "--platform", platform, "--listen", &address];
        installation.run(&second).fails_with(2, &[&address, "taken"]);
        serving.signal(Signal::TERM);
        let ended = serving.wait();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        installation.nothing_is_left();
        let removed = installation.run(&["undeploy", "--all"]);
        assert!(removed.succeeds().contains("nothing is deployed"), "{removed:?}");
    }
}

#[test]
fn beyond_this_machine_a_token_is_needed() {
    let installation = Installation::new();
    let ended = installation.run(&["serve", "function1", "--platform", "wasm", "--listen", "0.0.0.0:0"]);
    ended.fails_with(2, &["0.0.0.0", "token"]);
    let file = installation.work().join("token");
    std::fs::write(&file, "a secret of some length").unwrap();
    let ended = installation.run(&["serve", "function1", "--platform", "wasm", "--token-file", "token"]);
    ended.fails_with(2, &["token"]);
    assert!(!ended.stderr.contains("a secret"), "{ended:?}");
    installation.nothing_is_left();
}

#[test]
fn a_served_platform_that_is_killed_is_removed_by_its_ledger() {
    let installation = Installation::new();
    let arguments = ["serve", "function1", "--platform", "process", "--listen", "127.0.0.1:0", "--min", "1"];
    let mut serving = installation.start(&arguments);
    let address = address(&mut serving);
    assert!(request(&address, "POST", "/function/function1", "", "{}").starts_with("HTTP/1.1 200"));
    serving.signal(Signal::KILL);
    serving.wait();
    installation.run(&["undeploy", "--all"]).succeeds();
    installation.nothing_is_left();
}
