use bytes::Bytes;
use http_protocol::text;
use runtime::{Function, Invocation, Settings, Variables};

use super::*;

/// Remembers one setting, and answers as the event asks.
#[derive(Default)]
struct Told(std::sync::Mutex<Option<String>>);

impl Function for Told {
    fn invoke(&self, event: &str, _: &Invocation) -> Result<String, Error> {
        match event {
            r#"{"do":"refuse"}"# => Err(Error::bad_request("no")),
            r#"{"do":"panic"}"# => panic!("as asked"),
            r#"{"do":"number"}"# => Ok("3".to_owned()),
            r#"{"do":"tell"}"# => {
                Ok(format!("{{\"storage\":{:?}}}", self.0.lock().unwrap().clone().unwrap_or_default()))
            }
            _ => Ok(event.to_owned()),
        }
    }

    fn configure(&self, variables: Variables<'_>) -> Result<(), Error> {
        let storage = variables("FAASBENCH_STORAGE");
        if storage.as_deref() == Some("bad") {
            return Err(Error::bad_request("a bad setting"));
        }
        *self.0.lock().unwrap() = storage;
        Ok(())
    }
}

struct Others;

impl Service for Others {
    fn call(&self, _: Request) -> BoxFuture<'_, Response> {
        Box::pin(std::future::ready(text(200, "others")))
    }
}

fn service() -> BlackboxService<Others> {
    let runtime = Runtime::new(Told::default(), "openwhisk", &Settings::read(&|_| None).unwrap());
    BlackboxService::new(Arc::new(runtime), Others)
}

async fn post(service: &BlackboxService<Others>, path: &str, body: impl Into<String>) -> (u16, String) {
    let request = hyper::Request::post(path).body(Bytes::from(body.into())).unwrap();
    let response = service.call(request).await;
    (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap())
}

fn run_body(event: &str) -> String {
    format!(
        r#"{{"value":{event},"namespace":"guest","action_name":"/guest/f","action_version":"0.0.1","activation_id":"a","transaction_id":"t","deadline":"4102444800000"}}"#
    )
}

#[tokio::test]
async fn an_image_without_code_is_initialised_once() {
    let service = service();
    let init = r#"{"value":{"name":"f","main":"main","binary":false,"env":{"__OW_ACTION_NAME":"/guest/f","FAASBENCH_STORAGE":"/data"}}}"#;
    assert_eq!(post(&service, "/init", init).await, (200, r#"{"ok":true}"#.to_owned()));
    let again = post(&service, "/init", init).await;
    assert_eq!(again, (403, r#"{"error":"Cannot initialize the action more than once."}"#.to_owned()));
    // The parameters of the initialisation are the function's environment.
    assert_eq!(post(&service, "/run", run_body(r#"{"do":"tell"}"#)).await, (200, r#"{"storage":"/data"}"#.to_owned()));
}

#[tokio::test]
async fn an_initialisation_that_fails_can_be_tried_again() {
    let service = service();
    for body in [
        "",
        "nonsense",
        r#"{"value":{"code":"exports.main = x => x"}}"#,
        r#"{"value":{"env":{"FAASBENCH_STORAGE":"bad"}}}"#,
    ] {
        let (status, answer) = post(&service, "/init", body).await;
        assert!(status == 502 && answer.starts_with("{\"error\":"), "{body}: {answer}");
    }
    assert_eq!(post(&service, "/init", "{}").await.0, 200);
}

#[tokio::test]
async fn what_was_sent_comes_back() {
    let service = service();
    let large = format!(r#"{{"text":"{}"}}"#, "ä☃".repeat(200_000));
    for event in [r#"{"a":[1,2.0,null],"ü":"☃"}"#, "[1,2]", "{}", &large] {
        assert_eq!(post(&service, "/run", run_body(event)).await, (200, event.to_owned()));
    }
}

#[tokio::test]
async fn a_refusal_is_an_application_error_and_a_fault_the_developers() {
    let service = service();
    for (event, status, said) in
        [("refuse", 200, "bad-request"), ("panic", 502, "as asked"), ("number", 502, "neither an object")]
    {
        let (found, body) = post(&service, "/run", run_body(&format!(r#"{{"do":"{event}"}}"#))).await;
        assert_eq!(found, status, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert!(body["error"].to_string().contains(said), "{body}");
    }
    assert_eq!(post(&service, "/run", "nonsense").await.0, 400);
    assert_eq!(post(&service, "/run", run_body("{}")).await.0, 200);
}

#[tokio::test]
async fn other_requests_are_the_others() {
    let service = service();
    assert_eq!(post(&service, "/", "{}").await.1, "others");
    let get = hyper::Request::get("/run").body(Bytes::new()).unwrap();
    assert_eq!(service.call(get).await.body(), "others");
}
