use bytes::Bytes;
use lab::Error;
use runtime::{Invocation, Settings};

use super::*;

fn echo(event: &str, _: &Invocation) -> Result<String, Error> {
    match event {
        "refuse" => Err(Error::bad_request("no")),
        "panic" => panic!("as asked"),
        _ => Ok(event.to_owned()),
    }
}

async fn send(method: &str, path: &str, headers: &[(&str, &str)], body: &'static str) -> (u16, String, Bytes) {
    let runtime = Runtime::new(echo, "riff", &Settings::read(&|_| None).unwrap());
    let mut request = hyper::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Bytes::from_static(body.as_bytes())).unwrap();
    let response = InvokerService::new(Arc::new(runtime)).call(request).await;
    let content_type = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
    (response.status().as_u16(), content_type, response.into_body())
}

#[tokio::test]
async fn only_post_to_the_root_invokes() {
    assert_eq!(send("POST", "/", &[], "{}").await, (200, "application/json".to_owned(), Bytes::from_static(b"{}")));
    assert_eq!(send("POST", "/other", &[], "{}").await.0, 404);
    assert_eq!(send("GET", "/", &[], "").await.2, "ok\n");
}

#[tokio::test]
async fn types_are_negotiated() {
    for (headers, status, given) in [
        (vec![("Content-Type", "application/json; charset=utf-8"), ("Accept", "text/plain")], 200, "text/plain"),
        (vec![("Content-Type", "text/plain"), ("Accept", "*/*")], 200, "application/json"),
        (vec![("Content-Type", "image/png")], 415, "text/plain; charset=utf-8"),
        (vec![("Accept", "image/png")], 406, "text/plain; charset=utf-8"),
    ] {
        let (found, content_type, _) = send("POST", "/", &headers, "{}").await;
        assert_eq!((found, content_type.as_str()), (status, given), "{headers:?}");
    }
}

#[tokio::test]
async fn every_error_of_the_function_is_a_5xx() {
    for (event, said) in [("refuse", "bad-request"), ("panic", "as asked")] {
        let (status, _, body) = send("POST", "/", &[], event).await;
        assert!(status == 500 && String::from_utf8_lossy(&body).contains(said), "{status}");
    }
}
