//! wasmCloud: a host that stands for it behind NATS's own server, and a real one where variables name it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use component_hosts::connect_wasmcloud;
use image_kind::{Image, ImageKind};
use platform::{DeploymentId, Invocation, MemoryLedger, PlatformError, Readiness, undeploy};
use remote_platform::{Connection, PushedImage, Registry};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cloud_host::{CloudHost, Nats};
use crate::given::{connection, http_component, spec};
use crate::real::named;

const PATIENCE: Duration = Duration::from_secs(30);

/// A registry that has everything already.
#[derive(Default)]
struct Full {
    /// What every image is there, by its digest; none: by its own.
    pinned: Option<String>,
    removed: Mutex<Vec<String>>,
}

#[async_trait]
impl Registry for Full {
    fn reference(&self, image: &Image, deployment: &DeploymentId) -> PushedImage {
        let place = format!("127.0.0.1:5000/faasbench/{}", image.function);
        let pinned = self.pinned.clone().unwrap_or_else(|| format!("{place}@{}", image.digest));
        PushedImage { tagged: format!("{place}:{deployment}"), pinned }
    }

    async fn push(&self, image: &Image, deployment: &DeploymentId) -> Result<PushedImage, PlatformError> {
        Ok(self.reference(image, deployment))
    }

    async fn remove(&self, tagged: &str) -> Result<(), PlatformError> {
        self.removed.lock().unwrap().push(tagged.to_owned());
        Ok(())
    }
}

fn target(address: &str, options: Value, registry: &Arc<Full>) -> Connection {
    let registry: Arc<dyn Registry> = registry.clone();
    Connection { endpoint: Some(address.to_owned()), registry: Some(registry), ..connection("wasmcloud", options) }
}

#[tokio::test]
async fn a_workload_is_started_updated_made_cold_and_stopped() {
    let Some(nats) = Nats::start() else { return };
    let host = CloudHost::start(&nats, "01a2-h1").await;
    let (folder, registry, ledger) = (TempDir::new().unwrap(), Arc::new(Full::default()), MemoryLedger::new());
    let platform = connect_wasmcloud(target(&nats.address, json!({}), &registry)).unwrap();
    assert_eq!(platform.reach().await.unwrap().version, "wasmCloud 2.10.3");
    let mut spec = http_component(folder.path());

    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    assert_eq!(host.workloads(), [format!("faasbench-{}", spec.id)]);
    assert_eq!(deployment.url, Some(format!("{}/", host.http)));
    let anybodys = platform.http_call(&deployment).await.unwrap().unwrap();
    assert_eq!(anybodys.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["host"]);
    let told = async |deployment| -> Value {
        let answer = platform.invoke(deployment, &Invocation::new("{}")).await.unwrap();
        assert!(answer.status == 200 && answer.instance.unwrap().is_cold());
        serde_json::from_slice(&answer.body).unwrap()
    };
    let first = told(&deployment).await;
    assert_eq!(first["environment"]["GREETING"], "hello world");
    assert_eq!(first["environment"]["AWS_SECRET_ACCESS_KEY"], "open sesame");
    assert_eq!(first["annotations"]["faasbench.deployment"], spec.id.as_str());
    let kept = serde_json::to_string(&(&deployment, ledger.entries(), platform.requests(&spec).unwrap())).unwrap();
    assert!(!kept.contains("sesame"), "{kept}");

    platform.force_cold(&deployment).await.unwrap();
    assert_eq!((host.starts(), host.workloads().len()), (2, 1));
    spec.image.digest = format!("sha256:{}", "2".repeat(64));
    let updated = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&updated, PATIENCE).await.unwrap();
    assert!(told(&updated).await["image"].as_str().unwrap().ends_with(&spec.image.digest));
    assert_eq!(ledger.entries().len(), 2, "an image and a workload, however often they were made");
    assert_eq!(platform.status(&updated).await.unwrap().readiness, Readiness::Ready);

    assert_eq!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().len(), 0);
    assert!(host.workloads().is_empty() && registry.removed.lock().unwrap().len() == 1);
    platform.remove(&ledger.entries()[1].resource).await.unwrap();
    assert_eq!(platform.status(&updated).await.unwrap().readiness, Readiness::Missing);
    let gone = platform.invoke(&updated, &Invocation::new("{}")).await.unwrap_err();
    assert!(matches!(gone, PlatformError::NotFound { .. }), "{gone}");
}

#[tokio::test]
async fn a_name_that_others_have_is_refused_and_theirs_is_never_touched() {
    let Some(nats) = Nats::start() else { return };
    let host = CloudHost::start(&nats, "01a2-h2").await;
    let (folder, registry, ledger) = (TempDir::new().unwrap(), Arc::new(Full::default()), MemoryLedger::new());
    let options = json!({ "domain": "example.test", "host": "01a2-h2" });
    let platform = connect_wasmcloud(target(&nats.address, options, &registry)).unwrap();
    let spec = http_component(folder.path());
    host.occupy("function1.example.test");
    let error = platform.deploy(&spec, &ledger).await.unwrap_err();
    assert!(matches!(error, PlatformError::NameTaken { .. }), "{error}");
    assert!(ledger.entries().is_empty());
    assert_eq!(host.workloads(), ["theirs"]);
}

