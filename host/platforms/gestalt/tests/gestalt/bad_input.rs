use std::time::Duration;

use platform::{DeploymentSpec, MemoryLedger, PlatformError, undeploy};
use serde_json::{Value, json};

use crate::emulator::{Emulator, variables};
use crate::living::{archive, plain};

#[tokio::test]
async fn what_cannot_be_kept_is_refused_before_anything_is_asked() {
    let emulator = Emulator::start().await;
    let file = archive("x");
    type Change = fn(&mut DeploymentSpec);
    let changes: [(&str, Change); 9] = [
        ("scratch", |spec| spec.limits.scratch_bytes = Some(1)),
        ("logs", |spec| spec.limits.log_bytes = Some(1)),
        ("MiB", |spec| spec.limits.memory_bytes = Some(1)),
        ("whole seconds", |spec| spec.limits.time = Some(Duration::from_millis(10))),
        ("executors", |spec| spec.scale.maximum_instances = Some(1)),
        ("several calls", |spec| spec.scale.concurrency = Some(2)),
        ("keep-alive", |spec| spec.scale.keep_alive = Some(Duration::from_secs(1))),
        ("queue", |spec| spec.scale.queue = Some(1)),
        ("name", |spec| spec.name = "a/b".to_owned()),
    ];
    let platform = emulator.platform(json!({}));
    for (said, change) in changes {
        let mut spec = plain(file.path(), 1);
        change(&mut spec);
        let error = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap_err();
        assert!(error.is_users() && error.to_string().contains(said), "{said}: {error}");
    }
    let mut spec = plain(file.path(), 1);
    spec.environment.insert("MINE".to_owned(), "yes".to_owned());
    let laser = emulator.platform(json!({ "api": "laser" }));
    let error = laser.deploy(&spec, &MemoryLedger::new()).await.unwrap_err();
    assert!(error.to_string().contains("variables"), "{error}");
    assert!(emulator.server.seen().is_empty());
}

#[tokio::test]
async fn options_and_credentials_that_cannot_be_used_are_named() {
    let emulator = Emulator::start().await;
    let refused = |options: Value| {
        gestalt_platform::connect_with(emulator.connection(options), &variables).err().unwrap().to_string()
    };
    assert!(refused(json!({ "environment": "x" })).contains("environment"));
    assert!(refused(json!({ "provider": null })).contains("provider"));
    assert!(refused(json!({ "organisation": "a/b" })).contains("organisation"));
    assert!(refused(json!({ "package-url": null })).contains("package-url"));
    assert!(refused(json!({ "laser-endpoint": null })).contains("laser-endpoint"));
    assert!(refused(json!({ "invoke-url": "https://x/{name}" })).contains("invoke-url"));
    let nobody = gestalt_platform::connect_with(emulator.connection(json!({})), &|_| None).err().unwrap();
    assert!(nobody.to_string().contains("GESTALT_USER"), "{nobody}");
    let wrong = |name: &str| Some(if name == "GESTALT_USER" { "me" } else { "hidden" }.to_owned());
    let platform = gestalt_platform::connect_with(emulator.connection(json!({})), &wrong).unwrap();
    let error = platform.reach().await.unwrap_err();
    assert!(matches!(error, PlatformError::Denied { .. }) && !error.to_string().contains("hidden"), "{error}");
}

#[tokio::test]
async fn what_is_anothers_is_neither_changed_nor_removed() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let file = archive("x");
    platform.deploy(&plain(file.path(), 1), &MemoryLedger::new()).await.unwrap();
    let before = emulator.state.lock().unwrap().lambdas.clone();
    let (mine, ledger) = (plain(file.path(), 2), MemoryLedger::new());
    let error = platform.deploy(&mine, &ledger).await.unwrap_err();
    assert!(matches!(error, PlatformError::NameTaken { .. }), "{error}");
    assert!(undeploy(&*platform, &mine.id, &ledger).await.unwrap().is_empty());
    assert_eq!(emulator.state.lock().unwrap().lambdas, before);
}
