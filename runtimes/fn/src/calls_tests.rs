use http_protocol::{Limits, Listener, Server};
use lab::Error;
use runtime::{Invocation, Settings, Shutdown};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;
use crate::listen;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Answers with what it was told, or as the event asks.
fn told(event: &str, invocation: &Invocation) -> Result<String, Error> {
    match event {
        "refuse" => Err(Error::bad_request("no")),
        "panic" => panic!("as asked"),
        "wait" => {
            std::thread::sleep(Duration::from_millis(300));
            Ok("{}".to_owned())
        }
        _ => Ok(format!("[{event:?},{:?},{:?}]", invocation.context.request_id, invocation.context.trace.parent())),
    }
}

/// An agent as strict as the real one: it connects the moment the name appears, keeps one connection, and ends the container
/// on any status but 200, 502 and 504.
struct Agent {
    stream: UnixStream,
    _folder: tempfile::TempDir,
}

impl Agent {
    async fn start() -> Agent {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lsnr.sock");
        let socket = listen(&format!("unix:{}", path.display()), Some("http-stream")).unwrap();
        let stream = UnixStream::connect(&path).await.unwrap();
        let runtime = Arc::new(Runtime::new(told, "fn", &Settings::read(&|_| None).unwrap()));
        let server = Server::new(FnService::new(runtime, None), Shutdown::new(Duration::ZERO), Limits::default());
        tokio::spawn(server.serve(Listener::Unix(socket)));
        Agent { stream, _folder: folder }
    }

    /// One call: its status, its head in lower case and its body.
    async fn call(&mut self, headers: &str, event: &str) -> (u16, String, String) {
        let request = format!(
            "POST /call HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nFn-Call-Id: 01M7\r\n{headers}\r\n{:x}\r\n{event}\r\n0\r\n\r\n",
            event.len()
        );
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        loop {
            self.stream.read_buf(&mut read).await.unwrap();
            let text = String::from_utf8(read.clone()).unwrap();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                let status = head[9..12].parse().unwrap();
                assert!([200, 502, 504].contains(&status), "the agent would end the container: {head}");
                return (status, head, body.to_owned());
            }
        }
    }
}

#[tokio::test]
async fn calls_follow_each_other_on_one_connection() {
    let mut agent = Agent::start().await;
    for sequence in 0..3 {
        let (status, head, body) = agent.call(&format!("Traceparent: {TRACE}\r\n"), "{}").await;
        assert_eq!(status, 200);
        assert_eq!(body, format!("[\"{{}}\",Some(\"01M7\"),Some({TRACE:?})]"));
        for line in
            [&format!("x-instance-seq: {sequence}"), "fn-fdk-version: faasbench/", "content-type: application/json"]
        {
            assert!(head.contains(line), "{head}");
        }
    }
}

#[tokio::test]
async fn a_trigger_passes_only_prefixed_headers_both_ways() {
    let mut agent = Agent::start().await;
    let headers = format!("Fn-Intent: httprequest\r\nFn-Http-Method: POST\r\nFn-Http-H-Traceparent: {TRACE}\r\n");
    let (status, head, body) = agent.call(&headers, "{}").await;
    assert!(status == 200 && body.contains(TRACE), "{body}");
    assert!(head.contains("fn-http-status: 200") && head.contains("fn-http-h-x-instance-seq: 0"), "{head}");
    assert!(!head.contains("\r\nx-instance-seq"), "{head}");
    let (status, head, _) = agent.call(&headers, "refuse").await;
    assert!(status == 502 && head.contains("fn-http-status: 400"), "{head}");
}

#[tokio::test]
async fn a_function_that_fails_keeps_its_container() {
    let mut agent = Agent::start().await;
    for (event, said) in [("refuse", "bad-request"), ("panic", "as asked")] {
        let (status, _, body) = agent.call("", event).await;
        assert!(status == 502 && body.contains(said), "{body}");
    }
    assert_eq!(agent.call("", "{}").await.0, 200);
}

#[tokio::test]
async fn at_the_deadline_the_answer_is_504() {
    let mut agent = Agent::start().await;
    let (status, _, _) = agent.call("Fn-Deadline: 2026-01-01T00:00:00Z\r\n", "wait").await;
    assert_eq!(status, 504);
    for deadline in ["2099-11-21T02:18:05Z", "2099-11-21T02:18:05.123Z", "soon", ""] {
        let (status, _, body) = agent.call(&format!("Fn-Deadline: {deadline}\r\n"), "{}").await;
        assert_eq!(status, 200, "{deadline}: {body}");
    }
}
