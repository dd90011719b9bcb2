//! The same against a real cluster: `KUBECONFIG_FOR_TESTS` is its kubeconfig. With `IMAGES_FOR_TESTS`, two images
//! `HOST/PATH/function1@sha256:... HOST/PATH/function1@sha256:...` that its nodes can pull, instances are started as well, and
//! on its Knative with `KNATIVE_INGRESS_FOR_TESTS`, where that is entered. Without images, as where there is an API server
//! alone, only the objects are made, which its schemas check.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use platform::{MemoryLedger, Platform, PlatformError, Readiness, Scale};
use serde_json::{Value, json};

use crate::scene::{FakeRegistry, connect, connection, digest, image, remove, spec};

const LONG: Duration = Duration::from_secs(240);

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

/// The two images.
fn images() -> Option<Vec<(String, String)>> {
    let images = given("IMAGES_FOR_TESTS")?;
    let split = |image: &str| image.split_once('@').map(|(name, digest)| (name.to_owned(), digest.to_owned())).unwrap();
    Some(images.split_whitespace().map(split).collect())
}

/// A deployment's whole life; prints how long its parts took.
async fn lives(name: &'static str, options: Value, keep_alive: Option<Duration>) {
    let Some(images) = images() else { return };
    let prefix = images[0].0.strip_suffix("/function1").unwrap().to_owned();
    let Some(platform) = platform(name, options, &prefix).await else { return };
    let ledger = MemoryLedger::new();
    let mut spec = spec("life");
    spec.name = format!("life{}", spec.id);
    spec.image = image(&images[0].1);
    spec.scale.keep_alive = keep_alive;
    // Small machines have room for the old and the new ones then.
    spec.limits.cpus = Some(0.1);
    let mut begin = Instant::now();
    let mut lap = |what: &str| {
        eprintln!("{name}: {what}: {:.2} s", begin.elapsed().as_secs_f64());
        begin = Instant::now();
    };
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, LONG).await.unwrap();
    lap("deployed and ready");
    let event = || platform::Invocation::new("{}");
    let first = platform.invoke(&deployment, &event()).await.unwrap().instance.unwrap();
    assert!(first.is_cold());
    let status = platform.status(&deployment).await.unwrap();
    assert_eq!(status.readiness, Readiness::Ready);
    if name == "kubernetes" {
        assert_eq!(status.instances.unwrap()[0].id, first.id, "an instance's identity is its pod");
    }
    let mut times: Vec<u64> = Vec::new();
    for _ in 0..200 {
        let answer = platform.invoke(&deployment, &event()).await.unwrap();
        assert_eq!((answer.status, answer.instance.unwrap().id), (200, first.id.clone()));
        times.push(answer.timings.total_ns);
    }
    times.sort_unstable();
    eprintln!("{name}: a warm call: median {} us, 95th percentile {} us, n 200", times[100] / 1000, times[190] / 1000);
    lap("called");
    // It calls itself, the cluster's own way.
    let nested = json!({"invoke_nested": [{"function_name": spec.name, "invoke_payload": {}}]}).to_string();
    let answer = platform.invoke(&deployment, &platform::Invocation::new(nested)).await.unwrap();
    let response: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(response["records"].as_object().map(serde_json::Map::len), Some(2), "{response}");
    lap("called itself");
    platform.force_cold(&deployment).await.unwrap();
    lap("forced cold");
    let cold = platform.invoke(&deployment, &event()).await.unwrap();
    let second = cold.instance.clone().unwrap();
    assert!(second.is_cold() && second.id != first.id);
    eprintln!(
        "{name}: the cold call: {} ms, instance {} ms old",
        cold.timings.total_ns / 1_000_000,
        second.age_us / 1000
    );
    lap("called cold");
    let two = Scale { minimum_instances: Some(2), maximum_instances: Some(2), ..Scale::default() };
    platform.scale(&deployment, &two).await.unwrap();
    lap("scaled to two");
    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        seen.insert(platform.invoke(&deployment, &event()).await.unwrap().instance.unwrap().id);
    }
    assert_eq!(seen.len(), 2);
    spec.image = image(&images[1].1);
    let updated = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&updated, LONG).await.unwrap();
    lap("updated");
    let third = platform.invoke(&updated, &event()).await.unwrap().instance.unwrap();
    assert!(!seen.contains(&third.id));
    assert_eq!(platform.status(&updated).await.unwrap().image_digest.as_deref(), Some(images[1].1.as_str()));
    // What a function prints is its own affair; that it can be read is not.
    platform.logs(&updated, 0).await.unwrap();
    remove(platform.as_ref(), &spec, &ledger).await;
    lap("removed");
}

#[tokio::test]
async fn functions_run_on_a_real_cluster() {
    lives("kubernetes", json!({}), None).await;
}

#[tokio::test]
async fn functions_run_on_a_real_knative() {
    let Some(ingress) = given("KNATIVE_INGRESS_FOR_TESTS") else { return };
    lives("knative", json!({"ingress": ingress}), Some(Duration::from_secs(6))).await;
}

/// `CONTEXTS_FOR_TESTS` names a context with credentials that are not accepted, and one without rights.
#[tokio::test]
async fn a_real_api_server_refuses_clearly() {
    let Some(contexts) = given("CONTEXTS_FOR_TESTS") else { return };
    let contexts: Vec<&str> = contexts.split_whitespace().collect();
    for (context, wanted) in contexts.into_iter().zip(["expired", "cannot"]) {
        let Some(platform) = platform("kubernetes", json!({"context": context}), "registry.example.test").await else {
            return;
        };
        let ledger = MemoryLedger::new();
        let error = platform.deploy(&spec("refused"), &ledger).await.unwrap_err();
        eprintln!("{error}");
        assert!(matches!(error, PlatformError::Denied { .. }) && error.to_string().contains(wanted), "{error}");
        assert!(ledger.entries().is_empty());
    }
}

/// `QUOTA_FOR_TESTS` is a namespace whose quota has no room for an instance.
#[tokio::test]
async fn a_real_quota_is_told() {
    let Some(namespace) = given("QUOTA_FOR_TESTS") else { return };
    let options = json!({"namespace": namespace});
    let Some(platform) = platform("kubernetes", options, "registry.example.test").await else { return };
    let (ledger, mut spec) = (MemoryLedger::new(), spec("quota"));
    spec.name = format!("quota-{}", spec.id);
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    let error = platform.wait_until_ready(&deployment, LONG).await.unwrap_err();
    eprintln!("{error}");
    assert!(error.to_string().contains("exceeded quota"), "{error}");
    remove(platform.as_ref(), &spec, &ledger).await;
}
