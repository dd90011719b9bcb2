//! The program itself, between an image and a server that stands for Lambda.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The program with its socket; it ends with this.
struct Caller {
    process: Child,
    socket: PathBuf,
}

impl Caller {
    fn start(folder: &Path, endpoint: &str) -> Caller {
        let socket = folder.join("calls.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_faasbench-caller"))
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .env_clear()
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "hidden")
            .env("AWS_SESSION_TOKEN", "of-the-role")
            .env("FAASBENCH_LAMBDA_ENDPOINT", endpoint)
            .spawn()
            .unwrap();
        Caller { process, socket }
    }

    /// One request, as an image makes it; the status and the body of the answer.
    fn request(&self, head: &str, body: &str) -> (u16, String) {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        write!(stream, "{head}Host: localhost\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn call(&self, function: &str) -> (u16, String) {
        self.request(&format!("POST /{function} HTTP/1.1\r\ntraceparent: {TRACE}\r\n"), r#"{"a":1}"#)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Answers one request on each of some connections; what it was sent, in lower case.
fn lambda(answers: Vec<&'static str>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let serve = |answer: &str| {
            let (mut stream, _) = listener.accept().unwrap();
            let seen = read(&stream);
            stream.write_all(answer.as_bytes()).unwrap();
            seen
        };
        answers.into_iter().map(serve).collect()
    });
    (endpoint, serving)
}

fn read(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut seen = String::new();
    while !seen.ends_with("\r\n\r\n") {
        reader.read_line(&mut seen).unwrap();
    }
    let seen = seen.to_lowercase();
    let length = seen.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    seen + &String::from_utf8(body).unwrap()
}

#[test]
fn a_call_is_signed_and_its_answer_or_error_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let (endpoint, serving) = lambda(vec![
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 7\r\n\r\n{\"b\":2}",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Amz-Function-Error: Unhandled\r\nContent-Length: 55\r\n\r\n{\"errorType\":\"Function.NotFound\",\"errorMessage\":\"gone\"}",
        "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nX-Amzn-ErrorType: AccessDeniedException:http://x\r\nContent-Length: 21\r\n\r\n{\"Message\":\"not you\"}",
        "HTTP/1.1 429 Too Many\r\nConnection: close\r\nX-Amzn-ErrorType: TooManyRequestsException\r\nContent-Length: 2\r\n\r\n{}",
    ]);
    let caller = Caller::start(folder.path(), &endpoint);
    assert_eq!(caller.call("faasbench-function2"), (200, r#"{"b":2}"#.to_owned()));
    let (status, body) = caller.call("faasbench-function2");
    assert_eq!((status, body.as_str()), (404, r#"{"error":{"message":"gone","type":"not-found"}}"#));
    let (status, body) = caller.call("other");
    assert!(
        status == 403 && body.contains("\"denied\"") && body.contains("AccessDeniedException: not you"),
        "{status} {body}"
    );
    let (status, body) = caller.call("other");
    assert!(status == 429 && body.contains("\"limit\""), "{status} {body}");
    let seen = serving.join().unwrap();
    let first = &seen[0];
    assert!(first.starts_with("post /2015-03-31/functions/faasbench-function2/invocations http/1.1\r\n"), "{first}");
    for line in [
        "authorization: aws4-hmac-sha256 credential=akidexample/",
        "/eu-central-1/lambda/aws4_request, signedheaders=content-type;host;x-amz-date;x-amz-security-token, signature=",
        "x-amz-security-token: of-the-role\r\n",
        "x-amzn-trace-id: root=1-4bf92f35-77b34da6a3ce929d0e0e4736;parent=00f067aa0ba902b7;sampled=1\r\n",
    ] {
        assert!(first.contains(line), "{line} is not in {first}");
    }
    assert!(first.ends_with(r#"{"a":1}"#) && !first.contains("hidden"));
}

#[test]
fn it_outlives_the_thread_that_started_it_and_ends_with_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_owned();
    let caller = std::thread::spawn(move || Caller::start(&place, "http://127.0.0.1:9")).join().unwrap();
    let (status, _) = caller.call("f");
    assert_eq!(status, 503);
    // A shell that starts it in the background and ends.
    let socket = folder.path().join("other.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    // A shell gives what is in the background no input of its own.
    let go = folder.path().join("go");
    let script =
        format!("exec 3<&0; {} <&3 & echo $!; read line < {}", env!("CARGO_BIN_EXE_faasbench-caller"), go.display());
    let made = Command::new("mkfifo").arg(folder.path().join("go")).status().unwrap();
    assert!(made.success());
    let mut shell = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stdout(Stdio::piped())
        .envs([("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")])
        .env("FAASBENCH_LAMBDA_ENDPOINT", "http://127.0.0.1:9")
        .spawn()
        .unwrap();
    let mut output = BufReader::new(shell.stdout.take().unwrap());
    let mut number = String::new();
    output.read_line(&mut number).unwrap();
    // It serves while its parent lives.
    let mut stream = UnixStream::connect(&socket).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    std::fs::write(folder.path().join("go"), "go\n").unwrap();
    assert!(shell.wait().unwrap().success());
    // Its standard output, which it has of the shell, is closed when it ends.
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert!(number.trim().parse::<u32>().is_ok() && rest.is_empty(), "{number} {rest}");
}

#[test]
fn what_is_no_call_and_a_lambda_that_is_not_there_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let caller = Caller::start(folder.path(), "http://127.0.0.1:9");
    for head in ["GET /f HTTP/1.1\r\n", "POST / HTTP/1.1\r\n", "POST /a/../b HTTP/1.1\r\n", "POST /a:b HTTP/1.1\r\n"] {
        let (status, body) = caller.request(head, "{}");
        assert!(status == 400 && body.contains("POST /FUNCTION"), "{head} {status} {body}");
    }
    let (status, body) = caller.call("f");
    assert!(status == 503 && body.contains("calling `f` failed"), "{status} {body}");
}

#[test]
fn without_its_environment_or_its_socket_it_says_so() {
    let run = |region: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_faasbench-caller"));
        command.env_clear().stdin(Stdio::null()).envs(region.map(|region| ("AWS_REGION", region)));
        command.envs([("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")]);
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let told = run(None);
    assert!(told.contains("AWS_REGION is not set"), "{told}");
    let told = run(Some("eu-central-1"));
    assert!(told.contains("no listening unix socket"), "{told}");
}
