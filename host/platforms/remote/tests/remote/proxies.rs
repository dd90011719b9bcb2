//! A proxy in between.

use std::time::Duration;

use platform::PlatformError;
use remote_platform::header::HeaderMap;
use remote_platform::{Api, ApiRequest, ApiSettings, Method};

use crate::server::{Server, answer};

fn through(proxy: &Server, base: &str) -> Api {
    let settings = ApiSettings { proxy: Some(proxy.url()), ..ApiSettings::default() };
    Api::with("openfaas", base, None, &settings).unwrap()
}

fn get() -> ApiRequest {
    ApiRequest::new("listing functions", Method::GET, "/functions")
}

#[tokio::test]
async fn requests_and_calls_go_through_it() {
    let proxy = Server::start(|_, _| answer("200 OK", "[]")).await;
    let api = through(&proxy, "http://gateway.example.com:8080");
    api.ask(&get(), &[]).await.unwrap();
    let address = "http://gateway.example.com:8080/function/f";
    let called = api.invoke("f", address, HeaderMap::new(), "{}".into(), false, Duration::from_secs(5)).await.unwrap();
    assert_eq!((called.status, called.timings.connect_ns), (200, None), "its connections are not ours");
    let requests = proxy.requests();
    assert!(requests[0].starts_with("GET http://gateway.example.com:8080/functions HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[1].starts_with("POST http://gateway.example.com:8080/function/f HTTP/1.1\r\n"), "{}", requests[1]);
}

#[tokio::test]
async fn one_that_asks_for_credentials_is_told_apart_from_the_platform() {
    let proxy = Server::start(|_, _| answer("407 Proxy Authentication Required", "")).await;
    let is_proxys = |error: &PlatformError| {
        matches!(error, PlatformError::Denied { reason, advice, .. }
            if reason.contains("proxy") && advice.contains("HTTPS_PROXY") && advice.contains("NO_PROXY"))
    };
    for base in ["http://gateway.example.com", "https://gateway.example.com"] {
        let api = through(&proxy, base);
        let error = api.ask(&get(), &[]).await.unwrap_err();
        assert!(is_proxys(&error), "{base}: {error}");
        let called = api.invoke("f", base, HeaderMap::new(), "".into(), false, Duration::from_secs(5)).await;
        let error = called.unwrap_err();
        assert!(is_proxys(&error), "{base}: {error}");
    }
    assert_eq!(proxy.requests().len(), 4, "asking again would bring the same");
}

#[test]
fn a_password_in_its_address_is_refused_and_not_repeated() {
    let settings = ApiSettings { proxy: Some("http://me:sesame@proxy:3128".to_owned()), ..ApiSettings::default() };
    let error = Api::with("openfaas", "http://gateway", None, &settings).unwrap_err().to_string();
    assert!(error.contains("credentials") && !error.contains("sesame"), "{error}");
}
