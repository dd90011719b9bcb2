use bytes::Bytes;
use lab::Error;
use runtime::{Invocation, Settings};

use super::*;

fn told(event: &str, invocation: &Invocation) -> Result<String, Error> {
    match event {
        "refuse" => Err(Error::bad_request("no")),
        "panic" => panic!("as asked"),
        _ => Ok(format!("[{event:?},{:?}]", invocation.context.request_id)),
    }
}

fn handler() -> CustomHandler {
    CustomHandler::new(Arc::new(Runtime::new(told, "azure", &Settings::read(&|_| None).unwrap())))
}

/// A request as the host sends it.
async fn send(handler: &CustomHandler, method: &str, path: &str, body: &str) -> (u16, String) {
    let request = hyper::Request::builder()
        .method(method)
        .uri(path)
        .header("X-Azure-Functions-InvocationId", "i1")
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .unwrap();
    let response = handler.call(request).await;
    (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap())
}

fn envelope(event: &str) -> String {
    format!(
        r#"{{"Data":{{"req":{{"Url":"https://x/api/f","Method":"POST","Query":{{}},"Headers":{{"Content-Type":["application/json"]}},"Params":{{}},"Identities":[],"Body":{event:?}}}}},"Metadata":{{"sys":{{"MethodName":"f","UtcNow":"now","RandGuid":"g"}}}}}}"#
    )
}

#[tokio::test]
async fn it_is_ready_with_the_first_answer_and_that_is_no_invocation() {
    let handler = handler();
    assert_eq!(send(&handler, "GET", "/", "").await.0, 200);
    let (_, body) = send(&handler, "POST", "/f", &envelope("{}")).await;
    assert!(body.contains(r#""X-Instance-Seq":"0""#), "{body}");
}

#[tokio::test]
async fn an_envelope_is_answered_with_an_envelope() {
    let handler = handler();
    for (event, status, said) in [("{}", "200", r#"["{}",Some("i1")]"#), ("refuse", "400", "bad-request")] {
        let (found, body) = send(&handler, "POST", "/f", &envelope(event)).await;
        assert_eq!(found, 200);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let response = &body["Outputs"]["res"];
        // The host wants the status as a string.
        assert_eq!(response["statusCode"], status);
        assert!(response["body"].as_str().unwrap().contains(said), "{body}");
        assert_eq!(response["headers"]["Content-Type"], "application/json");
    }
    // A fault is a failed invocation to the host.
    assert_eq!(send(&handler, "POST", "/f", &envelope("panic")).await.0, 500);
}

#[tokio::test]
async fn another_trigger_fails_by_its_status_and_succeeds_with_a_return_value() {
    let handler = handler();
    let queue = |item: &str| format!(r#"{{"Data":{{"item":{item:?}}},"Metadata":{{"DequeueCount":1}}}}"#);
    let (status, body) = send(&handler, "POST", "/f", &queue("{}")).await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, body["ReturnValue"].as_str()), (200, Some(r#"["{}",Some("i1")]"#)));
    assert_eq!(send(&handler, "POST", "/f", &queue("refuse")).await.0, 400);
}

#[tokio::test]
async fn a_forwarded_request_keeps_its_path_and_is_answered_plainly() {
    let handler = handler();
    let (status, body) = send(&handler, "POST", "/api/f?x=1", "{}").await;
    assert_eq!((status, body.as_str()), (200, r#"["{}",Some("i1")]"#));
    assert_eq!(send(&handler, "GET", "/api/f", "").await.0, 200);
    assert_eq!(send(&handler, "POST", "/api/f", "refuse").await.0, 400);
    assert_eq!(send(&handler, "POST", "/f", r#"{"Data":3}"#).await.0, 200);
}
