//! Deployments from their beginning to their end.

use std::sync::Arc;
use std::time::Duration;

use platform::{Invocation, Ledger, MemoryLedger, Platform, PlatformError, Readiness, Scale};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::emulator::Emulator;
use crate::scene::{FakeRegistry, PATIENCE, call, connect, connection, digest, kubeconfig, remove, spec};

pub(crate) struct Stage {
    pub(crate) emulator: Arc<Emulator>,
    pub(crate) registry: Arc<FakeRegistry>,
    pub(crate) platform: Arc<dyn Platform>,
    _folder: TempDir,
}

/// A platform on an emulated cluster; `options` are added to those that find it.
pub(crate) async fn stage(platform: &'static str, options: Value) -> Stage {
    let emulator = Emulator::start().await;
    let folder = tempfile::tempdir().unwrap();
    let registry = Arc::new(FakeRegistry { prefix: "registry.example.test/lab".to_owned(), ..FakeRegistry::default() });
    let mut all = json!({"kubeconfig": kubeconfig(folder.path(), &emulator.address, "good")});
    match platform {
        "knative" => all["ingress"] = json!(emulator.address),
        "fission" => all["router"] = json!(emulator.address),
        _ => {}
    }
    if options["runtime"] == "knative" {
        all["ingress"] = json!(emulator.address);
    }
    all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    let platform = connect(connection(platform, all, &registry)).await.unwrap();
    Stage { emulator, registry, platform, _folder: folder }
}

async fn lives(platform: &'static str, options: Value) {
    let stage = stage(platform, options).await;
    let platform = stage.platform.as_ref();
    assert!(platform.reach().await.unwrap().version.contains("Kubernetes v1.36.2"));
    let ledger = MemoryLedger::new();
    let mut spec = spec("f");
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let needs_credentials = deployment.details["route"]["proxy"].is_object();
    assert_eq!(deployment.url.is_none(), needs_credentials, "{:?}", deployment.url);
    let (body, instance, index) = call(platform, &deployment).await;
    assert!(body.ends_with(&digest('a')), "{body}");
    assert_eq!(index, 1);
    let (_, same, index) = call(platform, &deployment).await;
    assert_eq!((same, index), (instance.clone(), 2));

    let status = platform.status(&deployment).await.unwrap();
    assert_eq!(status.readiness, Readiness::Ready, "{status:?}");
    assert_eq!(status.image_digest, Some(digest('a')));
    let instances = status.instances.unwrap();
    assert_eq!((instances.len(), &instances[0].id, instances[0].invocations), (1, &instance, None));
    let logs = platform.logs(&deployment, 0).await.unwrap();
    assert_eq!(logs[0].text, format!("hello from {instance}"));

    platform.force_cold(&deployment).await.unwrap();
    let (_, after, index) = call(platform, &deployment).await;
    assert_ne!(after, instance);
    assert_eq!(index, 1);

    // An update: old pods answer for a while, but not any more when it is ready.
    spec.image = crate::scene::image(&digest('b'));
    let updated = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&updated, PATIENCE).await.unwrap();
    for _ in 0..5 {
        assert!(call(platform, &updated).await.0.ends_with(&digest('b')));
    }
    remove(platform, &spec, &ledger).await;
    assert!(stage.registry.tags.lock().unwrap().is_empty());
    assert!(stage.emulator.world.lock().unwrap().objects.is_empty());
    assert_eq!(platform.status(&updated).await.unwrap().readiness, Readiness::Missing);
    assert!(matches!(platform.force_cold(&updated).await, Err(PlatformError::NotFound { .. })));
}

#[tokio::test]
async fn a_plain_deployment_lives() {
    lives("kubernetes", json!({})).await;
}

#[tokio::test]
async fn a_knative_service_lives() {
    lives("knative", json!({})).await;
}

#[tokio::test]
async fn a_fission_function_lives() {
    lives("fission", json!({})).await;
}

