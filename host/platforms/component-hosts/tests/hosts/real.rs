//! wasmtime itself, where `WASMTIME` names it and `FAASBENCH_TEST_HTTP_COMPONENT` a component of function1, as
//! `faasbench build function1 --platform wasmtime-serve` makes it.

use std::path::PathBuf;
use std::time::Duration;

use component_hosts::connect_wasmtime_serve;
use image_kind::ImageKind;
use platform::{Invocation, LogStream, MemoryLedger, undeploy};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::given::{connection, spec};

/// What a variable names, or why a test is skipped.
pub(crate) fn named(variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    if named.is_none() {
        eprintln!("skipped: {variable} names nothing");
    }
    named
}

#[tokio::test]
async fn wasmtime_serves_restarts_keeps_limits_and_ends() {
    let (Some(program), Some(component)) = (named("WASMTIME"), named("FAASBENCH_TEST_HTTP_COMPONENT")) else { return };
    let folder = TempDir::new().unwrap();
    let options = json!({ "program": program, "folder": folder.path().join("state") });
    let platform = connect_wasmtime_serve(connection("wasmtime-serve", options)).unwrap();
    let version = platform.reach().await.unwrap().version;
    assert!(version.starts_with("wasmtime "), "{version}");

    let ledger = MemoryLedger::new();
    let mut spec = spec(ImageKind::HttpComponent, component);
    spec.limits.memory_bytes = Some(32 << 20);
    spec.limits.time = Some(Duration::from_secs(1));
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, Duration::from_secs(30)).await.unwrap();
    let mut instances = Vec::new();
    for _ in 0..3 {
        let answer = platform.invoke(&deployment, &Invocation::new(r#"{"throughput_time":0.001}"#)).await.unwrap();
        let said: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.status, 200, "{said}");
        assert_eq!(said["records"][said["identifier"].as_str().unwrap()]["platform"], "wasmtime-serve");
        let instance = answer.instance.unwrap();
        assert!(instance.is_cold() && !instances.contains(&instance.id));
        instances.push(instance.id);
    }
    platform.force_cold(&deployment).await.unwrap();
    let late = platform.invoke(&deployment, &Invocation::new(r#"{"sleep":5}"#)).await.unwrap();
    assert!(late.status == 500 && late.timings.total_ns < 4_000_000_000, "{late:?}");
    let lines = platform.logs(&deployment, 0).await.unwrap();
    assert!(
        lines.iter().any(|line| line.stream == LogStream::Platform && line.text.contains("timed out")),
        "{lines:?}"
    );
    assert_eq!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().len(), 0);
    assert!(platform.find_marked().await.unwrap().is_empty());

    // A memory that the component can't even begin with.
    spec.limits.memory_bytes = Some(2 << 20);
    let small = platform.deploy(&spec, &ledger).await;
    if let Ok(small) = &small {
        let answer = platform.invoke(small, &Invocation::new(r#"{"throughput_time":0.001}"#)).await.unwrap();
        assert_eq!(answer.status, 500, "{answer:?}");
    }
    assert_eq!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().len(), 0);
}
