//! A server that answers as a script says.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use cloud_storage::{CloudStorage, Patience};
use native::Location;

pub(crate) const SECRET: &str = "wJalrXUtnFEMI-bPxRfiCYEXAMPLEKEY";
pub(crate) const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";

/// What a request is answered with.
pub(crate) enum Reply {
    /// These bytes; then the next request of the connection is read.
    Answer(String),
    /// These bytes, and the connection ends.
    Break(String),
    /// These bytes, and then nothing.
    Stall(String),
}

/// The heads of the requests that came.
pub(crate) type Requests = Arc<Mutex<Vec<String>>>;

/// Serves on a port of its own until the test's process ends. `script` gets the number of the request, from 0, and its head.
pub(crate) fn serve(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> (u16, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Requests::default();
    let (seen, script) = (requests.clone(), Arc::new(script));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (seen, script) = (seen.clone(), script.clone());
            thread::spawn(move || connection(stream.unwrap(), &seen, &*script));
        }
    });
    (port, requests)
}

fn connection(mut stream: TcpStream, seen: &Requests, script: &(impl Fn(usize, &str) -> Reply + ?Sized)) {
    while let Some(head) = read_request(&mut stream) {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(head.clone());
            seen.len() - 1
        };
        let (bytes, goes_on) = match script(number, &head) {
            // Only the head of it.
            Reply::Answer(bytes) if head.starts_with("HEAD") => {
                (bytes.split_inclusive("\r\n\r\n").next().unwrap().to_owned(), true)
            }
            Reply::Answer(bytes) => (bytes, true),
            Reply::Break(bytes) => (bytes, false),
            Reply::Stall(bytes) => {
                stream.write_all(bytes.as_bytes()).unwrap();
                // Until the client gives up and closes.
                let _ = stream.read(&mut [0]);
                return;
            }
        };
        if stream.write_all(bytes.as_bytes()).is_err() || !goes_on {
            return;
        }
    }
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some(head)
}

pub(crate) fn status(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"e1\"\r\nLast-Modified: Mon, 02 Nov 2026 10:00:00 GMT\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn error(status_line: &str, code: &str) -> String {
    let body = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>about {KEY_ID}</Message><AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId>\
         <SignatureProvided>{SECRET}</SignatureProvided></Error>"
    );
    status(status_line, &body)
}

/// A patience for tests.
pub(crate) const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    answer: Duration::from_millis(500),
    idle: Duration::from_millis(500),
    retries: 2,
    retry_within: Duration::from_secs(20),
};

pub(crate) fn storage_at(location: &str) -> CloudStorage {
    let Location::Remote(location) = Location::parse(location).unwrap() else { panic!("{location} is a directory") };
    let variables = |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some(KEY_ID.to_owned()),
        "AWS_SECRET_ACCESS_KEY" | "AWS_SESSION_TOKEN" => Some(SECRET.to_owned()),
        // Azure's are base64.
        "AZURE_STORAGE_ACCOUNT_KEY" => Some("d0phbHJYVXRuRkVNSQ==".to_owned()),
        "GOOGLE_SKIP_SIGNATURE" => Some("true".to_owned()),
        _ => None,
    };
    CloudStorage::new(location, &variables, PATIENCE)
}

pub(crate) fn storage(port: u16) -> CloudStorage {
    storage_at(&format!("s3://?endpoint=http://127.0.0.1:{port}"))
}