#[tokio::test]
async fn a_riff_deployer_lives_in_both_runtimes() {
    tokio::join!(lives("riff", json!({})), lives("riff", json!({"runtime": "knative"})));
}

#[tokio::test]
async fn knative_is_made_cold_without_starting_an_instance_where_the_cluster_allows_it() {
    let stage = stage("knative", json!({})).await;
    stage.emulator.world.lock().unwrap().allows_empty = true;
    let ledger = MemoryLedger::new();
    let spec = spec("f");
    let deployment = stage.platform.deploy(&spec, &ledger).await.unwrap();
    stage.platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    call(stage.platform.as_ref(), &deployment).await;
    stage.platform.force_cold(&deployment).await.unwrap();
    assert_eq!(stage.platform.status(&deployment).await.unwrap().instances, Some(Vec::new()));
    assert_eq!(call(stage.platform.as_ref(), &deployment).await.2, 1);
    remove(stage.platform.as_ref(), &spec, &ledger).await;
}

#[tokio::test]
async fn a_plain_deployment_is_scaled_and_stays_so() {
    let stage = stage("kubernetes", json!({})).await;
    let ledger = MemoryLedger::new();
    let spec = spec("f");
    let deployment = stage.platform.deploy(&spec, &ledger).await.unwrap();
    stage.platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let (_, first, _) = call(stage.platform.as_ref(), &deployment).await;
    let three = Scale { minimum_instances: Some(3), maximum_instances: Some(3), ..Scale::default() };
    stage.platform.scale(&deployment, &three).await.unwrap();
    let ids = async || {
        let status = stage.platform.status(&deployment).await.unwrap();
        status.instances.unwrap().into_iter().map(|instance| instance.id).collect::<Vec<String>>()
    };
    let scaled = ids().await;
    assert_eq!(scaled.len(), 3);
    assert!(scaled.contains(&first), "more instances need no new ones");
    stage.platform.force_cold(&deployment).await.unwrap();
    assert_eq!(ids().await.len(), 3, "a cold start keeps the scale");
    remove(stage.platform.as_ref(), &spec, &ledger).await;
}

#[tokio::test]
async fn two_deployments_at_once_do_not_disturb_each_other() {
    let stage = stage("kubernetes", json!({})).await;
    let (ledger, other_ledger) = (MemoryLedger::new(), MemoryLedger::new());
    let (one, other) = (spec("f"), spec("f"));
    let deployed = tokio::join!(stage.platform.deploy(&one, &ledger), stage.platform.deploy(&other, &other_ledger));
    let (winner, winners, losers) = match deployed {
        (Ok(winner), Err(error)) => (winner, (&one, &ledger), (&other, &other_ledger, error)),
        (Err(error), Ok(winner)) => (winner, (&other, &other_ledger), (&one, &ledger, error)),
        both => panic!("{both:?}"),
    };
    assert!(matches!(losers.2, PlatformError::NameTaken { .. }), "{}", losers.2);
    remove(stage.platform.as_ref(), losers.0, losers.1).await;
    stage.platform.wait_until_ready(&winner, PATIENCE).await.unwrap();
    call(stage.platform.as_ref(), &winner).await;
    remove(stage.platform.as_ref(), winners.0, winners.1).await;
}

#[tokio::test]
async fn fission_takes_calls_without_waiting() {
    let stage = stage("fission", json!({})).await;
    let ledger = MemoryLedger::new();
    let spec = spec("f");
    let deployment = stage.platform.deploy(&spec, &ledger).await.unwrap();
    let called = stage.platform.invoke_async(&deployment, &Invocation::new("{}")).await.unwrap();
    assert_eq!(called.0, "i1");
    let taken = stage.platform.take_result(&deployment, &called).await;
    assert!(matches!(taken, Err(PlatformError::Unsupported { .. })));
    remove(stage.platform.as_ref(), &spec, &ledger).await;
}

