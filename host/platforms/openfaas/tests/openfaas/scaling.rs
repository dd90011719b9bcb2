//! Numbers of instances.

use std::collections::BTreeSet;

use platform::{Invocation, MemoryLedger, Platform, PlatformError, Scale};
use serde_json::json;

use crate::emulator::Edition;
use crate::gateway::Gateway;
use crate::given::{PATIENCE, platform, spec};

fn minimum(instances: u32) -> Scale {
    Scale { minimum_instances: Some(instances), ..Scale::default() }
}

#[tokio::test]
async fn as_many_instances_answer_as_were_asked_for() {
    let gateway = Gateway::start(Edition::Community).await;
    let platform = platform(&gateway, json!({}));
    let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    platform.scale(&deployment, &minimum(3)).await.unwrap();
    let mut instances = BTreeSet::new();
    for _ in 0..12 {
        instances.insert(platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap().instance.unwrap().id);
    }
    assert_eq!(instances.len(), 3);
    // What is not named stays.
    let most = Scale { maximum_instances: Some(5), ..Scale::default() };
    platform.scale(&deployment, &most).await.unwrap();
    let labels = &gateway.last("PUT")["labels"];
    assert_eq!((&labels["com.openfaas.scale.min"], &labels["com.openfaas.scale.max"]), (&"3".into(), &"5".into()));
}

#[tokio::test]
async fn a_number_that_the_community_edition_has_not_is_told() {
    let gateway = Gateway::start(Edition::Community).await;
    let platform = platform(&gateway, json!({}));
    let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let error = platform.scale(&deployment, &minimum(9)).await.unwrap_err().to_string();
    assert!(error.contains("com.openfaas.scale.min is set too high"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused() {
    let gateway = Gateway::start(Edition::Community).await;
    let platform = platform(&gateway, json!({}));
    let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    let bad = [
        minimum(0),
        Scale { maximum_instances: Some(0), ..Scale::default() },
        Scale { minimum_instances: Some(3), maximum_instances: Some(2), ..Scale::default() },
        Scale { queue: Some(7), ..Scale::default() },
        Scale { concurrency: Some(0), ..Scale::default() },
        Scale { keep_alive: Some(std::time::Duration::from_secs(60)), ..Scale::default() },
    ];
    for scale in bad {
        let scaled = platform.scale(&deployment, &scale).await;
        assert!(matches!(scaled, Err(PlatformError::Invalid(_))), "{scale:?}");
    }
    assert!(gateway.made("PUT", "/system/functions").is_empty());
}

#[tokio::test]
async fn faasd_runs_one_instance() {
    let gateway = Gateway::start(Edition::Faasd).await;
    let platform = platform(&gateway, json!({}));
    let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let scaled = platform.scale(&deployment, &minimum(2)).await;
    assert!(matches!(scaled, Err(PlatformError::Invalid(said)) if said.contains("faasd runs one instance")));
    let mut two = spec("g");
    two.scale = minimum(2);
    assert!(matches!(platform.deploy(&two, &MemoryLedger::new()).await, Err(PlatformError::Invalid(_))));
    let mut half = spec("g");
    half.limits.cpus = Some(0.5);
    assert!(matches!(platform.deploy(&half, &MemoryLedger::new()).await, Err(PlatformError::Invalid(_))));
    assert!(gateway.made("POST", "/system/functions").len() == 1, "nothing was made of them");
}
