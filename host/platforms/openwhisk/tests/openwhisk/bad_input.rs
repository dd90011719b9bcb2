use std::path::Path;
use std::time::Duration;

use emulation::{Response, image, spec};
use image_kind::ImageKind;
use platform::{DeploymentSpec, MemoryLedger, PlatformError};
use serde_json::{Value, json};

use crate::emulator::{Emulator, variables};

fn plain() -> DeploymentSpec {
    spec("function1", image(ImageKind::Oci, Path::new("/nowhere/function1"), 1))
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_before_anything_is_asked() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    type Change = fn(&mut DeploymentSpec);
    let changes: [(&str, Change); 12] = [
        ("processors", |spec| spec.limits.cpus = Some(1.0)),
        ("scratch", |spec| spec.limits.scratch_bytes = Some(1)),
        ("keep instances", |spec| spec.scale.minimum_instances = Some(1)),
        ("number of instances", |spec| spec.scale.maximum_instances = Some(2)),
        ("keep-alive", |spec| spec.scale.keep_alive = Some(Duration::from_secs(1))),
        ("queue", |spec| spec.scale.queue = Some(1)),
        ("concurrency", |spec| spec.scale.concurrency = Some(2)),
        ("memory", |spec| spec.limits.memory_bytes = Some(64 << 20)),
        ("memory", |spec| spec.limits.memory_bytes = Some((128 << 20) + 1)),
        ("time limit", |spec| spec.limits.time = Some(Duration::from_secs(301))),
        ("name", |spec| spec.name = "a/../b".to_owned()),
        ("image", |spec| spec.image.kind = ImageKind::OpenWhiskZip),
    ];
    for (said, change) in changes {
        let mut spec = plain();
        change(&mut spec);
        let error = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap_err();
        assert!(error.is_users() && error.to_string().contains(said), "{said}: {error}");
        assert!(platform.requests(&spec).is_err());
    }
    assert!(emulator.server.seen().is_empty());
}

#[tokio::test]
async fn options_and_credentials_that_cannot_be_used_are_named() {
    let emulator = Emulator::start().await;
    let refused = |options: Value, variables: &dyn Fn(&str) -> Option<String>| {
        openwhisk_platform::connect_with(emulator.connection(options), variables).err().unwrap().to_string()
    };
    assert!(refused(json!({ "colour": 1 }), &variables).contains("colour"));
    assert!(refused(json!({ "namespace": "a/b" }), &variables).contains("namespace"));
    assert!(refused(json!({ "nested-calls": "web" }), &variables).contains("web = true"));
    assert!(refused(json!({ "invoke-endpoint": "https://x" }), &variables).contains("invoke-endpoint"));
    assert!(refused(json!({}), &|_| None).contains("OPENWHISK_AUTH"));
    assert!(refused(json!({ "auth-variable": "MY_KEY" }), &variables).contains("MY_KEY"));
    let mut nowhere = emulator.connection(json!({}));
    nowhere.endpoint = None;
    let error = openwhisk_platform::connect_with(nowhere, &variables).err().unwrap();
    assert!(error.to_string().contains("endpoint"), "{error}");
}

#[tokio::test]
async fn a_wrong_key_is_told_with_what_to_do() {
    let emulator = Emulator::start().await;
    let wrong = |_: &str| Some("a:b".to_owned());
    let platform = openwhisk_platform::connect_with(emulator.connection(json!({})), &wrong).unwrap();
    let error = platform.reach().await.unwrap_err();
    assert!(matches!(error, PlatformError::Denied { .. }), "{error}");
    let error = platform.deploy(&plain(), &MemoryLedger::new()).await.unwrap_err();
    assert!(matches!(error, PlatformError::Denied { .. }), "{error}");
    assert!(emulator.registry.tags().is_empty(), "nothing was pushed for nothing");
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_ends_the_wait() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let mut spec = plain();
    spec.environment.insert("PULL_FAILS".to_owned(), "1".to_owned());
    let deployment = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
    let error = platform.wait_until_ready(&deployment, Duration::from_secs(10)).await.unwrap_err();
    assert!(matches!(error, PlatformError::ExitedAtStart { .. }), "{error}");
    assert!(error.to_string().contains("Failed to pull"), "{error}");
}

#[tokio::test]
async fn a_server_that_fails_now_and_then_is_asked_again_and_one_that_talks_nonsense_is_not_believed() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let fail = |response: Response| emulator.state.lock().unwrap().failures.push(response);
    fail(Response::bytes(503, "busy"));
    fail(Response::json(200, &json!(["guest"])).cut_after(3));
    platform.reach().await.unwrap();
    fail(Response::bytes(200, "<html>"));
    let error = platform.reach().await.unwrap_err().to_string();
    assert!(error.contains("not what was expected"), "{error}");
    fail(Response::bytes(500, "oops"));
    let error = platform.find_marked().await.unwrap_err().to_string();
    assert!(error.contains("oops") && error.contains("listing actions"), "{error}");
}