#[tokio::test]
async fn functions_are_reached_at_ports_of_the_nodes_and_at_ingresses_that_are_found() {
    let on = stage("kubernetes", json!({"reach": "node-port"})).await;
    let (plain, ledger) = (spec("f"), MemoryLedger::new());
    let deployment = on.platform.deploy(&plain, &ledger).await.unwrap();
    assert_eq!(deployment.url, Some(format!("{}/", on.emulator.address)));
    on.platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    assert_eq!(call(on.platform.as_ref(), &deployment).await.2, 1);
    let metrics = on.platform.metrics(&deployment).await.unwrap();
    let values: Vec<(&str, f64)> = metrics.iter().map(|metric| (metric.name.as_str(), metric.value)).collect();
    assert_eq!(values, [("f-1/function/cpu", 0.25), ("f-1/function/memory", 10_485_760.0)]);
    remove(on.platform.as_ref(), &plain, &ledger).await;

    let on = stage("knative", json!({"ingress": null})).await;
    let remarks = on.platform.reach().await.unwrap().remarks.join(" ");
    assert!(remarks.contains(&on.emulator.address), "{remarks}");
    let (served, ledger) = (spec("f"), MemoryLedger::new());
    let deployment = on.platform.deploy(&served, &ledger).await.unwrap();
    on.platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    assert_eq!(call(on.platform.as_ref(), &deployment).await.2, 1);
    assert_eq!(deployment.url.as_deref(), Some("http://f.lab.example.test/"));
    // The name is no address here: the ingress has one, and is told the name.
    let anybodys = on.platform.http_call(&deployment).await.unwrap().unwrap();
    assert_eq!(emulation::status_over_http(&anybodys).await, 200);
    remove(on.platform.as_ref(), &served, &ledger).await;
}

async fn says_that_nothing_is_there(platform: &'static str) {
    let stage = stage(platform, json!({})).await;
    let ledger = MemoryLedger::new();
    let spec = spec("f");
    let deployment = stage.platform.deploy(&spec, &ledger).await.unwrap();
    stage.platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    remove(stage.platform.as_ref(), &spec, &ledger).await;
    let mut invocation = Invocation::new("{}");
    invocation.patience = Some(Duration::from_secs(5));
    let error = stage.platform.invoke(&deployment, &invocation).await.unwrap_err();
    assert!(matches!(error, PlatformError::NotFound { .. }), "{platform}: {error}");
}

#[tokio::test]
async fn a_call_of_nothing_says_so() {
    tokio::join!(
        says_that_nothing_is_there("kubernetes"),
        says_that_nothing_is_there("knative"),
        says_that_nothing_is_there("fission"),
    );
}

#[tokio::test]
async fn an_update_takes_away_what_it_no_longer_has() {
    let on = stage("riff", json!({})).await;
    let (spec, ledger) = (spec("f"), MemoryLedger::new());
    let deployment = on.platform.deploy(&spec, &ledger).await.unwrap();
    on.platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = kubeconfig(folder.path(), &on.emulator.address, "good");
    let options = json!({"kubeconfig": path, "runtime": "knative", "ingress": on.emulator.address});
    let mut without_secret = connection("riff", options, &on.registry);
    without_secret.storage_environment.clear();
    let changed = connect(without_secret).await.unwrap();
    let updated = changed.deploy(&spec, &ledger).await.unwrap();
    changed.wait_until_ready(&updated, PATIENCE).await.unwrap();
    call(changed.as_ref(), &updated).await;
    let left: Vec<String> =
        ledger.resources(&spec.id).await.unwrap().into_iter().map(|entry| entry.resource.kind).collect();
    assert_eq!(left, ["image", "riff-knative-deployer"]);
    let there: Vec<String> = on.emulator.world.lock().unwrap().objects.keys().cloned().collect();
    assert!(there.iter().all(|key| !key.contains("secrets") && !key.contains("core")), "{there:?}");
    remove(changed.as_ref(), &spec, &ledger).await;
    assert!(on.emulator.world.lock().unwrap().objects.is_empty());
}
