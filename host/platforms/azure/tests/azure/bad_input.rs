use std::time::Duration;

use image_kind::ImageKind;
use platform::{DeploymentSpec, MemoryLedger, PlatformError, undeploy};
use serde_json::{Value, json};

use crate::deploying::{package, package_with_caller, plain};
use crate::emulator::{Emulator, variables};

#[tokio::test]
async fn what_cannot_be_kept_is_refused_before_anything_is_asked() {
    let emulator = Emulator::start().await;
    let package = package(10);
    type Change = fn(&mut DeploymentSpec);
    let both: [(&str, Change); 7] = [
        ("processors", |spec| spec.limits.cpus = Some(1.0)),
        ("scratch", |spec| spec.limits.scratch_bytes = Some(1)),
        ("logs", |spec| spec.limits.log_bytes = Some(1)),
        ("keep-alive", |spec| spec.scale.keep_alive = Some(Duration::from_secs(1))),
        ("queue", |spec| spec.scale.queue = Some(1)),
        ("site's name", |spec| spec.name = "x".repeat(60)),
        ("image", |spec| spec.image.kind = ImageKind::Oci),
    ];
    let flex: [(&str, Change); 3] = [
        ("512, 2048 or 4096", |spec| spec.limits.memory_bytes = Some(1 << 30)),
        ("40 to 1000", |spec| spec.scale.maximum_instances = Some(10)),
        ("time limit", |spec| spec.limits.time = Some(Duration::from_millis(10))),
    ];
    let consumption: [(&str, Change); 4] = [
        ("set the memory", |spec| spec.limits.memory_bytes = Some(512 << 20)),
        ("ready", |spec| spec.scale.minimum_instances = Some(1)),
        ("concurrency", |spec| spec.scale.concurrency = Some(2)),
        ("time limit", |spec| spec.limits.time = Some(Duration::from_secs(601))),
    ];
    for (plan, changes) in [("flex", &flex[..]), ("consumption", &consumption[..])] {
        let platform = emulator.platform(json!({ "plan": plan }));
        for (said, change) in both.iter().chain(changes) {
            let mut spec = plain(package.path(), 1);
            change(&mut spec);
            let error = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap_err();
            assert!(error.is_users() && error.to_string().contains(said), "{said}: {error}");
            assert!(platform.requests(&spec).is_err());
        }
    }
    assert!(emulator.server.seen().is_empty());
}

#[tokio::test]
async fn places_and_options_that_cannot_be_are_named() {
    let emulator = Emulator::start().await;
    let refused = |options: Value| {
        azure_platform::connect_with(emulator.connection(options), &variables).err().unwrap().to_string()
    };
    assert!(refused(json!({ "subscription": "../x" })).contains("subscription"));
    assert!(refused(json!({ "region": "West Europe" })).contains("region"));
    assert!(refused(json!({ "site-suffix": "a/b" })).contains("domain of sites"));
    assert!(refused(json!({ "api-versions": { "web": "2024&x" } })).contains("version"));
    assert!(refused(json!({ "colour": 1 })).contains("colour"));
    let package = package(10);
    // A region that the subscription does not have: asked for, and nothing made.
    let platform = emulator.platform(json!({ "region": "moonwest" }));
    let ledger = MemoryLedger::new();
    let error = platform.deploy(&plain(package.path(), 1), &ledger).await.unwrap_err();
    assert!(error.is_users() && error.to_string().contains("moonwest"), "{error}");
    let group = json!({ "resource-group": "a/b" });
    let error = emulator.platform(group).deploy(&plain(package.path(), 1), &ledger).await.unwrap_err();
    assert!(error.to_string().contains("resource group"), "{error}");
    assert!(ledger.entries().is_empty());
}

#[tokio::test]
async fn wrong_credentials_are_told_with_what_to_do() {
    let emulator = Emulator::start().await;
    let wrong = |name: &str| (name == "FAASBENCH_AZURE_ACCESS_TOKEN").then(|| "expired".to_owned());
    let platform = azure_platform::connect_with(emulator.connection(json!({})), &wrong).unwrap();
    let error = platform.reach().await.unwrap_err();
    assert!(matches!(error, PlatformError::Denied { .. }) && !error.to_string().contains("expired"), "{error}");
}

#[tokio::test]
async fn what_azure_repeats_in_a_refusal_is_not_shown() {
    let emulator = Emulator::start().await;
    let package = package_with_caller();
    emulator.state.lock().unwrap().repeats = true;
    let error = emulator.platform(json!({})).deploy(&plain(package.path(), 1), &MemoryLedger::new()).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("not these") && error.matches("(not shown)").count() == 3, "{error}");
    let secrets = [crate::emulator::STORAGE_KEY, "secret-insights"];
    assert!(secrets.iter().all(|secret| !error.contains(secret)), "{error}");
}

#[tokio::test]
async fn what_fails_half_way_is_removed_all_the_same() {
    let package = package(10);
    for case in ["operation", "publication", "elsewhere"] {
        let emulator = Emulator::start().await;
        let platform = emulator.platform(json!({ "application-insights": false }));
        let said = match case {
            "publication" => {
                emulator.state.lock().unwrap().refuses_packages = true;
                "Package too odd"
            }
            "elsewhere" => {
                emulator.state.lock().unwrap().elsewhere = true;
                "not below"
            }
            _ => {
                emulator.state.lock().unwrap().fails = Some("no quota".to_owned());
                "QuotaExceeded: no quota"
            }
        };
        let (spec, ledger) = (plain(package.path(), 1), MemoryLedger::new());
        let error = platform.deploy(&spec, &ledger).await.unwrap_err();
        assert!(error.to_string().contains(said), "{case}: {error}");
        emulator.state.lock().unwrap().elsewhere = false;
        assert!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().is_empty(), "{case}");
        assert!(emulator.state.lock().unwrap().things.is_empty(), "{case}");
    }
}
