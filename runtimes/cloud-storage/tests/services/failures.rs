//! Services that are down, slow, broken, or changed under a reader.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use lab::{Error, ErrorKind};
use native::Storage;

use crate::scripted::{PATIENCE, Reply, error, serve, status, storage, storage_at};

fn read(storage: &dyn Storage) -> Result<String, Error> {
    let mut text = String::new();
    storage.open("b", "k")?.read_to_string(&mut text)?;
    Ok(text)
}

#[test]
fn a_service_that_fails_for_a_while_is_asked_again() {
    let (port, requests) = serve(|number, _| match number {
        0 => Reply::Answer(error("500 Internal Server Error", "InternalError")),
        1 => Reply::Answer(error("503 Slow Down", "SlowDown")),
        _ => Reply::Answer(status("200 OK", "content")),
    });
    assert_eq!(read(&storage(port)).unwrap(), "content");
    assert_eq!(requests.lock().unwrap().len(), 3);
}

#[test]
fn a_service_that_goes_on_failing_is_given_up() {
    let (port, requests) = serve(|_, _| Reply::Answer(error("503 Service Unavailable", "SlowDown")));
    let error = read(&storage(port)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("503 (SlowDown)"), "{error}");
    assert_eq!(requests.lock().unwrap().len(), PATIENCE.retries + 1);
    let mut writer = storage(port).create("b", "k").unwrap();
    writer.write_all(b"content").unwrap();
    assert_eq!(writer.finish().unwrap_err().kind, ErrorKind::Unavailable);
}

#[test]
fn a_service_that_is_not_there_is_told_soon() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let begin = Instant::now();
    for location in ["s3://", "gs://", "azure://account1"] {
        let storage = storage_at(&format!("{location}?endpoint=http://127.0.0.1:{port}"));
        for error in [read(&storage).unwrap_err(), storage.list("b", "", None).unwrap_err()] {
            assert_eq!(error.kind, ErrorKind::Unavailable);
            assert!(error.message.contains("can't be reached") && error.message.contains(location), "{error}");
        }
    }
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_service_that_does_not_answer_is_given_up() {
    let (port, _) = serve(|_, _| Reply::Stall(String::new()));
    let error = read(&storage(port)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("took too long"), "{error}");
}

#[test]
fn an_answer_that_breaks_off_is_continued_where_it_broke() {
    for stalls in [false, true] {
        let (port, requests) = serve(move |number, _| match number {
            0 => {
                let half = status("200 OK", "content").replace("content", "con");
                if stalls { Reply::Stall(half) } else { Reply::Break(half) }
            }
            _ => Reply::Answer(
                status("206 Partial Content", "tent").replace("ETag", "Content-Range: bytes 3-6/7\r\nETag"),
            ),
        });
        assert_eq!(read(&storage(port)).unwrap(), "content");
        assert!(requests.lock().unwrap()[1].to_lowercase().contains("range: bytes=3-6"));
    }
}

#[test]
fn two_versions_of_an_object_are_not_mixed() {
    let (port, _) = serve(|number, _| match number {
        0 => Reply::Break(status("200 OK", "content").replace("content", "con")),
        _ => Reply::Answer(
            status("206 Partial Content", "TENT").replace("ETag: \"e1\"", "Content-Range: bytes 3-6/7\r\nETag: \"e2\""),
        ),
    });
    let error = read(&storage(port)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
}

#[test]
fn what_is_missing_is_named() {
    let (port, _) = serve(|_, head| {
        let code = if head.contains("/b/k ") { "NoSuchKey" } else { "NoSuchBucket" };
        Reply::Answer(error("404 Not Found", code))
    });
    let storage = storage(port);
    let error = read(&storage).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.starts_with("no object \"k\" in bucket \"b\""), "{error}");
    let error = storage.list("missing", "", None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.starts_with("no bucket \"missing\""), "{error}");
    let error = storage.open("missing", "k").map(|_| ()).unwrap_err();
    assert!(error.message.starts_with("no bucket \"missing\""), "{error}");
}

#[test]
fn a_bucket_of_another_region_is_told() {
    let (port, _) = serve(|_, _| Reply::Answer(error("301 Moved Permanently", "PermanentRedirect")));
    let error = read(&storage(port)).unwrap_err();
    assert!(error.kind == ErrorKind::Denied && error.message.contains("region"), "{error}");
}

#[test]
fn parts_of_an_unfinished_upload_are_removed() {
    let (port, requests) = serve(|_, head| {
        Reply::Answer(if head.starts_with("POST") {
            let body = "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>u1</UploadId>\
                        </InitiateMultipartUploadResult>";
            status("200 OK", body)
        } else {
            status("200 OK", "")
        })
    });
    let storage = storage(port);
    let mut writer = storage.create("b", "k").unwrap();
    writer.write_all(&vec![7; cloud_storage::PART_BYTES + 1]).unwrap();
    drop(writer);
    let requests = requests.lock().unwrap();
    let last = requests.last().unwrap();
    assert!(last.starts_with("DELETE /b/k?uploadId=u1"), "{last}");
    assert!(!requests.iter().any(|head| head.starts_with("POST") && head.contains("uploadId=u1")), "it was completed");
}

#[tokio::test]
async fn it_may_be_used_from_inside_a_runtime() {
    let (port, _) = serve(|_, _| Reply::Answer(status("200 OK", "content")));
    let storage = storage(port);
    assert_eq!(read(&storage).unwrap(), "content");
    drop(storage);
}
