//! Bad input, and a platform that fails.

use std::sync::Arc;
use std::time::Duration;

use openfaas_platform::OpenFaas;
use platform::{DeploymentSpec, Invocation, Limits, MemoryLedger, Platform, PlatformError};
use remote_platform::Registry;
use serde_json::json;
use tokio::net::TcpListener;

use crate::emulator::Edition;
use crate::gateway::Gateway;
use crate::given::{Remembering, connection, platform, spec};

#[tokio::test]
async fn wrong_and_missing_passwords_are_told_with_where_they_come_from() {
    let gateway = Gateway::start(Edition::Community).await;
    let wrong = platform(&gateway, json!({ "user": "nobody" }));
    let error = wrong.reach().await.unwrap_err();
    assert!(
        matches!(&error, PlatformError::Denied { advice, .. }
        if advice.contains("OPENFAAS_TEST_EMULATOR_PASSWORD") && advice.contains("not the gateway's")),
        "{error}"
    );
    let none = platform(&gateway, json!({ "password-environment": "OPENFAAS_TEST_NEVER_SET" }));
    let ledger = MemoryLedger::new();
    let error = none.deploy(&spec("f"), &ledger).await.unwrap_err();
    assert!(
        matches!(&error, PlatformError::Denied { advice, .. } if advice.contains("OPENFAAS_TEST_NEVER_SET")),
        "{error}"
    );
    assert!(ledger.entries().is_empty());
}

#[tokio::test]
async fn a_gateway_that_is_not_there_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let platform = OpenFaas::new(connection(&format!("http://{address}"), None, json!({ "image": "local" }))).unwrap();
    let error = platform.reach().await.unwrap_err();
    assert!(
        matches!(&error, PlatformError::Unreachable { reason, .. } if reason.contains(&address.to_string())),
        "{error}"
    );
}

#[tokio::test]
async fn options_and_specs_that_cannot_be_are_refused_before_anything_is_asked() {
    let gateway = Gateway::start(Edition::Community).await;
    for options in [
        json!({ "namespace": "Not A Label" }),
        json!({ "image": "without-a-tag" }),
        json!({ "gateway-from-instances": "https://gateway" }),
        json!({ "gateway-from-instances": "http://me:secret-4711@gateway" }),
        json!({ "callback-from-gateway": "http://10.0.0.1" }),
        json!({ "nmaespace": "typo" }),
        json!({ "certificates": "/nowhere/ca.pem" }),
        json!({ "cold-start": "sometimes" }),
    ] {
        let error = OpenFaas::new(connection(&gateway.url(), None, options.clone())).err().unwrap();
        assert!(matches!(&error, PlatformError::Invalid(said) if !said.contains("secret-4711")), "{options}: {error}");
    }
    let platform = platform(&gateway, json!({}));
    let with = |change: &dyn Fn(&mut DeploymentSpec)| {
        let mut spec = spec("f");
        change(&mut spec);
        spec
    };
    let limited = |limits: Limits| with(&|spec| spec.limits = limits);
    for bad in [
        with(&|spec| spec.name = "Function1".to_owned()),
        with(&|spec| spec.name = "../etc".to_owned()),
        with(&|spec| spec.name = "a".repeat(64)),
        with(&|spec| spec.image.kind = image_kind::ImageKind::LambdaZip),
        with(&|spec| drop(spec.environment.insert("A=B".to_owned(), String::new()))),
        limited(Limits { time: Some(Duration::from_secs(1)), ..Limits::default() }),
        limited(Limits { scratch_bytes: Some(1), ..Limits::default() }),
        limited(Limits { log_bytes: Some(1), ..Limits::default() }),
        limited(Limits { memory_bytes: Some(0), ..Limits::default() }),
        limited(Limits { cpus: Some(f64::NAN), ..Limits::default() }),
    ] {
        let ledger = MemoryLedger::new();
        let deployed = platform.deploy(&bad, &ledger).await;
        assert!(matches!(deployed, Err(PlatformError::Invalid(_))), "{bad:?}");
        assert!(matches!(platform.requests(&bad), Err(PlatformError::Invalid(_))), "{bad:?}");
        assert!(ledger.entries().is_empty());
    }
    assert!(gateway.state.made.lock().unwrap().is_empty());
}

#[tokio::test]
async fn without_a_registry_it_is_told_how_to_name_one() {
    let gateway = Gateway::start(Edition::Community).await;
    let platform = OpenFaas::new(connection(&gateway.url(), None, json!({}))).unwrap();
    let error = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap_err().to_string();
    assert!(error.contains("registry ="), "{error}");
    assert!(gateway.state.made.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_registry_that_refuses_leaves_nothing_but_its_intention() {
    let gateway = Gateway::start(Edition::Community).await;
    let registry: Arc<dyn Registry> = Arc::new(Remembering { refuses: true, ..Remembering::default() });
    let platform = OpenFaas::new(connection(&gateway.url(), Some(registry), json!({}))).unwrap();
    let ledger = MemoryLedger::new();
    assert!(matches!(platform.deploy(&spec("f"), &ledger).await, Err(PlatformError::Denied { .. })));
    let kinds: Vec<_> = ledger.entries().into_iter().map(|entry| entry.resource.kind).collect();
    assert_eq!(kinds, ["image"]);
    assert!(gateway.made("POST", "/system/functions").is_empty());
}

#[tokio::test]
async fn a_function_that_never_becomes_ready_is_told_with_what_was_seen() {
    let gateway = Gateway::start(Edition::Community).await;
    gateway.state.openfaas.lock().unwrap().is_broken = true;
    let platform = platform(&gateway, json!({}));
    let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    let error = platform.wait_until_ready(&deployment, Duration::from_millis(600)).await.unwrap_err();
    assert!(matches!(&error, PlatformError::NotReady { logs, .. } if logs.contains("0 of 1 instances")), "{error}");
    let answer = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.response().unwrap_err().message.contains("No endpoints available for: f."));
}

#[tokio::test]
async fn a_function_that_is_not_there_is_told() {
    let gateway = Gateway::start(Edition::Community).await;
    let platform = platform(&gateway, json!({}));
    let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    gateway.state.openfaas.lock().unwrap().functions.clear();
    assert!(matches!(platform.invoke(&deployment, &Invocation::new("{}")).await, Err(PlatformError::NotFound { .. })));
    let waited = platform.wait_until_ready(&deployment, Duration::from_millis(300)).await;
    assert!(matches!(waited, Err(PlatformError::NotFound { .. })));
    assert!(matches!(platform.force_cold(&deployment).await, Err(PlatformError::NotFound { .. })));
}

#[tokio::test]
async fn a_gateway_that_hangs_is_waited_for_so_long_only() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start(Edition::Community).await;
    let deployment = platform(&gateway, json!({})).deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let hanging = OpenFaas::new(connection(&endpoint, None, json!({ "image": "local" }))).unwrap();
    let begin = std::time::Instant::now();
    let error = hanging.wait_until_ready(&deployment, Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(&error, PlatformError::NotReady { logs, .. } if logs.contains("did not answer")), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(10));
}
