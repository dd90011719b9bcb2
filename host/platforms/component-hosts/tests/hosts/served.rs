//! wasmtime serve and Spin, with a program that stands for them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use component_hosts::{connect_spin, connect_wasmtime_serve};
use platform::{
    ColdStart, DeploymentSpec, Invocation, LogStream, MemoryLedger, Platform, PlatformError, Readiness, ResourceState,
    undeploy,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::given::{connection, http_component, spin_application};
use crate::stand_in;

const PATIENCE: Duration = Duration::from_secs(20);

fn options(folder: &Path) -> Value {
    json!({ "program": stand_in::program(folder), "folder": folder.join("state") })
}

fn wasmtime(folder: &Path) -> Arc<dyn Platform> {
    connect_wasmtime_serve(connection("wasmtime-serve", options(folder))).unwrap()
}

fn spin(folder: &Path) -> Arc<dyn Platform> {
    connect_spin(connection("spin", options(folder))).unwrap()
}

async fn deployed(platform: &dyn Platform, spec: &DeploymentSpec, ledger: &MemoryLedger) -> platform::Deployment {
    let deployment = platform.deploy(spec, ledger).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    deployment
}

async fn told(platform: &dyn Platform, deployment: &platform::Deployment) -> Value {
    let answer = platform.invoke(deployment, &Invocation::new("{}")).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.instance.unwrap().is_cold());
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn wasmtime_is_told_the_limits_and_variables_and_its_command_line_shows_no_secret() {
    let folder = TempDir::new().unwrap();
    let (platform, ledger) = (wasmtime(folder.path()), MemoryLedger::new());
    let mut spec = http_component(folder.path());
    spec.limits.memory_bytes = Some(64 << 20);
    spec.limits.time = Some(Duration::from_millis(1500));
    assert_eq!(platform.capabilities().cold_start, ColdStart::Always);
    assert_eq!(platform.reach().await.unwrap().version, "stand-in 1.2.3");

    let deployment = deployed(&*platform, &spec, &ledger).await;
    let told = told(&*platform, &deployment).await;
    let arguments: Vec<&str> =
        told["arguments"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let expected =
        ["serve", "--addr", "127.0.0.1:0", "-S", "cli", "-W", "max-memory-size=67108864", "-W", "timeout=1500ms"];
    assert_eq!(arguments[..9], expected);
    for given in ["AWS_SECRET_ACCESS_KEY", "GREETING=hello world", "FAASBENCH_PLATFORM=wasmtime-serve"] {
        assert!(arguments.windows(2).any(|pair| pair == ["--env", given]), "{given}: {arguments:?}");
    }
    assert!(!arguments.iter().any(|argument| argument.contains("sesame")), "{arguments:?}");
    assert_eq!(told["environment"]["AWS_SECRET_ACCESS_KEY"], "open sesame");
    assert!(told["environment"].get("CARGO_MANIFEST_DIR").is_none(), "this process's environment is its own");

    let planned = serde_json::to_string(&platform.requests(&spec).unwrap()).unwrap();
    assert!(planned.contains("max-memory-size=67108864") && !planned.contains("sesame"), "{planned}");
    let kept = serde_json::to_string(&(&deployment, ledger.entries())).unwrap();
    assert!(!kept.contains("sesame"), "{kept}");
    assert_eq!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_deployment_is_served_restarted_updated_and_removed() {
    let folder = TempDir::new().unwrap();
    for (platform, mut spec) in [
        (wasmtime(folder.path()), http_component(folder.path())),
        (spin(folder.path()), spin_application(folder.path())),
    ] {
        let ledger = MemoryLedger::new();
        let deployment = deployed(&*platform, &spec, &ledger).await;
        let first = told(&*platform, &deployment).await["process"].clone();
        assert_eq!(told(&*platform, &deployment).await["process"], first);
        assert_eq!(ledger.entries().len(), 1);
        assert_eq!(ledger.entries()[0].state, ResourceState::Created);

        platform.force_cold(&deployment).await.unwrap();
        let second = told(&*platform, &deployment).await["process"].clone();
        assert_ne!(second, first, "another process at the same address");

        spec.image.digest = format!("sha256:{}", "2".repeat(64));
        let updated = deployed(&*platform, &spec, &ledger).await;
        assert_ne!(told(&*platform, &updated).await["process"], second);
        assert_eq!(ledger.entries().len(), 1, "an update makes nothing that is not in the ledger already");
        let status = platform.status(&updated).await.unwrap();
        assert_eq!((status.readiness, status.image_digest.as_deref()), (Readiness::Ready, Some(&*spec.image.digest)));
        assert_eq!(status.instances.unwrap()[0].processes.len(), 1);

        let found = platform.find_marked().await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].kind.as_str(), &*found[0].deployment), ("process", spec.id.as_str()));
        let lines = platform.logs(&updated, 0).await.unwrap();
        let has = |stream, text: &str| lines.iter().any(|line| line.stream == stream && line.text == text);
        assert!(has(LogStream::Output, "hello") && has(LogStream::Error, "oh") && has(LogStream::Platform, "its own"));
        assert!(platform.logs(&updated, u64::MAX).await.unwrap().is_empty());

        assert_eq!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().len(), 0);
        platform.remove(&ledger.entries()[0].resource).await.unwrap();
        assert!(platform.find_marked().await.unwrap().is_empty());
        assert_eq!(platform.status(&updated).await.unwrap().readiness, Readiness::Missing);
        let gone = platform.invoke(&updated, &Invocation::new("{}")).await.unwrap_err();
        assert!(matches!(gone, PlatformError::NotFound { .. }), "{gone}");
    }
}

