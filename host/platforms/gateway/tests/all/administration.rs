//! Who may do what, and OpenFaaS's interface.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use gateway::{Images, Listen, ServeError, ServeOptions, Token, serve};
use image_kind::{Image, ImageKind};
use platform::PlatformError;

use crate::fake::{Fake, spec};
use crate::raw::once;
use crate::server::{start, usual};

const TOKEN: &str = "0123456789abcdef0123";

/// One image by name, and any path.
struct OneImage;

#[async_trait]
impl Images for OneImage {
    async fn find(&self, reference: &str, kind: ImageKind, paths_allowed: bool) -> Result<Image, PlatformError> {
        assert_eq!(kind, ImageKind::Component);
        let image = spec("x").image;
        match reference {
            "function1" => Ok(image),
            _ if paths_allowed => Ok(Image { path: PathBuf::from(reference), ..image }),
            _ => Err(PlatformError::Invalid("images are named here".to_owned())),
        }
    }
}

#[tokio::test]
async fn a_token_is_asked_for_everywhere_but_on_health() {
    let server = start(|options| options.token = Some(Token::new(TOKEN).unwrap())).await;
    for path in ["/function/echo", "/async-result/x", "/metrics", "/system/functions", "/faasbench/platform", "/x"] {
        let answer = once(server.address, "GET", path, "", "").await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.header("www-authenticate").is_some() && !answer.body.contains(TOKEN));
        let wrong = once(server.address, "GET", path, "Authorization: Bearer 0123456789abcdef0124\r\n", "").await;
        assert_eq!(wrong.status, 401, "{path}");
    }
    for path in ["/healthz", "/_/health", "/_/ready"] {
        assert_eq!(once(server.address, "GET", path, "", "").await.status, 200, "{path}");
    }
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    // Who knows the token is no stranger.
    let page = format!("{bearer}Origin: http://evil.example\r\n");
    assert_eq!(once(server.address, "GET", "/function/echo", &page, "").await.status, 200);
    assert_eq!(once(server.address, "GET", "/function/echo", &bearer, "").await.status, 200);
    // admin and the token, as faas-cli sends them.
    let basic = "Authorization: Basic YWRtaW46MDEyMzQ1Njc4OWFiY2RlZjAxMjM=\r\n";
    assert_eq!(once(server.address, "GET", "/system/functions", basic, "").await.status, 200);
}

#[tokio::test]
async fn other_machines_need_a_token_and_a_port_has_one_server() {
    let serve_at = async |listen: &str, token: Option<Token>| {
        let mut options = ServeOptions::new();
        options.listen = vec![listen.parse().unwrap()];
        options.token = token;
        serve(Arc::new(Fake::default()), options).await
    };
    let refused = serve_at("0.0.0.0:0", None).await.err().unwrap();
    assert!(matches!(refused, ServeError::NoToken { .. }));
    assert!(refused.to_string().contains("FAASBENCH_TOKEN"));
    let server = usual().await;
    let taken = serve_at(&server.address.to_string(), None).await.err().unwrap();
    assert!(matches!(taken, ServeError::AddressInUse { .. }), "{taken}");
    assert_eq!(once(server.address, "GET", "/function/echo", "", "").await.status, 200);
}

#[tokio::test]
async fn a_unix_socket_is_its_owners_alone_and_taken_once() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listen = || vec![Listen::Unix(path.clone())];
    let server = start(|options| options.listen = listen()).await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let again = serve(Arc::new(Fake::default()), ServeOptions { listen: listen(), ..ServeOptions::new() }).await;
    assert!(matches!(again, Err(ServeError::AddressInUse { .. })));
    server.running.stop();
    server.running.ended().await;
    assert!(!path.exists());
    // What a server that was killed leaves is no hindrance; what is no socket is not touched.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let server = start(|options| options.listen = listen()).await;
    server.running.stop();
    server.running.ended().await;
    std::fs::write(&path, "a file").unwrap();
    let refused = serve(Arc::new(Fake::default()), ServeOptions { listen: listen(), ..ServeOptions::new() }).await;
    assert!(refused.is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a file");
}

