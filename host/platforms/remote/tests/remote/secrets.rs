//! What is secret is never shown.

use remote_platform::header::{HeaderName, HeaderValue};
use remote_platform::{Api, ApiRequest, Authorization, Method};
use serde_json::json;

use crate::server::{Reply, Server};

const SECRET: &str = "open-sesame-4711";

#[test]
fn an_endpoint_with_credentials_is_refused_and_not_repeated() {
    for endpoint in [
        format!("http://admin:{SECRET}@127.0.0.1:8080"),
        format!("http://{SECRET}@127.0.0.1:8080"),
        format!("ftp://admin:{SECRET}@127.0.0.1"),
        format!("//admin:{SECRET}@127.0.0.1"),
        format!("http://127.0.0.1/?code={SECRET}"),
    ] {
        let error = Api::new("openfaas", &endpoint, None).unwrap_err();
        assert!(!error.to_string().contains(SECRET) && !format!("{error:?}").contains(SECRET), "{error}");
    }
}

#[tokio::test]
async fn nothing_secret_is_in_errors_or_debug() {
    // A server that tells in its error what it was sent.
    let server = Server::start(|_, request| {
        let body = request.replace("\r\n", " ");
        Reply::Answer(format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    })
    .await;
    for authorization in [Authorization::new(&format!("Bearer {SECRET}")), Authorization::basic("admin", SECRET)] {
        let api = Api::new("openfaas", &server.url(), authorization.clone()).unwrap();
        let request = ApiRequest::new("creating f", Method::GET, format!("/functions?key={SECRET}"))
            .header(HeaderName::from_static("x-functions-key"), HeaderValue::from_static(SECRET))
            .json(json!({"password": SECRET}));
        assert!(!format!("{api:?} {request:?} {authorization:?}").contains(SECRET));
        let api = api.hiding(["storage-secret-4711".to_owned()]);
        let padding = "x".repeat(440);
        let body = json!({ "a": padding, "storage": "storage-secret-4711" });
        let plain = ApiRequest::new("creating f", Method::GET, "/functions").json(body);
        let response = api.call(&plain).await.unwrap();
        assert!(!format!("{response:?}").contains(SECRET));
        assert!(server.requests().last().unwrap().to_lowercase().contains("authorization: "));
        let said = response.refusal().to_string();
        assert!(!said.contains(SECRET) && said.contains("(not shown)"), "{said}");
        assert!(!said.contains("storage-s"), "{said}");
        assert!(!said.contains("YWRtaW46"), "{said}");
        // Nor is what lets in from later on.
        let later = Api::new("openfaas", &server.url(), None).unwrap().with_authorization(authorization.unwrap());
        let said = later.call(&plain).await.unwrap().refusal().to_string();
        assert!(!said.contains(SECRET) && !said.contains("YWRtaW46") && said.contains("(not shown)"), "{said}");
    }
}

#[tokio::test]
async fn a_query_is_not_in_the_errors_of_a_connection() {
    let server = Server::start(|_, _| Reply::Close(String::new())).await;
    let api = Api::new("azure", &server.url(), None).unwrap();
    let mut request = ApiRequest::new("calling f", Method::GET, format!("/api/f?code={SECRET}"));
    request.repeatable = false;
    let error = api.call(&request).await.unwrap_err();
    assert!(!error.to_string().contains(SECRET) && !format!("{error:?}").contains(SECRET), "{error}");
    let address = format!("{}/api/f?code={SECRET}", server.url());
    let patience = std::time::Duration::from_secs(5);
    let error = api.invoke("f", &address, Default::default(), "".into(), false, patience).await.unwrap_err();
    assert!(!error.to_string().contains(SECRET) && !format!("{error:?}").contains(SECRET), "{error}");
}
