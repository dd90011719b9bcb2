//! The same against a real cluster: `KUBECONFIG_FOR_TESTS` is its kubeconfig. With `IMAGES_FOR_TESTS`, two images
//! `HOST/PATH/function1@sha256:... HOST/PATH/function1@sha256:...` that its nodes can pull, their instances are started as well;
//! without it, as where there is an API server alone, only the objects are made, which its schemas check.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use platform::{MemoryLedger, Platform, PlatformError, Readiness, Scale};
use serde_json::{Value, json};

use crate::scene::{FakeRegistry, connect, connection, digest, image, remove, spec};

const LONG: Duration = Duration::from_secs(120);

fn given(name: &str) -> Option<String> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        eprintln!("skipped: {name} is not set");
    }
    value
}

async fn platform(name: &'static str, options: Value, prefix: &str) -> Option<Arc<dyn Platform>> {
    let mut all = json!({"kubeconfig": given("KUBECONFIG_FOR_TESTS")?});
    all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    let registry = Arc::new(FakeRegistry { prefix: prefix.to_owned(), ..FakeRegistry::default() });
    Some(connect(connection(name, all, &registry)).await.unwrap())
}

#[tokio::test]
async fn a_real_api_server_accepts_the_objects() {
    for (name, options) in [
        ("kubernetes", json!({"reach": "node-port", "node-address": "127.0.0.1"})),
        ("knative", json!({"ingress": "http://127.0.0.1:1"})),
        ("fission", json!({"router": "http://127.0.0.1:1"})),
        ("riff", json!({})),
        ("riff", json!({"runtime": "knative", "ingress": "http://127.0.0.1:1"})),
    ] {
        let Some(platform) = platform(name, options, "registry.example.test").await else { return };
        match platform.reach().await {
            Ok(reached) => eprintln!("{name}: {reached:?}"),
            Err(error) => {
                eprintln!("skipped: {error}");
                continue;
            }
        }
        let ledger = MemoryLedger::new();
        let mut spec = spec("objects");
        spec.name = format!("objects-{}", spec.id);
        spec.scale.concurrency = Some(3);
        if name == "knative" {
            spec.scale.minimum_instances = Some(0);
            spec.scale.maximum_instances = Some(2);
            spec.scale.keep_alive = Some(Duration::from_secs(7));
            spec.limits.time = Some(Duration::from_secs(30));
        }
        if name == "fission" {
            spec.scale.maximum_instances = Some(2);
            spec.scale.keep_alive = Some(Duration::from_secs(7));
            spec.limits.time = Some(Duration::from_secs(30));
        }
        spec.limits.scratch_bytes = Some(1 << 30);
        let deployment = platform.deploy(&spec, &ledger).await.unwrap();
        // An update, in which a variable goes.
        spec.environment.clear();
        spec.image = image(&digest('b'));
        platform.deploy(&spec, &ledger).await.unwrap();
        assert_eq!(platform.status(&deployment).await.unwrap().image_digest, Some(digest('b')));
        let found = platform.find_marked().await.unwrap();
        let ours = found.iter().filter(|found| found.deployment == spec.id.as_str()).count();
        assert_eq!(ours, ledger.entries().len() - 2, "all but the two images: {found:?}");
        let other = crate::scene::spec(&spec.name);
        let error = platform.deploy(&other, &MemoryLedger::new()).await.unwrap_err();
        assert!(matches!(error, PlatformError::NameTaken { .. }), "{error}");
        remove(platform.as_ref(), &spec, &ledger).await;
        assert_eq!(platform.status(&deployment).await.unwrap().readiness, Readiness::Missing);
    }
}

#[tokio::test]
async fn functions_run_on_a_real_cluster() {
    let (Some(_), Some(images)) = (given("KUBECONFIG_FOR_TESTS"), given("IMAGES_FOR_TESTS")) else { return };
    let images: Vec<(String, String)> = images
        .split_whitespace()
        .map(|image| image.split_once('@').map(|(name, digest)| (name.to_owned(), digest.to_owned())).unwrap())
        .collect();
    let prefix = images[0].0.strip_suffix("/function1").unwrap().to_owned();
    let platform = platform("kubernetes", json!({}), &prefix).await.unwrap();
    let ledger = MemoryLedger::new();
    let mut spec = spec("life");
    spec.name = format!("life-{}", spec.id);
    spec.image = image(&images[0].1);
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, LONG).await.unwrap();
    let event = || platform::Invocation::new(r#"{"identifier": "a", "operations": []}"#);
    let first = platform.invoke(&deployment, &event()).await.unwrap().instance.unwrap();
    assert!(first.is_cold());
    let status = platform.status(&deployment).await.unwrap();
    assert_eq!(status.instances.unwrap()[0].id, first.id, "an instance's identity is its pod");
    platform.force_cold(&deployment).await.unwrap();
    let second = platform.invoke(&deployment, &event()).await.unwrap().instance.unwrap();
    assert!(second.is_cold() && second.id != first.id);
    let two = Scale { minimum_instances: Some(2), maximum_instances: Some(2), ..Scale::default() };
    platform.scale(&deployment, &two).await.unwrap();
    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        seen.insert(platform.invoke(&deployment, &event()).await.unwrap().instance.unwrap().id);
    }
    assert_eq!(seen.len(), 2);
    spec.image = image(&images[1].1);
    let updated = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&updated, LONG).await.unwrap();
    let third = platform.invoke(&updated, &event()).await.unwrap().instance.unwrap();
    assert!(!seen.contains(&third.id));
    assert_eq!(platform.status(&updated).await.unwrap().image_digest.as_deref(), Some(images[1].1.as_str()));
    // What a function prints is its own affair; that it can be read is not.
    platform.logs(&updated, 0).await.unwrap();
    remove(platform.as_ref(), &spec, &ledger).await;
}