#[tokio::test]
async fn web_pages_and_strangers_names_administer_call_and_read_nothing() {
    let server = usual().await;
    for path in ["/function/echo", "/async-function/echo", "/async-result/x", "/metrics", "/faasbench/platform", "/x"] {
        let page = once(server.address, "POST", path, "Sec-Fetch-Site: cross-site\r\n", "{}").await;
        assert_eq!((page.status, page.body.contains("FAASBENCH_TOKEN")), (403, true), "{path}");
        let mut client = crate::raw::Client::connect(server.address).await;
        let rebound = client.ask(format!("GET {path} HTTP/1.1\r\nHost: evil.example:80\r\n\r\n")).await;
        assert_eq!(rebound.status, 403, "{path}");
    }
    assert!(server.fake.last.lock().unwrap().is_none());
    assert_eq!(once(server.address, "GET", "/healthz", "Origin: http://evil.example\r\n", "").await.status, 200);
    let mut client = crate::raw::Client::connect(server.address).await;
    let port = server.address.port();
    let named = client.ask(format!("GET /function/echo HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n")).await;
    assert_eq!(named.status, 200);
    for headers in ["Origin: http://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n", "Origin: null\r\n"] {
        let answer = once(server.address, "DELETE", "/system/functions", headers, "{\"functionName\":\"echo\"}").await;
        assert_eq!(answer.status, 403, "{headers}");
    }
    let mut client = crate::raw::Client::connect(server.address).await;
    let rebound = client.ask("GET /system/functions HTTP/1.1\r\nHost: evil.example\r\n\r\n").await;
    assert_eq!(rebound.status, 403);
    assert_eq!(once(server.address, "GET", "/system/function/echo", "", "").await.status, 200);
}

#[tokio::test]
async fn without_a_token_no_file_of_this_machine_is_named() {
    let server = start(|options| options.images = Arc::new(OneImage)).await;
    let body = serde_json::to_string(&spec("new")).unwrap();
    for (method, path, body) in [
        ("PUT", "/faasbench/deployments/new", body.as_str()),
        ("POST", "/faasbench/remove", "{}"),
        ("POST", "/faasbench/shutdown", ""),
    ] {
        assert_eq!(once(server.address, method, path, "", body).await.status, 403, "{path}");
    }
    let by_path = r#"{"service":"new","image":"/bin/sh"}"#;
    assert_eq!(once(server.address, "POST", "/system/functions", "", by_path).await.status, 400);
}

