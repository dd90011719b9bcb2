use std::time::Duration;

use image_kind::ImageKind;
use platform::{DeploymentSpec, MemoryLedger, PlatformError, undeploy};
use serde_json::{Value, json};

use crate::deploying::{PATIENCE, plain};
use crate::emulator::{Emulator, variables};

#[tokio::test]
async fn what_cannot_be_kept_is_refused_before_anything_is_asked() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    type Change = fn(&mut DeploymentSpec);
    let changes: [(&str, Change); 17] = [
        ("scratch", |spec| spec.limits.scratch_bytes = Some(1)),
        ("logs", |spec| spec.limits.log_bytes = Some(1)),
        ("keep-alive", |spec| spec.scale.keep_alive = Some(Duration::from_secs(1))),
        ("queue", |spec| spec.scale.queue = Some(1)),
        ("1000", |spec| spec.scale.concurrency = Some(1001)),
        ("at least one instance", |spec| spec.scale.maximum_instances = Some(0)),
        ("more than the maximum", |spec| {
            spec.scale.minimum_instances = Some(3);
            spec.scale.maximum_instances = Some(2);
        }),
        ("memory", |spec| spec.limits.memory_bytes = Some(256 << 20)),
        ("memory", |spec| spec.limits.memory_bytes = Some((512 << 20) + 1)),
        ("processors", |spec| spec.limits.memory_bytes = Some(8 << 30)),
        ("processors", |spec| spec.limits.cpus = Some(3.0)),
        ("gen1", |spec| spec.limits.cpus = Some(0.5)),
        ("time limit", |spec| spec.limits.time = Some(Duration::from_millis(1500))),
        ("time limit", |spec| spec.limits.time = Some(Duration::from_secs(3601))),
        ("name", |spec| spec.name = "Function1".to_owned()),
        ("x86_64", |spec| spec.image.architecture = "aarch64".to_owned()),
        ("PORT", |spec| drop(spec.environment.insert("PORT".to_owned(), "1".to_owned()))),
    ];
    for (said, change) in changes {
        let mut spec = plain(1);
        change(&mut spec);
        let error = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap_err();
        assert!(error.is_users() && error.to_string().contains(said), "{said}: {error}");
        assert!(platform.requests(&spec).is_err());
    }
    let mut archive = plain(1);
    archive.image.kind = ImageKind::LambdaZip;
    assert!(platform.deploy(&archive, &MemoryLedger::new()).await.unwrap_err().is_users());
    assert!(emulator.server.seen().is_empty());
}

#[tokio::test]
async fn places_and_options_that_cannot_be_are_named() {
    let emulator = Emulator::start().await;
    let refused = |options: Value| {
        gcp_platform::connect_with(emulator.connection(options), &variables).err().unwrap().to_string()
    };
    assert!(refused(json!({ "region": "europe-west99" })).contains("unlisted-region"));
    assert!(refused(json!({ "region": "../x" })).contains("region"));
    assert!(refused(json!({ "project": "x/../y" })).contains("project"));
    assert!(refused(json!({ "api-version": "v2/../" })).contains("version"));
    assert!(refused(json!({ "invoke-url": "https://x/{name}" })).contains("invoke-url"));
    for account in ["lab", "a@b@c", "Lab@x", "lab@x y"] {
        assert!(refused(json!({ "service-account": account })).contains("service account"), "{account}");
    }
    assert!(refused(json!({ "colour": 1 })).contains("colour"));
    let options = json!({ "region": "europe-west99", "unlisted-region": true });
    gcp_platform::connect_with(emulator.connection(options), &variables).unwrap();
    let mut nowhere = emulator.connection(json!({}));
    nowhere.options.remove("project");
    let error = gcp_platform::connect_with(nowhere, &variables).err().unwrap().to_string();
    assert!(error.contains("GOOGLE_CLOUD_PROJECT"), "{error}");
}

#[tokio::test]
async fn wrong_credentials_are_told_with_what_to_do() {
    let emulator = Emulator::start().await;
    let wrong = |name: &str| (name == "CLOUDSDK_AUTH_ACCESS_TOKEN").then(|| "expired".to_owned());
    let platform = gcp_platform::connect_with(emulator.connection(json!({})), &wrong).unwrap();
    let error = platform.deploy(&plain(1), &MemoryLedger::new()).await.unwrap_err();
    assert!(matches!(error, PlatformError::Denied { .. }) && !error.to_string().contains("expired"), "{error}");
    assert!(emulator.registry.tags().is_empty(), "nothing was pushed for nothing");
}

#[tokio::test]
async fn an_operation_that_fails_leaves_what_it_may_have_made_in_the_ledger() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    emulator.state.lock().unwrap().fails =
        Some("Quota exceeded for total allowable CPU per project per region.".to_owned());
    let (spec, ledger) = (plain(1), MemoryLedger::new());
    let error = platform.deploy(&spec, &ledger).await.unwrap_err();
    assert!(error.to_string().contains("Quota exceeded"), "{error}");
    assert_eq!(emulator.state.lock().unwrap().services.len(), 1);
    assert!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().is_empty());
    assert!(emulator.state.lock().unwrap().services.is_empty());
}

#[tokio::test]
async fn a_container_that_does_not_start_ends_the_wait() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    emulator.state.lock().unwrap().crashes = true;
    let entry = json!({ "logName": "projects/lab-1/logs/run.googleapis.com%2Fstderr", "timestamp": "2026-11-28T10:00:00Z",
        "textPayload": "a bad setting" });
    emulator.state.lock().unwrap().entries.push(entry);
    let deployment = platform.deploy(&plain(1), &MemoryLedger::new()).await.unwrap();
    let error = platform.wait_until_ready(&deployment, PATIENCE).await.unwrap_err();
    assert!(matches!(error, PlatformError::ExitedAtStart { .. }), "{error}");
    assert!(error.to_string().contains("failed to start") && error.to_string().contains("a bad setting"), "{error}");
}

#[tokio::test]
async fn an_operation_that_never_ends_is_given_up() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({ "operation-patience-s": 0 }));
    let error = platform.deploy(&plain(1), &MemoryLedger::new()).await.unwrap_err();
    assert!(error.to_string().contains("not done after 0 s"), "{error}");
}