#[tokio::test]
async fn what_fails_there_is_told_and_a_host_that_is_gone_has_nothing_left_to_remove() {
    let Some(nats) = Nats::start() else { return };
    let host = CloudHost::start(&nats, "01a2-h3").await;
    let (folder, ledger) = (TempDir::new().unwrap(), MemoryLedger::new());
    let broken = Arc::new(Full { pinned: Some("broken@sha256:1".to_owned()), ..Full::default() });
    let spec = http_component(folder.path());
    let platform = connect_wasmcloud(target(&nats.address, json!({}), &broken)).unwrap();
    let error = platform.deploy(&spec, &ledger).await.unwrap_err();
    assert!(error.to_string().contains("failed to pull image"), "{error}");
    assert_eq!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().len(), 0);

    let registry = Arc::new(Full::default());
    let platform = connect_wasmcloud(target(&nats.address, json!({}), &registry)).unwrap();
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    host.end().await;
    let status = platform.status(&deployment).await.unwrap();
    assert_eq!(status.readiness, Readiness::Missing, "{status:?}");
    assert_eq!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().len(), 0);

    let absent = json!({ "heartbeat-seconds": 1, "host-group": "other" });
    let error = connect_wasmcloud(target(&nats.address, absent, &registry)).unwrap().reach().await.unwrap_err();
    assert!(matches!(&error, PlatformError::Unreachable { .. }) && error.to_string().contains("`other`"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_without_a_request() {
    let folder = TempDir::new().unwrap();
    let registry = Arc::new(Full::default());
    let refused = |address: &str, options: Value| {
        connect_wasmcloud(target(address, options, &registry)).is_err_and(|error| error.is_users())
    };
    assert!(refused("http://127.0.0.1:4222", json!({})));
    assert!(refused("nats://user:secret@127.0.0.1:4222", json!({})));
    assert!(refused("nats://elsewhere.example:4222", json!({})), "where is HTTP served?");
    for options in [json!({ "domain": "a b" }), json!({ "namespace": "" }), json!({ "host": "a.>" }), json!({ "x": 1 })]
    {
        assert!(refused("nats://127.0.0.1:4222", options.clone()), "{options}");
    }
    // Nothing listens there, and nothing is asked.
    let platform = connect_wasmcloud(target("nats://127.0.0.1:1", json!({}), &registry)).unwrap();
    let mut spec = http_component(folder.path());
    assert_eq!(platform.requests(&spec).unwrap().len(), 3);
    spec.limits.memory_bytes = Some(64 << 20);
    let ledger = MemoryLedger::new();
    assert!(platform.deploy(&spec, &ledger).await.unwrap_err().is_users());
    spec.limits.memory_bytes = None;
    let error = platform.deploy(&spec, &ledger).await.unwrap_err();
    assert!(matches!(error, PlatformError::Unreachable { .. }) && ledger.entries().is_empty(), "{error}");
}

/// `wash host`, where `FAASBENCH_TEST_WASMCLOUD_NATS` names its NATS server, `FAASBENCH_TEST_HTTP_COMPONENT` a component of
/// function1, and `FAASBENCH_TEST_WASMCLOUD_IMAGE` the same in a registry, by its digest.
#[tokio::test]
async fn a_real_host_serves_makes_cold_and_stops() {
    let nats = named("FAASBENCH_TEST_WASMCLOUD_NATS");
    let (Some(nats), Some(component), Some(image)) =
        (nats, named("FAASBENCH_TEST_HTTP_COMPONENT"), named("FAASBENCH_TEST_WASMCLOUD_IMAGE"))
    else {
        return;
    };
    let pinned = Some(image.to_str().unwrap().to_owned());
    let registry = Arc::new(Full { pinned, ..Full::default() });
    let platform = connect_wasmcloud(target(nats.to_str().unwrap(), json!({}), &registry)).unwrap();
    eprintln!("{:?}", platform.reach().await.unwrap());
    let (spec, ledger) = (spec(ImageKind::HttpComponent, component), MemoryLedger::new());
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let mut instances = Vec::new();
    for round in 0..4 {
        if round == 2 {
            platform.force_cold(&deployment).await.unwrap();
        }
        let answer = platform.invoke(&deployment, &Invocation::new(r#"{"throughput_time":0.001}"#)).await.unwrap();
        let said: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.status, 200, "{said}");
        assert_eq!(said["records"][said["identifier"].as_str().unwrap()]["platform"], "wasmcloud");
        let instance = answer.instance.unwrap();
        assert!(instance.is_cold() && !instances.contains(&instance.id));
        instances.push(instance.id);
    }
    assert_eq!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().len(), 0);
    assert_eq!(platform.status(&deployment).await.unwrap().readiness, Readiness::Missing);
    assert!(platform.invoke(&deployment, &Invocation::new("{}")).await.is_err());
}
