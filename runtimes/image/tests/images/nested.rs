//! Functions that call each other through a gateway.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use crate::process::{Running, free_port, image, named_image, post, root_record};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A gateway that passes `/function/function2` on to a port, keeps the heads of what it passed, and knows no other function.
fn gateway(function2: u16) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heads, seen) = mpsc::channel();
    // It ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, heads) = (stream.unwrap(), heads.clone());
            std::thread::spawn(move || {
                let mut read = Vec::new();
                let mut buffer = [0; 4096];
                let (head, body) = loop {
                    let count = stream.read(&mut buffer).unwrap();
                    read.extend_from_slice(&buffer[..count]);
                    let text = String::from_utf8(read.clone()).unwrap();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let head = head.to_lowercase();
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                    if body.len() == length.parse::<usize>().unwrap() {
                        break (head.clone(), body.to_owned());
                    }
                };
                let answer = if head.starts_with("post /function/function2 ") {
                    let answer = post(function2, "/", "", &body);
                    let body = answer.body;
                    format!(
                        "HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                        answer.status,
                        body.len()
                    )
                } else {
                    "HTTP/1.1 404 X\r\nConnection: close\r\nContent-Length: 7\r\n\r\nunknown".to_owned()
                };
                // A test that is over needs no heads.
                let _ = heads.send(head);
                stream.write_all(answer.as_bytes()).unwrap();
            });
        }
    });
    (port, seen)
}

#[test]
fn nested_calls_go_through_the_gateway_with_the_callers_trace() {
    let (first, second) = (free_port(), free_port());
    let (gateway, heads) = gateway(second);
    let _second = Running::start(named_image("function2").env("FAASBENCH_LISTEN", format!("127.0.0.1:{second}")));
    let _first = Running::start(
        image()
            .env("FAASBENCH_LISTEN", format!("127.0.0.1:{first}"))
            .env("FAASBENCH_INVOKE_URL", format!("http://127.0.0.1:{gateway}/function/{{name}}")),
    );
    for parallel in [false, true] {
        let event = format!(
            r#"{{"parallel":{parallel},"invoke_nested":[
                {{"function_name":"deployment-function2","invoke_payload":{{"sleep":0.01}}}},
                {{"function_name":"function2","invoke_payload":{{"sleep":"x"}}}},
                {{"function_name":"function3","invoke_payload":{{}}}}]}}"#
        );
        let answer = post(first, "/", &format!("traceparent: {TRACE}\r\n"), &event);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let records = answer.json()["records"].clone();
        let nested: Vec<_> = records.as_object().unwrap().values().filter(|record| record["level"] == 1).collect();
        assert_eq!(nested.len(), 3, "{}", answer.body);
        let kinds: Vec<_> = nested.iter().map(|record| record["error"]["type"].as_str().unwrap_or("none")).collect();
        for kind in ["none", "bad-request", "not-found"] {
            assert!(kinds.contains(&kind), "{kinds:?}");
        }
        assert!(nested.iter().all(|record| record["parent"] == root_record(&answer.json())["identifier"]));
        for head in heads.iter().take(3) {
            assert!(head.contains(&format!("traceparent: {TRACE}")), "{head}");
        }
    }
}
