//! The Runtime API, strict: `next` blocks until there is an event, a response is taken once and only for the event that was
//! given out.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Running, image, root_record};

/// One finished invocation: the path's end (`response` or `error`), whether a header says the error's type, and the body.
struct Finished {
    outcome: String,
    has_error_type: bool,
    body: Value,
}

struct RuntimeApi {
    address: String,
    events: mpsc::Sender<(String, Option<String>)>,
    finished: mpsc::Receiver<Finished>,
}

impl RuntimeApi {
    fn start() -> RuntimeApi {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (events, given) = mpsc::channel::<(String, Option<String>)>();
        let (done, finished) = mpsc::channel();
        // It ends with the test's process.
        std::thread::spawn(move || {
            let mut current = None;
            let mut count = 0;
            // One event at a time needs one connection at a time; the next one may be a new one.
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                while let Some((line, headers, body)) = read_request(&mut stream) {
                    let path = line.split(' ').nth(1).unwrap().strip_prefix("/2018-06-01/runtime/").unwrap().to_owned();
                    if path == "invocation/next" {
                        assert_eq!(current, None, "an event was not answered");
                        let Ok((event, trace)) = given.recv() else { return };
                        count += 1;
                        let id = format!("request-{count}");
                        let trace =
                            trace.map_or(String::new(), |trace| format!("Lambda-Runtime-Trace-Id: {trace}\r\n"));
                        let head = format!(
                            "Lambda-Runtime-Aws-Request-Id: {id}\r\nLambda-Runtime-Deadline-Ms: 4102444800000\r\n\
                             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:x:1:function:f\r\n{trace}"
                        );
                        current = Some(id);
                        answer(stream.get_mut(), "200 OK", &head, &event);
                    } else {
                        let (id, outcome) = path.strip_prefix("invocation/").unwrap().split_once('/').unwrap();
                        assert_eq!(current.take().as_deref(), Some(id), "an answer to no event");
                        let has_error_type = headers.contains("\r\nlambda-runtime-function-error-type: ");
                        let body = serde_json::from_str(&body).unwrap();
                        answer(stream.get_mut(), "202 Accepted", "", "{\"status\":\"OK\"}");
                        let _ = done.send(Finished { outcome: outcome.to_owned(), has_error_type, body });
                    }
                }
            }
        });
        RuntimeApi { address, events, finished }
    }

    fn invoke(&self, event: &str) -> Finished {
        self.events.send((event.to_owned(), None)).unwrap();
        self.finished.recv_timeout(Duration::from_secs(20)).unwrap()
    }
}

/// The request line, the headers in lower case and the body, chunked or not.
fn read_request(stream: &mut BufReader<TcpStream>) -> Option<(String, String, String)> {
    let mut line = String::new();
    if stream.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut headers = String::new();
    while !headers.ends_with("\r\n\r\n") && headers != "\r\n" {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        headers.push_str(&header.to_lowercase());
    }
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    if headers.contains("transfer-encoding: chunked") {
        loop {
            let mut size = String::new();
            stream.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            stream.read_exact(&mut chunk).unwrap();
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                break;
            }
        }
    }
    Some((line, headers, String::from_utf8(body).unwrap()))
}

fn answer(stream: &mut TcpStream, status: &str, head: &str, body: &str) {
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{head}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).unwrap();
}

fn bootstrap(api: &RuntimeApi) -> Running {
    Running::start(
        image()
            .env("AWS_LAMBDA_RUNTIME_API", &api.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "f")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
    )
}

#[test]
fn events_follow_each_other_and_errors_are_reported_as_such() {
    let api = RuntimeApi::start();
    let running = bootstrap(&api);
    for index in 1..=3 {
        let finished = api.invoke("{\"sleep\": 0}");
        assert_eq!(finished.outcome, "response");
        let record = root_record(&finished.body);
        assert_eq!(record["invocation_index"], index);
        assert_eq!((&record["platform"], &record["memory_limit_bytes"]), (&"lambda".into(), &(128 << 20).into()));
    }
    let finished = api.invoke("{\"sleep\": -1}");
    assert_eq!((finished.outcome.as_str(), &finished.body["errorType"]), ("error", &"Function.BadRequest".into()));
    assert!(finished.has_error_type);
    assert!(finished.body["errorMessage"].as_str().unwrap().contains("`sleep`"), "{}", finished.body);
    assert_eq!(api.invoke("[1]").outcome, "error");
    assert_eq!(api.invoke("{}").outcome, "response");
    // Between events nothing is unfinished.
    running.terminate();
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn a_function_urls_request_is_answered_as_http() {
    let api = RuntimeApi::start();
    let _running = bootstrap(&api);
    let url = |body: &str| {
        let event = serde_json::json!({
            "version": "2.0", "rawPath": "/", "headers": {}, "requestContext": { "http": { "method": "POST" } },
            "body": body, "isBase64Encoded": false,
        });
        api.invoke(&event.to_string())
    };
    let finished = url("{}");
    assert_eq!((finished.outcome.as_str(), &finished.body["statusCode"]), ("response", &200.into()));
    assert_eq!(finished.body["headers"]["X-Instance-Seq"], "0");
    assert_eq!(url("{\"sleep\": -1}").body["statusCode"], 400);
}

#[test]
fn an_invocation_that_was_begun_is_answered_after_sigterm() {
    let api = RuntimeApi::start();
    let running = bootstrap(&api);
    assert_eq!(api.invoke("{}").outcome, "response");
    api.events.send(("{\"sleep\": 0.4}".to_owned(), None)).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    running.terminate();
    assert_eq!(api.finished.recv_timeout(Duration::from_secs(20)).unwrap().outcome, "response");
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn without_the_services_variables_it_says_which_is_missing() {
    let output = image()
        .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
        .env("AWS_LAMBDA_FUNCTION_NAME", "f")
        .stderr(std::process::Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"));
}
