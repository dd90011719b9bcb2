//! The platform wasm behind the server: real instances, over real connections.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway::{Endpoint, Listen, Running, ServeOptions, ServedPlatform, Token, serve};
use image_kind::{Image, ImageKind};
use local_platform::{LocalOptions, LocalPlatform};
use native::NoStorage;
use platform::{
    DeploymentId, DeploymentSpec, Invocation, Limits, MemoryLedger, Platform, ResourceState, Scale, undeploy,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use wasm_platform::{WasmDriver, WasmOptions};

use crate::raw::{Answer, Client, once, request};

struct Wasm {
    address: SocketAddr,
    running: Running,
    platform: Arc<LocalPlatform>,
    folder: TempDir,
}

fn spec(folder: &Path, function: &str, change: impl FnOnce(&mut DeploymentSpec)) -> DeploymentSpec {
    let component = artifacts::component(function).unwrap();
    let path = folder.join(format!("{function}.wasm"));
    std::fs::write(&path, component).unwrap();
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(component)));
    let image = Image {
        function: function.to_owned(),
        kind: ImageKind::Component,
        path,
        digest: digest.clone(),
        code_digest: digest,
        bytes: component.len() as u64,
        code_bytes: component.len() as u64,
        architecture: "wasm32".to_owned(),
    };
    let mut spec = DeploymentSpec {
        id: DeploymentId::new(),
        function: function.to_owned(),
        name: function.to_owned(),
        image,
        scale: Scale::default(),
        limits: Limits::default(),
        environment: Default::default(),
    };
    change(&mut spec);
    spec
}

async fn start(token: Option<Token>, specs: impl FnOnce(&Path) -> Vec<DeploymentSpec>) -> Wasm {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(MemoryLedger::new());
    let driver = WasmDriver::new(WasmOptions { instances: 32, ..WasmOptions::default() }).unwrap();
    let options = LocalOptions {
        target: None,
        storage: Arc::new(NoStorage),
        storage_location: folder.path().display().to_string(),
        state: folder.path().to_owned(),
        ledger: ledger.clone(),
    };
    let platform = Arc::new(LocalPlatform::new(Arc::new(driver), options).unwrap());
    let mut options = ServeOptions::new();
    options.ledger = ledger;
    options.token = token;
    options.deployments = specs(folder.path());
    options.grace = Duration::from_secs(2);
    let ended = platform.clone();
    options.end_platform = Some(Box::new(move || {
        Box::pin(async move {
            ended.shut_down(Duration::ZERO).await;
        })
    }));
    let running = serve(platform.clone(), options).await.unwrap();
    let Listen::Tcp(address) = running.addresses[0] else { panic!("not TCP") };
    Wasm { address, running, platform, folder }
}

impl Wasm {
    async fn end(self) {
        self.running.stop();
        let ended = self.running.ended().await;
        assert!(ended.all_finished && ended.left.is_empty(), "{ended:?}");
    }
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn record(answer: &Answer) -> Value {
    let body = answer.json();
    let identifier = body["identifier"].as_str().unwrap().to_owned();
    body["records"][identifier].clone()
}

#[tokio::test]
async fn functions_serve_warm_and_call_each_other() {
    let wasm =
        start(None, |folder| ["function1", "function2"].map(|function| spec(folder, function, |_| {})).to_vec()).await;
    let event = r#"{"invoke_nested":[{"function_name":"function2","invoke_payload":{}}]}"#;
    let mut client = Client::connect(wasm.address).await;
    let cold = client.ask(request("POST", "/function/function1", "", event)).await;
    assert_eq!((cold.status, cold.header("x-instance-seq")), (200, Some("0")), "{}", cold.body);
    assert!(cold.header("x-start-us").is_some() && cold.header("x-execution-us").is_some());
    let records = cold.json()["records"].as_object().unwrap().len();
    assert_eq!(records, 2, "{}", cold.body);
    assert_eq!(record(&cold)["instance_identifier"], cold.header("x-instance-id").unwrap().to_owned());
    let warm = client.ask(request("POST", "/function/function1", "", "{}")).await;
    assert_eq!(
        (warm.header("x-instance-id"), warm.header("x-instance-seq")),
        (cold.header("x-instance-id"), Some("1"))
    );
    assert_eq!(record(&warm)["is_cold"], false);
    let bad = client.ask(request("POST", "/function/function1", "", "{\"sleep\":-1}")).await;
    assert_eq!((bad.status, bad.json()["error"]["type"].as_str()), (400, Some("bad-request")));
    wasm.end().await;
}

#[tokio::test]
async fn without_a_keep_alive_time_every_call_has_an_instance_of_its_own() {
    let wasm =
        start(None, |folder| vec![spec(folder, "function1", |spec| spec.scale.keep_alive = Some(Duration::ZERO))])
            .await;
    let mut client = Client::connect(wasm.address).await;
    let mut instances = HashSet::new();
    for _ in 0..20 {
        let answer = client.ask(request("POST", "/function/function1", "", "{}")).await;
        assert_eq!((answer.status, answer.header("x-instance-seq")), (200, Some("0")));
        instances.insert(answer.header("x-instance-id").unwrap().to_owned());
    }
    assert_eq!(instances.len(), 20);
    wasm.end().await;
}

#[tokio::test]
async fn ten_times_the_capacity_is_refused_with_429_alone_in_flat_memory() {
    const CLIENTS: usize = 60;
    let wasm = start(None, |folder| {
        vec![spec(folder, "function1", |spec| {
            (spec.scale.maximum_instances, spec.scale.queue) = (Some(2), Some(4));
        })]
    })
    .await;
    let address = wasm.address;
    let round = async || {
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(async move {
                let mut client = Client::connect(address).await;
                let mut seen = HashMap::new();
                for _ in 0..5 {
                    let answer = client.ask(request("POST", "/function/function1", "", "{\"sleep\":0.02}")).await;
                    assert_eq!(answer.header("retry-after").is_some(), answer.status == 429);
                    *seen.entry(answer.status).or_insert(0) += 1;
                }
                seen
            });
        }
        let mut all = HashMap::new();
        while let Some(seen) = clients.join_next().await {
            for (status, count) in seen.unwrap() {
                *all.entry(status).or_insert(0) += count;
            }
        }
        all
    };
    let first = round().await;
    assert!(first[&200] >= 6 && first[&429] > 0 && first.len() == 2, "{first:?}");
    let before = resident_kb();
    for _ in 0..10 {
        round().await;
    }
    let grown = resident_kb().saturating_sub(before);
    assert!(grown < 16 << 10, "{grown} kB more after {} requests", 10 * 5 * CLIENTS);
    let answer = once(address, "POST", "/function/function1", "", "{}").await;
    assert_eq!(answer.status, 200);
    wasm.end().await;
}

