//! Between an image and a server that stands for Lambda.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::program::Program;
use crate::server::{Reaction, Server};

const ENVIRONMENT: [(&str, &str); 5] = [
    ("FAASBENCH_CALLER", "lambda"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "hidden"),
    ("AWS_SESSION_TOKEN", "of-the-role"),
];

fn start(folder: &Path, endpoint: &str) -> Program {
    let own = [("FAASBENCH_LAMBDA_ENDPOINT", endpoint)];
    Program::start(folder, ENVIRONMENT.into_iter().chain(own))
}

#[test]
fn a_call_is_signed_and_its_answer_or_error_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(None, [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 7\r\n\r\n{\"b\":2}",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Amz-Function-Error: Unhandled\r\nContent-Length: 55\r\n\r\n{\"errorType\":\"Function.NotFound\",\"errorMessage\":\"gone\"}",
        "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nX-Amzn-ErrorType: AccessDeniedException:http://x\r\nContent-Length: 21\r\n\r\n{\"Message\":\"not you\"}",
        "HTTP/1.1 429 Too Many\r\nConnection: close\r\nX-Amzn-ErrorType: TooManyRequestsException\r\nContent-Length: 2\r\n\r\n{}",
    ].map(Reaction::answer));
    let caller = start(folder.path(), &server.url());
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
    let seen = server.seen();
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
    let caller = std::thread::spawn(move || start(&place, "http://127.0.0.1:9")).join().unwrap();
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
        .envs(ENVIRONMENT)
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
    let caller = start(folder.path(), "http://127.0.0.1:9");
    for head in ["GET /f HTTP/1.1\r\n", "POST / HTTP/1.1\r\n", "POST /a/../b HTTP/1.1\r\n", "POST /a:b HTTP/1.1\r\n"] {
        let (status, body) = caller.request(head, "{}");
        assert!(status == 400 && body.contains("POST /FUNCTION"), "{head} {status} {body}");
    }
    let (status, body) = caller.call("f");
    assert!(status == 503 && body.contains("calling `f` failed"), "{status} {body}");
}

#[test]
fn without_its_environment_or_its_socket_it_says_so() {
    let told = Program::refused(ENVIRONMENT.into_iter().filter(|(name, _)| *name != "AWS_REGION"));
    assert!(told.contains("AWS_REGION is not set"), "{told}");
    let told = Program::refused(ENVIRONMENT.into_iter().filter(|(name, _)| *name != "FAASBENCH_CALLER"));
    assert!(told.contains("FAASBENCH_CALLER is not set"), "{told}");
    let told = Program::refused([("FAASBENCH_CALLER", "heroku")]);
    assert!(told.contains("lambda, gcp or azure"), "{told}");
    let told = Program::refused(ENVIRONMENT);
    assert!(told.contains("no listening unix socket"), "{told}");
}
