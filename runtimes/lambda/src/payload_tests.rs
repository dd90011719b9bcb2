use proptest::prelude::*;

use super::*;

fn open(payload: &str) -> Result<Payload, Error> {
    Payload::open(&RawValue::from_string(payload.to_owned()).unwrap())
}

fn by_url(body: &str, is_base64: bool) -> String {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "",
        "headers": { "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" },
        "requestContext": { "requestId": "r", "http": { "method": "POST", "path": "/" } },
        "body": body, "isBase64Encoded": is_base64,
    })
    .to_string()
}

#[test]
fn an_event_is_passed_on_as_it_was_written() {
    for event in
        ["{\"n\": 1.0, \"b\":1e5}", "{}", "3", r#"{"version": "2.0"}"#, r#"{"version":"2.0","requestContext":{}}"#]
    {
        let payload = open(event).unwrap();
        assert_eq!((payload.event.as_str(), payload.by_url), (event, false));
    }
}

#[test]
fn a_function_urls_body_is_the_event() {
    for (body, is_base64, event) in
        [(r#"{"n": 1.0}"#, false, r#"{"n": 1.0}"#), ("e30=", true, "{}"), ("", false, "{}"), (" ", false, "{}")]
    {
        let payload = open(&by_url(body, is_base64)).unwrap();
        assert_eq!((payload.event.as_str(), payload.by_url), (event, true));
        assert!(payload.trace.unwrap().parent().is_some());
    }
    assert_eq!(open(&by_url("%", true)).unwrap_err().kind, ErrorKind::BadRequest);
    assert_eq!(open(&by_url("/w==", true)).unwrap_err().kind, ErrorKind::BadRequest);
}

#[test]
fn an_error_is_reported_or_answered_with_its_status() {
    let failed = || Answer { result: Err(Failure::Function(Error::not_found("no object"))), identity: None };
    let error = respond(failed(), false).unwrap_err();
    assert_eq!((error.error_type.as_str(), error.error_message.as_str()), ("Function.NotFound", "no object"));
    let answer: Value = serde_json::from_str(respond(failed(), true).unwrap().get()).unwrap();
    assert_eq!(answer["statusCode"], 404);
    assert!(answer["body"].as_str().unwrap().contains("no object"));
    let broken = Answer { result: Ok("{".to_owned()), identity: None };
    assert_eq!(respond(broken, false).unwrap_err().error_type, "Function.InvalidResponse");
}

proptest! {
    #[test]
    fn any_body_arrives_as_it_was_sent(body in "\\PC{1,60}", is_base64: bool) {
        let sent = if is_base64 { STANDARD.encode(&body) } else { body.clone() };
        let expected = if body.trim_ascii().is_empty() { "{}".to_owned() } else { body };
        prop_assert_eq!(open(&by_url(&sent, is_base64)).unwrap().event, expected);
    }
}
