//! What a call through the platform costs, from 1, 8 and 64 callers at once, fresh and warm: calls per second, median and
//! 99th percentile. `cargo bench -p wasm-platform`; say the load of the machine beside a figure.
#![allow(clippy::unwrap_used, reason = "a benchmark")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use image_kind::{Image, ImageKind};
use local_platform::{LocalOptions, LocalPlatform};
use native::NoStorage;
use platform::{Deployment, DeploymentId, DeploymentSpec, Invocation, Limits, MemoryLedger, Platform, Scale};
use sha2::{Digest, Sha256};
use wasm_platform::{WasmDriver, WasmOptions};

const TIME: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(MemoryLedger::new());
    let options = LocalOptions {
        target: None,
        storage: Arc::new(NoStorage),
        storage_location: "/nowhere".to_owned(),
        state: folder.path().to_owned(),
        ledger: ledger.clone(),
    };
    let driver = Arc::new(WasmDriver::new(WasmOptions::default()).unwrap());
    let platform = Arc::new(LocalPlatform::new(driver, options).unwrap());
    let path = folder.path().join("function1.wasm");
    std::fs::write(&path, artifacts::FUNCTION1).unwrap();
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(artifacts::FUNCTION1)));
    let bytes = artifacts::FUNCTION1.len() as u64;
    let mut deployments = Vec::new();
    for (name, keep_alive) in [("fresh", Duration::ZERO), ("warm", Duration::from_secs(60))] {
        let spec = DeploymentSpec {
            id: DeploymentId::new(),
            function: "function1".to_owned(),
            name: name.to_owned(),
            image: Image {
                function: "function1".to_owned(),
                kind: ImageKind::Component,
                path: path.clone(),
                digest: digest.clone(),
                code_digest: digest.clone(),
                bytes,
                code_bytes: bytes,
                architecture: "wasm32".to_owned(),
            },
            scale: Scale { keep_alive: Some(keep_alive), ..Scale::default() },
            limits: Limits::default(),
            environment: BTreeMap::new(),
        };
        let deployment = platform.deploy(&spec, &*ledger).await.unwrap();
        platform.wait_until_ready(&deployment, Duration::from_secs(60)).await.unwrap();
        deployments.push(deployment);
    }
    for _ in 0..2 {
        for deployment in &deployments {
            for callers in [1, 8, 64] {
                measure(&platform, deployment, callers).await;
            }
        }
    }
    platform.shut_down(Duration::from_secs(10)).await;
}

async fn measure(platform: &Arc<LocalPlatform>, deployment: &Deployment, callers: usize) {
    let end = Instant::now() + TIME;
    let calling: Vec<_> = (0..callers)
        .map(|_| {
            let (platform, deployment) = (platform.clone(), deployment.clone());
            tokio::spawn(async move {
                let mut took = Vec::new();
                while Instant::now() < end {
                    let begin = Instant::now();
                    let answer = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
                    took.push(begin.elapsed());
                    assert_eq!(answer.status, 200);
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for caller in calling {
        took.extend(caller.await.unwrap());
    }
    took.sort_unstable();
    let quantile = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    println!(
        "{:5}  {callers:2} callers  {:7.0} calls/s  p50 {:?}  p99 {:?}  n {}",
        deployment.spec.name,
        took.len() as f64 / TIME.as_secs_f64(),
        quantile(0.5),
        quantile(0.99),
        took.len()
    );
}