#[tokio::test]
async fn openfaas_tools_deploy_list_scale_and_remove() {
    let server = start(|options| options.images = Arc::new(OneImage)).await;
    let ask = async |method: &str, path: &str, body: &str| once(server.address, method, path, "", body).await;
    let deployment = r#"{"service":"new","image":"function1","namespace":"openfaas-fn","envVars":{"A":"b"},
        "labels":{"com.openfaas.scale.min":"1","com.openfaas.scale.max":"5","mine":"x"},
        "annotations":{"faasbench.concurrency":"3","faasbench.keep-alive":"0s","faasbench.timeout":"2s","note":"y"},
        "limits":{"memory":"128Mi","cpu":"500m"},"readOnlyRootFilesystem":true}"#;
    assert_eq!(ask("PUT", "/system/functions", deployment).await.status, 404);
    assert_eq!(ask("POST", "/system/functions", deployment).await.status, 202);
    assert_eq!(ask("POST", "/system/functions", deployment).await.status, 400);
    let spec = server.fake.there.lock().unwrap()["new"].spec.clone();
    assert_eq!((spec.scale.minimum_instances, spec.scale.maximum_instances), (Some(1), Some(5)));
    assert_eq!((spec.scale.concurrency, spec.scale.keep_alive), (Some(3), Some(std::time::Duration::ZERO)));
    assert_eq!((spec.limits.memory_bytes, spec.limits.cpus), (Some(128 << 20), Some(0.5)));
    assert_eq!(spec.limits.time, Some(std::time::Duration::from_secs(2)));
    assert_eq!(spec.environment["A"], "b");
    assert_eq!(ask("PUT", "/system/functions", deployment).await.status, 202);
    assert_eq!(server.fake.there.lock().unwrap()["new"].spec.id, spec.id);

    let all = ask("GET", "/system/functions", "").await.json();
    assert_eq!(all.as_array().unwrap().len(), 2);
    let one = ask("GET", "/system/function/new?namespace=openfaas-fn", "").await.json();
    assert_eq!((&one["name"], &one["image"], &one["replicas"]), (&"new".into(), &"function1".into(), &1.into()));
    assert_eq!((&one["availableReplicas"], &one["labels"]["mine"]), (&1.into(), &"x".into()));
    assert_eq!((&one["annotations"]["note"], &one["limits"]["cpu"]), (&"y".into(), &"0.5".into()));
    assert!(one["createdAt"].as_str().unwrap().ends_with('Z') && one.get("invocationCount").is_none());

    assert_eq!(ask("POST", "/system/scale-function/new", r#"{"serviceName":"new","replicas":4}"#).await.status, 202);
    assert_eq!(server.fake.scaled.lock().unwrap().unwrap().minimum_instances, Some(4));
    let logs = ask("GET", "/system/logs?name=new&tail=1&since=1970-01-01T00:00:01Z&follow=false", "").await;
    assert_eq!(logs.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(
        logs.body,
        "{\"name\":\"new\",\"namespace\":\"openfaas-fn\",\"instance\":\"one\",\"timestamp\":\"1970-01-01T00:00:02Z\",\"text\":\"second \\\"quoted\\\"\"}\n"
    );
    // As faas-cli asks for all.
    assert_eq!(ask("GET", "/system/logs?name=new&tail=-1&follow=false", "").await.body.lines().count(), 2);
    let followed = ask("GET", "/system/logs?name=new&tail=-1&follow=true", "").await;
    assert_eq!(followed.status, 400);
    assert!(followed.body.contains("follow=false"), "{}", followed.body);
    assert_eq!(ask("GET", "/system/namespaces", "").await.json(), serde_json::json!(["openfaas-fn"]));
    assert_eq!(ask("GET", "/system/info", "").await.json()["provider"]["orchestration"], "fake");
    assert_eq!(ask("GET", "/system/function/new?namespace=other", "").await.status, 400);

    assert_eq!(ask("DELETE", "/system/functions", r#"{"functionName":"new"}"#).await.status, 202);
    assert_eq!(ask("GET", "/system/function/new", "").await.status, 404);
    assert_eq!(ask("DELETE", "/system/functions", r#"{"functionName":"new"}"#).await.status, 404);
    assert_eq!(ask("POST", "/function/new", "{}").await.status, 404);
    assert_eq!(ask("GET", "/system/nothing", "").await.status, 404);
    assert_eq!(ask("PATCH", "/system/functions", "").await.status, 405);
}

#[tokio::test]
async fn what_would_have_to_be_ignored_is_refused_and_a_failed_deployment_leaves_nothing() {
    let server = start(|options| options.images = Arc::new(OneImage)).await;
    for (field, word) in [
        (r#""secrets":["s"]"#, "secrets"),
        (r#""constraints":["a"]"#, "constraints"),
        (r#""envProcess":"x""#, "envProcess"),
        (r#""requests":{"memory":"1Mi"}"#, "requests"),
        (r#""limits":{"memory":"much"}"#, "limits.memory"),
        (r#""annotations":{"faasbench.speed":"1"}"#, "faasbench.speed"),
        (r#""labels":{"com.openfaas.scale.max":"-1"}"#, "com.openfaas.scale.max"),
        (r#""namespace":"other""#, "other"),
    ] {
        let body = format!(r#"{{"service":"new","image":"function1",{field}}}"#);
        let answer = once(server.address, "POST", "/system/functions", "", &body).await;
        assert_eq!(answer.status, 400, "{field}");
        assert!(answer.body.contains(word), "{}", answer.body);
    }
    for name in ["", "-a", "a/b", "a.b", "\u{e9}", &"x".repeat(64)] {
        let body = serde_json::json!({ "service": name, "image": "function1" }).to_string();
        let answer = once(server.address, "POST", "/system/functions", "", &body).await;
        assert_eq!(answer.status, 400, "{name}");
    }
    assert_eq!(once(server.address, "POST", "/system/functions", "", "not json").await.status, 400);
    let failing = r#"{"service":"new","image":"function1","envVars":{"FAIL":"1"}}"#;
    assert_eq!(once(server.address, "POST", "/system/functions", "", failing).await.status, 500);
    assert_eq!(once(server.address, "GET", "/system/function/new", "", "").await.status, 404);
    let left = server.ledger.entries().into_iter().filter(|entry| entry.state != platform::ResourceState::Removed);
    // That of `echo`.
    assert_eq!(left.count(), 1);
}
