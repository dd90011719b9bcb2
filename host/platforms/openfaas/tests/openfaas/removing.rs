//! Removing, and finding what is left.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use platform::{Ledger, MemoryLedger, Platform, PlatformError, Readiness, undeploy};
use remote_platform::Registry;
use serde_json::json;

use crate::emulator::Edition;
use crate::gateway::Gateway;
use crate::given::{Remembering, connection, platform, spec};

#[tokio::test]
async fn all_that_was_made_is_removed() {
    let gateway = Gateway::start(Edition::Community).await;
    let registry = Arc::new(Remembering::default());
    let given: Arc<dyn Registry> = registry.clone();
    let platform = openfaas_platform::connect(connection(&gateway.url(), Some(given), json!({}))).unwrap();
    let (ledger, spec) = (MemoryLedger::new(), spec("f"));
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    let left = undeploy(&*platform, &spec.id, &ledger).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(
        platform.status(&deployment).await.unwrap().readiness,
        Readiness::Missing,
        "it waited until it was gone"
    );
    assert_eq!(*registry.pushed.lock().unwrap(), *registry.removed.lock().unwrap());
    assert!(ledger.resources(&spec.id).await.unwrap().is_empty());
    // What is gone already is a success.
    for entry in ledger.entries() {
        platform.remove(&entry.resource).await.unwrap();
    }
    assert_eq!(gateway.made("DELETE", "/system/functions").len(), 1);
}

#[tokio::test]
async fn what_is_not_ours_is_not_touched() {
    let gateway = Gateway::start(Edition::Community).await;
    let platform = platform(&gateway, json!({}));
    let (ledger, others) = (MemoryLedger::new(), spec("f"));
    platform.deploy(&others, &ledger).await.unwrap();
    let mut resource = ledger.entries().pop().unwrap().resource;
    resource.deployment = platform::DeploymentId::new();
    platform.remove(&resource).await.unwrap();
    assert!(gateway.made("DELETE", "/system/functions").is_empty());
    let elsewhere = crate::given::platform(&gateway, json!({ "namespace": "another" }));
    let removed = elsewhere.remove(&ledger.entries().pop().unwrap().resource).await;
    assert!(matches!(removed, Err(PlatformError::Invalid(said)) if said.contains("another namespace")));
}

#[tokio::test]
async fn another_gateway_is_not_taken_for_the_one_that_has_it() {
    let (gateway, other) = (Gateway::start(Edition::Community).await, Gateway::start(Edition::Community).await);
    let ledger = MemoryLedger::new();
    platform(&gateway, json!({})).deploy(&spec("f"), &ledger).await.unwrap();
    let function = ledger.entries().pop().unwrap().resource;
    let removed = platform(&other, json!({})).remove(&function).await;
    assert!(matches!(removed, Err(PlatformError::Invalid(said)) if said.contains(&gateway.url())));
}

#[tokio::test]
async fn what_is_elsewhere_is_not_forgotten() {
    let (gateway, other) = (Gateway::start(Edition::Community).await, Gateway::start(Edition::Community).await);
    let (ledger, spec) = (MemoryLedger::new(), spec("f"));
    platform(&gateway, json!({})).deploy(&spec, &ledger).await.unwrap();
    let before = ledger.entries();
    for elsewhere in [platform(&other, json!({})), platform(&gateway, json!({ "namespace": "another" }))] {
        let error = elsewhere.deploy(&spec, &ledger).await.unwrap_err();
        assert!(error.is_users() && error.to_string().contains(&gateway.url()), "{error}");
        assert!(error.to_string().contains("faasbench undeploy f --platform here"), "{error}");
    }
    assert_eq!(ledger.entries(), before);
    assert!(other.made("POST", "/system/functions").is_empty());
}

#[tokio::test]
async fn a_name_of_somebody_elses_is_left_alone() {
    let gateway = Gateway::start(Edition::Community).await;
    let platform = platform(&gateway, json!({}));
    platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    let (ledger, second) = (MemoryLedger::new(), spec("f"));
    let refused = platform.deploy(&second, &ledger).await;
    assert!(matches!(refused, Err(PlatformError::NameTaken { name, .. }) if name == "f"));
    assert!(ledger.entries().is_empty(), "nothing was made");
    assert!(gateway.made("PUT", "/system/functions").is_empty());
}

#[tokio::test]
async fn two_at_once_do_not_share_a_name() {
    let gateway = Gateway::start(Edition::Community).await;
    let (one, two) = (platform(&gateway, json!({})), platform(&gateway, json!({})));
    let (first, second) = (spec("f"), spec("f"));
    let (ledger_one, ledger_two) = (MemoryLedger::new(), MemoryLedger::new());
    let (first, second) = tokio::join!(one.deploy(&first, &ledger_one), two.deploy(&second, &ledger_two));
    let results = [first, second];
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let taken = |result: &Result<_, PlatformError>| matches!(result, Err(PlatformError::NameTaken { .. }));
    assert!(results.iter().any(taken), "{results:?}");
}

#[tokio::test]
async fn what_carries_our_mark_is_found() {
    let gateway = Gateway::start(Edition::Community).await;
    let platform = platform(&gateway, json!({}));
    let ours = spec("f");
    platform.deploy(&ours, &MemoryLedger::new()).await.unwrap();
    let others = br#"{"service":"theirs","image":"x:1","labels":null}"#;
    gateway.state.openfaas.lock().unwrap().deploy(others, false);
    let found = platform.find_marked().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].name.as_str(), found[0].deployment.as_str()), ("f", ours.id.as_str()));
    gateway.state.has_prometheus.store(false, Ordering::Relaxed);
    let error = platform.find_marked().await.unwrap_err().to_string();
    assert!(error.contains("Prometheus"), "{error}");
}
