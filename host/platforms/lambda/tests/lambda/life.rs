//! A deployment's life, on every server that there is.

use std::collections::BTreeSet;
use std::time::Duration;

use image_kind::Image;
use lambda_platform::LambdaPlatform;
use platform::{CallId, Invocation, MemoryLedger, Platform, PlatformError, Readiness, ResourceState, Scale, undeploy};
use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::moto::Moto;
use crate::scene::{archive, platform, spec};

const PATIENCE: Duration = Duration::from_secs(60);

/// What a server can do beside what all can.
struct Server {
    /// It answers invocations as a lab function would, and writes reports.
    runs: bool,
}

async fn life(platform: &LambdaPlatform, first: &Image, second: &Image, server: Server) {
    let ledger = MemoryLedger::new();
    let mut spec = spec(&format!("life-{}", std::process::id()), first);
    spec.limits.memory_bytes = Some(256_000_000);
    spec.scale.maximum_instances = Some(5);
    platform.reach().await.unwrap();
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    assert_eq!(deployment.spec.limits.memory_bytes, Some(244 << 20));
    let status = platform.status(&deployment).await.unwrap();
    assert_eq!((status.readiness, status.image_digest.as_ref()), (Readiness::Ready, Some(&first.digest)));

    let answer = platform.invoke(&deployment, &Invocation::new(r#"{"a":1}"#)).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.timings.total_ns > 0 && answer.call.is_some());
    if server.runs {
        check_answers(platform, &deployment).await;
    }

    // An update: the same deployment, another image.
    spec.image = second.clone();
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let status = platform.status(&deployment).await.unwrap();
    assert_eq!(status.image_digest.as_ref(), Some(&second.digest));
    platform.scale(&deployment, &Scale { maximum_instances: Some(7), ..Scale::default() }).await.unwrap();

    // All that was made is known, once, and is found by its mark.
    let entries = ledger.entries();
    let kinds: Vec<_> = entries.iter().map(|entry| entry.resource.kind.as_str()).collect();
    assert_eq!(kinds, ["role", "role-policy", "log-group", "function"]);
    assert!(entries.iter().all(|entry| entry.state == ResourceState::Created));
    let marked = platform.find_marked().await.unwrap();
    let ours: BTreeSet<_> =
        marked.iter().filter(|found| found.deployment == spec.id.as_str()).map(|found| found.kind.as_str()).collect();
    assert_eq!(ours, BTreeSet::from(["function", "log-group", "role"]));

    // Another deployment of the same name is refused and makes nothing.
    let other = crate::scene::spec(&spec.name, first);
    let others_ledger = MemoryLedger::new();
    let refused = platform.deploy(&other, &others_ledger).await.unwrap_err();
    assert!(matches!(refused, PlatformError::NameTaken { .. }), "{refused}");
    assert!(others_ledger.entries().is_empty());

    assert!(undeploy(platform, &spec.id, &ledger).await.unwrap().is_empty());
    assert_eq!(platform.status(&deployment).await.unwrap().readiness, Readiness::Missing);
    let marked = platform.find_marked().await.unwrap();
    assert!(marked.iter().all(|found| found.deployment != spec.id.as_str()), "{marked:?}");
    // What is gone already is removed with success.
    for entry in &entries {
        platform.remove(&entry.resource).await.unwrap();
    }
    if !server.runs {
        // moto answers for functions that are not there.
        return;
    }
    let gone = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap_err();
    assert!(matches!(gone, PlatformError::NotFound { .. }), "{gone}");
}

/// Identities, cold starts, bills and logs.
async fn check_answers(platform: &LambdaPlatform, deployment: &platform::Deployment) {
    let invoke = async || platform.invoke(deployment, &Invocation::new(r#"{"a":1}"#)).await.unwrap();
    let warm = invoke().await;
    assert!(!warm.instance.as_ref().unwrap().is_cold());
    assert_eq!((warm.timings.start_instance_ns, warm.billing.unwrap().start_us), (None, None));
    platform.force_cold(deployment).await.unwrap();
    let cold = invoke().await;
    assert!(cold.instance.as_ref().unwrap().is_cold());
    assert_ne!(cold.instance.as_ref().unwrap().id, warm.instance.unwrap().id);
    let billing = cold.billing.unwrap();
    assert!(
        billing.start_us.is_some() && cold.timings.start_instance_ns.is_some() && cold.timings.execution_ns.is_some()
    );
    assert_eq!(billing.memory_bytes, Some(244 << 20));
    // The same bill is read in the log.
    let mut logged = None;
    for _ in 0..60 {
        logged = platform.billing(deployment, cold.call.as_ref().unwrap()).await.unwrap();
        if logged.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(logged, Some(billing));
    assert_eq!(platform.billing(deployment, &CallId("never".to_owned())).await.unwrap(), None);
    let lines = platform.logs(deployment, 0).await.unwrap();
    assert!(lines.iter().any(|line| line.text.starts_with("REPORT RequestId: ")), "{lines:?}");
    assert!(lines.is_sorted_by_key(|line| line.unix_ns));
    let starts = platform.metrics(deployment).await.unwrap().into_iter().find(|metric| metric.name == "starts");
    assert!(starts.unwrap().value >= 2.0);
}

#[tokio::test]
async fn a_deployment_lives_on_our_emulator() {
    let emulator = Emulator::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (archive(folder.path(), "one", &[]), archive(folder.path(), "two", &[]));
    let platform = platform(&emulator.endpoint, json!({})).await;
    life(&platform, &first, &second, Server { runs: true }).await;
    assert!(emulator.is_empty(), "{:?}", emulator.left());
}

#[tokio::test]
async fn a_deployment_lives_on_moto() {
    let Some(moto) = Moto::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (archive(folder.path(), "one", &[]), archive(folder.path(), "two", &[]));
    let platform = platform(&moto.endpoint, json!({})).await;
    life(&platform, &first, &second, Server { runs: false }).await;
    // Starting it takes seconds: one for both.
    by_url(&crate::scene::platform(&moto.endpoint, json!({ "url": "public" })).await, &first).await;
}

/// A function with a URL, called without waiting.
async fn by_url(platform: &LambdaPlatform, image: &Image) {
    let ledger = MemoryLedger::new();
    let spec = spec("by-url", image);
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    assert!(deployment.url.as_deref().unwrap().starts_with("https://"), "{deployment:?}");
    platform.invoke_async(&deployment, &Invocation::new("{}")).await.unwrap();
    assert!(undeploy(platform, &spec.id, &ledger).await.unwrap().is_empty());
    assert_eq!(platform.find_marked().await.unwrap(), []);
}

/// `LAMBDA_ENDPOINT=aws` is AWS itself, by its own chain of credentials; otherwise an address. `LAMBDA_ZIP` is an archive that
/// `faasbench build --platform lambda` made, `LAMBDA_ZIP_2` another.
#[tokio::test]
async fn a_deployment_lives_on_the_endpoint_that_is_given() {
    let Ok(endpoint) = std::env::var("LAMBDA_ENDPOINT") else {
        eprintln!("skipped: LAMBDA_ENDPOINT is not set");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let given = |variable: &str, name: &str| {
        let mut image = archive(folder.path(), name, &[]);
        if let Ok(path) = std::env::var(variable) {
            image = crate::scene::image_of(path.as_ref());
        }
        image
    };
    let (first, second) = (given("LAMBDA_ZIP", "one"), given("LAMBDA_ZIP_2", "two"));
    let runs = std::env::var_os("LAMBDA_ZIP").is_some();
    let platform = if endpoint == "aws" {
        let connection = crate::scene::connection(None, Value::Null);
        LambdaPlatform::new(connection, &lambda_platform::defaults().load().await).unwrap()
    } else {
        platform(&endpoint, json!({})).await
    };
    life(&platform, &first, &second, Server { runs }).await;
}
