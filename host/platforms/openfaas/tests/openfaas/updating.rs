//! Updates and cold starts: old instances answer for a while, and are told from new ones.

use std::time::Duration;

use platform::{Invocation, Ledger, MemoryLedger, Platform, PlatformError};
use serde_json::{Value, json};

use crate::emulator::Edition;
use crate::gateway::Gateway;
use crate::given::{PATIENCE, image, platform, spec};

#[tokio::test]
async fn after_an_update_only_the_new_image_answers() {
    for edition in [Edition::Community, Edition::Faasd] {
        let gateway = Gateway::start(edition).await;
        let platform = platform(&gateway, json!({}));
        let (ledger, mut spec) = (MemoryLedger::new(), spec("f"));
        let deployment = platform.deploy(&spec, &ledger).await.unwrap();
        platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
        let old = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap().instance.unwrap().id;

        spec.image = image('2');
        let deployment = platform.deploy(&spec, &ledger).await.unwrap();
        assert_eq!(gateway.made("POST", "/system/functions").len(), 1);
        assert_eq!(gateway.made("PUT", "/system/functions").len(), 1, "the same deployment is updated");
        platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
        for call in 0..10 {
            let answer = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
            let instance = answer.instance.unwrap();
            assert!(instance.id != old && (call > 0 || instance.is_cold()), "{instance:?}");
            let said: Value = serde_json::from_slice(&answer.body).unwrap();
            assert!(said["image"].as_str().unwrap().ends_with(&spec.image.digest), "{said}");
        }
        let kinds: Vec<_> =
            ledger.resources(&spec.id).await.unwrap().into_iter().map(|one| one.resource.kind).collect();
        assert_eq!(kinds, ["image", "function", "image"], "the function is one thing, its images are two");
    }
}

#[tokio::test]
async fn an_update_that_never_comes_is_not_taken_for_one_that_has() {
    let gateway = Gateway::start(Edition::Community).await;
    let platform = platform(&gateway, json!({}));
    let (ledger, mut spec) = (MemoryLedger::new(), spec("f"));
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    gateway.state.openfaas.lock().unwrap().is_broken = true;
    spec.image = image('2');
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    let error = platform.wait_until_ready(&deployment, Duration::from_secs(2)).await.unwrap_err();
    assert!(matches!(&error, PlatformError::NotReady { logs, .. } if logs.contains("old instance")), "{error}");
}

#[tokio::test]
async fn the_next_invocation_is_a_cold_one() {
    for edition in [Edition::Community, Edition::Faasd] {
        let gateway = Gateway::start(edition).await;
        let platform = platform(&gateway, json!({}));
        let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
        platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
        let mut known = Vec::new();
        for _ in 0..2 {
            platform.force_cold(&deployment).await.unwrap();
            let instance = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap().instance.unwrap();
            assert!(instance.is_cold() && !known.contains(&instance.id), "{instance:?}");
            known.push(instance.id);
        }
    }
}

#[tokio::test]
async fn a_cold_start_can_be_from_no_instance() {
    let gateway = Gateway::start(Edition::Standard).await;
    let platform = platform(&gateway, json!({ "cold-start": "scale-to-zero" }));
    let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    platform.force_cold(&deployment).await.unwrap();
    let status = platform.status(&deployment).await.unwrap();
    assert!(status.message.unwrap().contains("no instance"));
    let answer = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    assert!(answer.instance.unwrap().is_cold());
    assert!(answer.timings.total_ns > 200_000_000, "its start is in the call: {:?}", answer.timings);
}

#[tokio::test]
async fn what_keeps_an_instance_is_said_where_a_cold_start_is_wanted_from_none() {
    let gateway = Gateway::start(Edition::Community).await;
    let platform = platform(&gateway, json!({ "cold-start": "scale-to-zero" }));
    let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let error = platform.force_cold(&deployment).await.unwrap_err().to_string();
    assert!(error.contains("the gateway set 1 instead") && error.contains("community edition"), "{error}");
}

#[tokio::test]
async fn a_forced_cold_start_keeps_the_scale_that_was_set() {
    let gateway = Gateway::start(Edition::Standard).await;
    let platform = platform(&gateway, json!({}));
    let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let two = platform::Scale { minimum_instances: Some(2), ..platform::Scale::default() };
    platform.scale(&deployment, &two).await.unwrap();
    platform.force_cold(&deployment).await.unwrap();
    assert_eq!(gateway.last("PUT")["labels"]["com.openfaas.scale.min"], "2");
}

#[tokio::test]
async fn an_update_that_fails_without_a_word_is_asked_for_again() {
    let gateway = Gateway::start(Edition::Community).await;
    let platform = platform(&gateway, json!({}));
    let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    gateway.state.openfaas.lock().unwrap().conflicts = 2;
    platform.force_cold(&deployment).await.unwrap();
    assert!(platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap().instance.unwrap().is_cold());
    assert_eq!(gateway.made("PUT", "/system/functions").len(), 3);
    gateway.state.openfaas.lock().unwrap().conflicts = 100;
    let error = platform.force_cold(&deployment).await.unwrap_err().to_string();
    assert!(error.contains("updating the function f") && error.contains("its own log"), "{error}");
}