#[tokio::test]
async fn a_guest_that_computes_for_ever_is_stopped_and_its_neighbours_do_not_wait() {
    let wasm = start(None, |folder| {
        vec![
            spec(folder, "function1", |spec| spec.limits.time = Some(Duration::from_secs(1))),
            spec(folder, "function2", |_| {}),
        ]
    })
    .await;
    let address = wasm.address;
    once(address, "POST", "/function/function2", "", "{}").await;
    let mut computing = Client::connect(address).await;
    let begin = Instant::now();
    computing.send(request("POST", "/function/function1", "", "{\"throughput_time\":600}")).await;
    for _ in 0..20 {
        assert_eq!(once(address, "POST", "/function/function2", "", "{}").await.status, 200);
    }
    let answer = computing.answer().await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert_eq!((answer.status, answer.json()["error"]["type"].as_str()), (504, Some("limit")), "{}", answer.body);
    assert!(answer.body.contains("limit of 1 s"), "{}", answer.body);
    let impatient = once(address, "POST", "/function/function1", "X-Timeout: 100ms\r\n", "{\"sleep\":0.8}").await;
    assert_eq!((impatient.status, impatient.header("x-faasbench-error")), (504, Some("no-answer")));
    assert_eq!(once(address, "POST", "/function/function1", "", "{}").await.status, 200);
    wasm.end().await;
}

#[tokio::test]
async fn what_does_not_finish_within_the_grace_is_ended() {
    let wasm = start(None, |folder| vec![spec(folder, "function1", |_| {})]).await;
    let mut client = Client::connect(wasm.address).await;
    assert_eq!(client.ask(request("POST", "/function/function1", "", "{}")).await.status, 200);
    client.send(request("POST", "/function/function1", "", "{\"sleep\":50}")).await;
    let deployment = wasm.platform.deployments().remove(0);
    crate::server::until(async || {
        let status = wasm.platform.status(&deployment).await.unwrap();
        status.instances.unwrap().iter().any(|instance| instance.active == Some(1))
    })
    .await;
    let begin = Instant::now();
    wasm.running.stop();
    let ended = wasm.running.ended().await;
    assert!(!ended.all_finished && ended.left.is_empty(), "{ended:?}");
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_client_deploys_invokes_cools_and_removes() {
    let token = Token::random();
    let wasm = start(Some(token.clone()), |_| Vec::new()).await;
    let endpoint = Endpoint::from(&wasm.running.addresses[0]);
    let served = ServedPlatform::connect(endpoint, Some(&token), "wasm").await.unwrap();
    let ledger = MemoryLedger::new();
    let deployment = served.deploy(&spec(wasm.folder.path(), "function1", |_| {}), &ledger).await.unwrap();
    served.wait_until_ready(&deployment, Duration::from_secs(60)).await.unwrap();
    let call = async || served.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    let cold = call().await;
    assert!(cold.instance.as_ref().unwrap().is_cold() && cold.timings.start_instance_ns.is_some());
    assert!(!call().await.instance.unwrap().is_cold());
    served.force_cold(&deployment).await.unwrap();
    assert!(call().await.instance.unwrap().is_cold());
    let price = served.billing(&deployment, cold.call.as_ref().unwrap()).await.unwrap().unwrap();
    assert!(price.billed_us > 0 && cold.billing.unwrap().memory_bytes == price.memory_bytes);
    assert!(!served.metrics(&deployment).await.unwrap().is_empty());
    assert_eq!(served.status(&deployment).await.unwrap().instances.unwrap().len(), 1);
    let later = served.invoke_async(&deployment, &Invocation::new("{\"sleep\":0.05}")).await.unwrap();
    let answer = loop {
        match served.take_result(&deployment, &later).await.unwrap() {
            Some(answer) => break answer,
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    assert_eq!(answer.status, 200);
    assert!(undeploy(&served, &deployment.spec.id, &ledger).await.unwrap().is_empty());
    assert!(ledger.entries().iter().all(|entry| entry.state == ResourceState::Removed));
    assert!(wasm.platform.deployments().is_empty());
    wasm.end().await;
}