#[tokio::test]
async fn spins_manifest_has_the_variables_and_its_command_line_has_not() {
    let folder = TempDir::new().unwrap();
    let (platform, ledger) = (spin(folder.path()), MemoryLedger::new());
    let spec = spin_application(folder.path());
    let deployment = deployed(&*platform, &spec, &ledger).await;
    let told = told(&*platform, &deployment).await;
    let arguments = serde_json::to_string(&told["arguments"]).unwrap();
    assert!(arguments.starts_with("[\"up\",\"--from\",") && !arguments.contains("sesame"), "{arguments}");
    let manifest = told["served"].as_str().unwrap();
    for part in ["GREETING = \"hello world\"", "AWS_SECRET_ACCESS_KEY = \"open sesame\"", "http://127.0.0.1:9"] {
        assert!(manifest.contains(part), "{manifest}");
    }
    assert_eq!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_process_that_is_gone_is_told_and_its_deployment_is_still_removed() {
    let folder = TempDir::new().unwrap();
    let (platform, ledger) = (wasmtime(folder.path()), MemoryLedger::new());
    let spec = http_component(folder.path());
    let deployment = deployed(&*platform, &spec, &ledger).await;
    let process = told(&*platform, &deployment).await["process"].as_u64().unwrap();
    let process = rustix::process::Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    let gone = loop {
        match platform.invoke(&deployment, &Invocation::new("{}")).await {
            Err(PlatformError::Unreachable { .. }) | Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(gone, PlatformError::ExitedAtStart { .. }), "{gone}");
    assert_eq!(platform.status(&deployment).await.unwrap().readiness, Readiness::Failed);
    // It comes back where it was.
    platform.force_cold(&deployment).await.unwrap();
    told(&*platform, &deployment).await;
    assert_eq!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().len(), 0);
}

#[tokio::test]
async fn what_is_in_the_ledger_alone_is_enough_to_remove_it() {
    let folder = TempDir::new().unwrap();
    let (platform, ledger) = (wasmtime(folder.path()), MemoryLedger::new());
    let spec = http_component(folder.path());
    let deployment = deployed(&*platform, &spec, &ledger).await;
    let mut intended = ledger.entries()[0].resource.clone();
    // As after a crash before the process was written down, of a command with another configuration.
    intended.details.as_object_mut().unwrap().remove("process");
    let state = folder.path().join(format!("state/wasmtime-serve-{}", platform.target())).join(spec.id.as_str());
    std::fs::remove_file(state.join("served.json")).unwrap();
    platform.remove(&intended).await.unwrap();
    assert!(!state.exists() && platform.find_marked().await.unwrap().is_empty());
    let url = deployment.url.clone().unwrap();
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody serves there any more");

    let mut other = intended.clone();
    other.name = "faasbench-0000000000".to_owned();
    assert!(platform.remove(&other).await.unwrap_err().is_users());
}

#[tokio::test]
async fn a_program_that_ends_at_its_start_is_told_with_what_it_said_and_nothing_stays() {
    let folder = TempDir::new().unwrap();
    let (platform, ledger) = (wasmtime(folder.path()), MemoryLedger::new());
    let mut spec = http_component(folder.path());
    spec.environment.insert("BREAK".to_owned(), "1".to_owned());
    let error = platform.deploy(&spec, &ledger).await.unwrap_err();
    assert!(matches!(&error, PlatformError::ExitedAtStart { logs, .. } if logs.contains("told to break")), "{error}");
    assert_eq!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().len(), 0);
    assert!(platform.find_marked().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_before_anything_is_made() {
    let folder = TempDir::new().unwrap();
    let ledger = MemoryLedger::new();
    let mut spec = spin_application(folder.path());
    spec.limits.memory_bytes = Some(64 << 20);
    assert!(spin(folder.path()).deploy(&spec, &ledger).await.unwrap_err().is_users());
    let mut spec = http_component(folder.path());
    spec.limits.cpus = Some(0.5);
    assert!(wasmtime(folder.path()).requests(&spec).unwrap_err().is_users());
    // A component with its settings inside.
    let spec = http_component(folder.path());
    std::fs::write(&spec.image.path, b"\0asm\x0d\0\x01\0").unwrap();
    let error = wasmtime(folder.path()).deploy(&spec, &ledger).await.unwrap_err();
    assert!(error.is_users() && error.to_string().contains("settings inside"), "{error}");
    assert!(ledger.entries().is_empty() && !folder.path().join("state").exists());

    let absent = json!({ "program": "/nowhere/wasmtime" });
    let error = connect_wasmtime_serve(connection("wasmtime-serve", absent)).unwrap().reach().await.unwrap_err();
    assert!(error.to_string().contains("cargo install wasmtime-cli"), "{error}");
    for wrong in [json!({ "programme": "x" }), json!({ "invoke-url": "https://a/{name}" })] {
        assert!(connect_wasmtime_serve(connection("wasmtime-serve", wrong)).is_err_and(|error| error.is_users()));
    }
}
