//! Nested calls between served instances.

use serde_json::{Value, json};

use crate::client::{post, request};
use crate::host::Kind;

/// The record of the root, and those of its children in the order of their calls.
fn records(answer: &Value) -> (Value, Vec<Value>) {
    let root = answer["identifier"].as_str().unwrap();
    let records = answer["records"].as_object().unwrap();
    let mut children: Vec<_> = records.values().filter(|record| record["parent"] == root).cloned().collect();
    children.sort_by_key(|record| record["invocation_start_ns"].as_u64());
    (records[root].clone(), children)
}

fn calls(event: &Value, count: usize, parallel: bool) -> String {
    let call = json!({ "function_name": "function2", "invoke_payload": event });
    json!({ "invoke_nested": vec![call; count], "parallel": parallel }).to_string()
}

#[test]
fn calls_run_one_after_another_or_all_at_once() {
    for kind in Kind::all() {
        let callee = kind.serve("function2", &[("FAASBENCH_PLATFORM", "callee")]);
        let url = format!("http://{}/function/{{name}}", callee.address());
        let caller = kind.serve("function1", &[("FAASBENCH_INVOKE_URL", &url)]);
        for (parallel, count) in [(false, 3), (true, 5)] {
            let answer = post(caller.address(), &calls(&json!({ "sleep": 0.3 }), count, parallel));
            assert_eq!(answer.status, 200, "{answer:?}");
            let (root, children) = records(&answer.json());
            assert_eq!(children.len(), count, "{answer:?}");
            for child in &children {
                assert_eq!((&child["platform"], &child["level"]), (&json!("callee"), &json!(1)), "{child}");
                assert!(child["invocation_us"].as_u64().unwrap() >= 300_000);
            }
            // Each sleeps on its own while the others do, however slow the machine is.
            let begun_last = children.iter().map(|child| child["execution_start_ns"].as_u64().unwrap()).max().unwrap();
            let ended_first = children.iter().map(|child| child["execution_end_ns"].as_u64().unwrap()).min().unwrap();
            assert_eq!(begun_last < ended_first, parallel, "{children:?}");
            assert!(root["execution_us"].as_u64().unwrap() >= 300_000);
        }
    }
}

#[test]
fn a_callees_error_is_its_own() {
    for kind in Kind::all() {
        let callee = kind.serve("function2", &[]);
        let url = format!("http://{}/{{name}}", callee.address());
        let caller = kind.serve("function1", &[("FAASBENCH_INVOKE_URL", &url)]);
        let answer = post(caller.address(), &calls(&json!({ "sleep": "long" }), 1, false));
        let (_, children) = records(&answer.json());
        assert_eq!(children[0]["error"]["type"], "bad-request");
        assert!(children[0]["error"]["message"].as_str().unwrap().contains("`sleep`"));
    }
}

#[test]
fn what_can_not_be_called_is_told() {
    let unused = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let refused = format!("http://{unused}/{{name}}");
    for kind in Kind::all() {
        // Variables, the error's type, and what its message says.
        type Case<'a> = (Vec<(&'a str, &'a str)>, &'a str, &'a str);
        let mut cases: Vec<Case<'_>> = vec![
            (vec![], "denied", "FAASBENCH_INVOKE_URL"),
            (vec![("FAASBENCH_INVOKE_URL", "http://here/")], "denied", "{name}"),
            (vec![("FAASBENCH_INVOKE_URL", &refused)], "unavailable", "127.0.0.1"),
        ];
        // It takes connections, and never answers.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/{{name}}", silent.local_addr().unwrap());
        cases.push((vec![("FAASBENCH_INVOKE_URL", &url), ("FAASBENCH_INVOKE_TIMEOUT_MS", "300")], "unavailable", "in"));
        for (variables, error, said) in cases {
            let caller = kind.serve("function1", &variables);
            for parallel in [false, true] {
                let answer = post(caller.address(), &calls(&json!({}), 2, parallel));
                assert_eq!(answer.status, 200);
                let (_, children) = records(&answer.json());
                assert_eq!(children.len(), 2);
                for child in children {
                    let message = child["error"]["message"].as_str().unwrap();
                    assert_eq!(child["error"]["type"], error, "{kind:?}: {message}");
                    assert!(message.contains(said), "{kind:?}: {message}");
                }
            }
        }
    }
}

#[test]
fn a_large_event_reaches_the_callee_whole() {
    for kind in Kind::all() {
        let callee = kind.serve("function2", &[]);
        let url = format!("http://{}/{{name}}", callee.address());
        let caller = kind.serve("function1", &[("FAASBENCH_INVOKE_URL", &url)]);
        let event = json!({ "more": "x".repeat(2 << 20) });
        let answer = post(caller.address(), &calls(&event, 2, true));
        let (_, children) = records(&answer.json());
        assert_eq!(children.len(), 2);
        assert!(children.iter().all(|child| child.get("error").is_none()), "{children:?}");
    }
}

#[test]
fn the_trace_and_the_authorization_are_passed_on() {
    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for kind in Kind::all() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/called/{{name}}?a=b", listener.local_addr().unwrap());
        let variables = [("FAASBENCH_INVOKE_URL", url.as_str()), ("FAASBENCH_INVOKE_AUTHORIZATION", "Bearer t")];
        let caller = kind.serve_with_environment("function1", &variables);
        let seen = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut seen = Vec::new();
            let mut buffer = [0; 4096];
            while !seen.ends_with(b"}") {
                let count = std::io::Read::read(&mut stream, &mut buffer).unwrap();
                assert!(count > 0);
                seen.extend_from_slice(&buffer[..count]);
            }
            let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";
            std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
            String::from_utf8(seen).unwrap().to_lowercase()
        });
        let headers = [("traceparent", TRACE), ("tracestate", "a=b"), ("cookie", "c")];
        let event = calls(&json!({}), 1, false);
        let answer = request(caller.address(), "POST", "/", &headers, event.as_bytes());
        let seen = seen.join().unwrap();
        assert!(seen.starts_with("post /called/function2?a=b http/1.1\r\n"), "{seen}");
        for header in
            [&format!("traceparent: {TRACE}"), "tracestate: a=b", "authorization: bearer t", "content-length: "]
        {
            assert!(seen.contains(&header.to_lowercase()), "{seen}");
        }
        assert!(!seen.contains("cookie"), "{seen}");
        let (_, children) = records(&answer.json());
        assert_eq!(children[0]["error"]["type"], "denied");
        assert_eq!(children[0]["error"]["message"], "`function2` answered with status 403: no");
    }
}
