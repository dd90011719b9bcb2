//! Moto: AWS's services as the tests of others have them (PyPI `moto[server]`).

use std::process::Command;

use crate::place::{AWS, Place, open};
use crate::servers::{Process, free_port, request};

/// Starts it and makes a bucket.
fn start(bucket: &str) -> Option<(Process, u16)> {
    let port = free_port();
    let mut command = Command::new("moto_server");
    let process = Process::start(command.args(["-H", "127.0.0.1", "-p", &port.to_string()]), port)?;
    let put =
        format!("PUT /{bucket} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_eq!(request(port, &put), 200);
    Some((process, port))
}

fn place_at(process: Process, location: &str, variables: &[(&str, &str)]) -> Place {
    let storage = open(location, variables);
    Place { storage, bucket: "faasbench".to_owned(), _folder: None, _process: Some(process), _endpoint: None }
}

/// An event's bucket is a bucket.
pub(crate) fn place() -> Option<Place> {
    let (process, port) = start("faasbench")?;
    Some(place_at(process, &format!("s3://?endpoint=http://127.0.0.1:{port}&region=eu-west-1"), &AWS))
}

/// An event's bucket is a prefix.
pub(crate) fn place_with_prefix() -> Option<Place> {
    let (process, port) = start("mine")?;
    Some(place_at(process, &format!("s3://mine/lab/x?endpoint=http://127.0.0.1:{port}"), &AWS))
}

/// Google's XML protocol is S3's but for who signs what: here nobody does, and the bucket is everybody's.
pub(crate) fn place_as_google() -> Option<Place> {
    let (process, port) = start("mine")?;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::mine","arn:aws:s3:::mine/*"]}]}"#;
    let length = policy.len();
    let put = format!(
        "PUT /mine?policy HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{policy}"
    );
    assert!(matches!(request(port, &put), 200 | 204));
    let variables = [("GOOGLE_SKIP_SIGNATURE", "true")];
    Some(place_at(process, &format!("gs://mine/lab?endpoint=http://127.0.0.1:{port}"), &variables))
}

#[test]
fn a_bucket_that_is_missing_is_named() {
    let Some(place) = place() else { return };
    let error = place.storage.list("missing-bucket", "", None).unwrap_err();
    assert!(error.kind == lab::ErrorKind::NotFound && error.message.contains("missing-bucket"), "{error}");
    let error = place.storage.create("missing-bucket", "k").unwrap().finish().unwrap_err();
    assert!(error.kind == lab::ErrorKind::NotFound && error.message.contains("no bucket"), "{error}");
}
