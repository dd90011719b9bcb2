use std::io::BufReader;
use std::os::unix::net::UnixStream;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use runtime::{Invocation, Settings};

use super::*;

fn echo(event: &str, _: &Invocation) -> Result<String, Error> {
    match event {
        "panic" => panic!("as asked"),
        "refuse" => Err(Error::not_found("no object")),
        _ => Ok(format!("{{\"event\":{event:?}}}")),
    }
}

/// A processor as strict as the real one: it sends nothing before `s`, wants exactly one response for each event and takes no
/// other line, and no metric of zero.
struct Processor {
    input: BufReader<UnixStream>,
    output: UnixStream,
    wrapper: tokio::task::JoinHandle<io::Result<bool>>,
}

impl Processor {
    fn start(shutdown: Shutdown) -> Processor {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let runtime = Arc::new(Runtime::new(echo, "nuclio", &Settings::read(&|_| None).unwrap()));
        let input = BufReader::new(theirs.try_clone().unwrap());
        let wrapper = tokio::spawn(wrap(runtime, shutdown, input, theirs));
        Processor { input: BufReader::new(ours.try_clone().unwrap()), output: ours, wrapper }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.input.read_line(&mut line).unwrap();
        line
    }

    fn send(&mut self, line: &str) -> Value {
        self.output.write_all(format!("{line}\n").as_bytes()).unwrap();
        loop {
            let line = self.line();
            let value: Value = serde_json::from_str(&line[1..]).unwrap();
            match line.as_bytes()[0] {
                b'm' => assert!(value["duration"].as_f64().unwrap() > 0.0),
                b'r' => return value,
                other => panic!("the processor would fail on {other}"),
            }
        }
    }
}

fn event(body: &str) -> String {
    json!({
        "body": STANDARD.encode(body), "content-type": "text/plain", "fields": {}, "headers": { "X-A": "b" }, "id": "e1",
        "method": "POST", "path": "/", "size": 7, "timestamp": 1_795_227_481, "trigger": { "kind": "http", "name": "h" },
    })
    .to_string()
}

// The processor's side blocks, so it needs a thread beside the wrapper's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_has_one_response_after_the_start_signal() {
    let mut processor = Processor::start(Shutdown::new(Duration::ZERO));
    assert_eq!(processor.line(), "s\n");
    for sequence in 0..3 {
        let response = processor.send(&event("{}"));
        assert_eq!((&response["status_code"], &response["body_encoding"]), (&json!(200), &json!("text")));
        assert_eq!(response["body"], r#"{"event":"{}"}"#);
        assert_eq!(response["headers"]["X-Instance-Seq"], sequence.to_string());
    }
    for (line, status) in
        [(event("refuse"), 404), (event("panic"), 500), ("nonsense".to_owned(), 400), (String::new(), 400)]
    {
        let response = processor.send(&line);
        assert_eq!(response["status_code"], status, "{response}");
    }
    assert_eq!(processor.send(&event("x"))["status_code"], 200);
    // The end of the stream is the end of the wrapper.
    processor.output.shutdown(std::net::Shutdown::Both).unwrap();
    assert!(processor.wrapper.await.unwrap().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_answered_with_a_batch() {
    let mut processor = Processor::start(Shutdown::new(Duration::ZERO));
    assert_eq!(processor.line(), "s\n");
    let responses = processor.send(&format!("[{},{}]", event("a"), event("refuse")));
    let found: Vec<_> =
        responses.as_array().unwrap().iter().map(|one| (&one["event_id"], &one["status_code"])).collect();
    assert_eq!(found, [(&json!("e1"), &json!(200)), (&json!("e1"), &json!(404))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shutdown_ends_an_idle_wrapper_at_once() {
    let shutdown = Shutdown::new(Duration::from_secs(60));
    let mut processor = Processor::start(shutdown.clone());
    assert_eq!(processor.line(), "s\n");
    shutdown.request();
    assert!(processor.wrapper.await.unwrap().unwrap());
}
