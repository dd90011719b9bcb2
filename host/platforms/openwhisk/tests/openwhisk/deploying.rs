use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use emulation::{image, spec};
use image_kind::ImageKind;
use platform::{Invocation, MemoryLedger, PlatformError, Readiness, ResourceState, undeploy};
use remote_platform::Connection;
use serde_json::{Value, json};

use crate::emulator::{BASIC, Emulator, KEY, variables};

const PATIENCE: Duration = Duration::from_secs(10);

fn oci(seed: u8) -> image_kind::Image {
    image(ImageKind::Oci, Path::new("/nowhere/function1"), seed)
}

#[tokio::test]
async fn an_image_is_deployed_called_and_removed_and_nothing_is_left() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let ledger = MemoryLedger::new();
    let mut spec = spec("function1", oci(1));
    spec.limits.memory_bytes = Some(256 << 20);
    spec.environment.insert("MINE".to_owned(), "yes".to_owned());
    assert!(platform.reach().await.unwrap().version.contains("2026-08-01"));
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    assert_eq!(emulator.parameter("function1", "MINE").unwrap(), "yes");
    assert_eq!(emulator.parameter("function1", "FAASBENCH_MEMORY_LIMIT_BYTES").unwrap(), (256 << 20).to_string());
    // By its tag: OpenWhisk drops a digest.
    let tag = emulator.registry.tags().keys().next().unwrap().clone();
    assert_eq!(emulator.state.lock().unwrap().actions["function1"]["exec"]["image"], tag);
    let status = platform.status(&deployment).await.unwrap();
    assert_eq!((status.readiness, status.image_digest), (Readiness::Ready, Some(spec.image.digest.clone())));
    let found = platform.find_marked().await.unwrap();
    assert_eq!((found.len(), found[0].deployment.as_str()), (1, spec.id.as_str()));

    assert!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().is_empty());
    assert!(emulator.state.lock().unwrap().actions.is_empty() && emulator.registry.tags().is_empty());
    assert!(ledger.entries().iter().all(|entry| entry.state == ResourceState::Removed));
    // Again is a success too.
    for entry in ledger.entries() {
        platform.remove(&entry.resource).await.unwrap();
    }
    assert_eq!(platform.status(&deployment).await.unwrap().readiness, Readiness::Missing);
}

#[tokio::test]
async fn an_archive_is_the_actions_code() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({ "kind": "native", "native-image": "openwhisk/actionloop-base:1.17" }));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"PK\x03\x04").unwrap();
    let spec = spec("function1", image(ImageKind::OpenWhiskZip, file.path(), 1));
    let deployment = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let exec = emulator.state.lock().unwrap().actions["function1"]["exec"].clone();
    let expected =
        json!({ "kind": "blackbox", "image": "openwhisk/actionloop-base:1.17", "code": "UEsDBA==", "binary": true });
    assert_eq!(exec, expected);
}

#[tokio::test]
async fn after_an_update_the_new_image_answers_and_an_old_controller_is_waited_for() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let ledger = MemoryLedger::new();
    let mut spec = spec("function1", oci(1));
    platform.deploy(&spec, &ledger).await.unwrap();
    spec.image = oci(2);
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    emulator.state.lock().unwrap().stale = 2;
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    assert_eq!(emulator.server.count("POST /api/v1/namespaces/_/actions/function1"), 3);
    let answer = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(body["exec"]["image"].as_str().unwrap().contains("020202020202"), "{body}");
    // Two tags, one action.
    assert_eq!(kinds(&ledger), ["image", "action", "image"]);
    assert!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().is_empty());
    assert!(emulator.registry.tags().is_empty());
}

fn kinds(ledger: &MemoryLedger) -> Vec<String> {
    ledger.entries().into_iter().map(|entry| entry.resource.kind).collect()
}

#[tokio::test]
async fn an_update_without_limits_has_the_defaults_and_not_those_of_before() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({ "concurrency-maximum": 8 }));
    let ledger = MemoryLedger::new();
    let plain = spec("function1", oci(1));
    let mut limited = plain.clone();
    limited.limits.memory_bytes = Some(512 << 20);
    limited.limits.time = Some(Duration::from_secs(5));
    limited.limits.log_bytes = Some(1 << 20);
    limited.scale.concurrency = Some(8);
    platform.deploy(&limited, &ledger).await.unwrap();
    let limits = || emulator.state.lock().unwrap().actions["function1"]["limits"].clone();
    assert_eq!(limits(), json!({ "memory": 512, "timeout": 5000, "logs": 1, "concurrency": 8 }));
    let deployment = platform.deploy(&plain, &ledger).await.unwrap();
    assert_eq!(limits(), json!({ "memory": 256, "timeout": 60_000, "logs": 10, "concurrency": 1 }));
    assert_eq!(deployment.spec.limits.memory_bytes, Some(256 << 20));
    assert_eq!(deployment.spec.limits.time, Some(Duration::from_secs(60)));
    assert_eq!(deployment.spec.scale.concurrency, Some(1));
}

#[tokio::test]
async fn what_is_elsewhere_is_neither_forgotten_nor_taken_for_removed() {
    let (here, elsewhere) = (Emulator::start().await, Emulator::start().await);
    let ledger = MemoryLedger::new();
    let spec = spec("function1", oci(1));
    here.platform(json!({})).deploy(&spec, &ledger).await.unwrap();
    let resource = ledger.entries().into_iter().find(|entry| entry.resource.kind == "action").unwrap().resource;
    assert_eq!(resource.details["namespace"], "guest");
    let other = elsewhere.platform(json!({}));
    let error = other.deploy(&spec, &ledger).await.unwrap_err().to_string();
    assert!(error.contains(&here.server.url()) && error.contains("undeploy function1"), "{error}");
    assert!(elsewhere.state.lock().unwrap().actions.is_empty());
    let error = other.remove(&resource).await.unwrap_err().to_string();
    assert!(error.contains(&here.server.url()), "{error}");
    let mut moved = resource.clone();
    moved.details["namespace"] = json!("lab");
    let error = here.platform(json!({})).remove(&moved).await.unwrap_err().to_string();
    assert!(error.contains("namespace lab"), "{error}");
    here.platform(json!({})).remove(&resource).await.unwrap();
}

#[tokio::test]
async fn what_is_anothers_is_neither_overwritten_nor_removed() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let theirs = spec("function1", oci(1));
    platform.deploy(&theirs, &MemoryLedger::new()).await.unwrap();
    let before = emulator.state.lock().unwrap().actions.clone();
    let ledger = MemoryLedger::new();
    let mine = spec("function1", oci(2));
    let error = platform.deploy(&mine, &ledger).await.unwrap_err();
    assert!(matches!(error, PlatformError::NameTaken { .. }), "{error}");
    assert!(undeploy(&*platform, &mine.id, &ledger).await.unwrap().is_empty());
    assert_eq!(emulator.state.lock().unwrap().actions, before);
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_ours() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let spec = spec("function1", oci(1));
    platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
    // The look before does not see it yet.
    let missing = emulation::Response::json(404, &json!({ "error": "not there" }));
    emulator.state.lock().unwrap().failures.push(missing);
    let deployment = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
    assert_eq!(deployment.details["version"], "0.0.2");
}

#[tokio::test]
async fn a_cold_start_is_forced_by_a_new_revision_that_keeps_everything_else() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({ "web": true }));
    let mut spec = spec("function1", oci(1));
    spec.environment.insert("MINE".to_owned(), "yes".to_owned());
    let deployment = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let call = async || platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    assert!(!call().await.instance.unwrap().is_cold());
    let before = emulator.state.lock().unwrap().actions["function1"].clone();
    for _ in 0..2 {
        platform.force_cold(&deployment).await.unwrap();
        let cold = call().await;
        assert!(cold.instance.unwrap().is_cold() && cold.timings.start_instance_ns.is_some());
        let warm = call().await;
        assert!(!warm.instance.unwrap().is_cold() && warm.timings.start_instance_ns.is_none());
    }
    let after = emulator.state.lock().unwrap().actions["function1"].clone();
    assert_eq!((&before["exec"], &before["parameters"]), (&after["exec"], &after["parameters"]));
    let web = |action: &Value| {
        let annotations = action["annotations"].as_array().unwrap();
        annotations.iter().filter(|annotation| annotation["key"] == "web-export").cloned().collect::<Vec<_>>()
    };
    assert_eq!(web(&before), web(&after));
    assert_eq!(after["annotations"].as_array().unwrap().len(), before["annotations"].as_array().unwrap().len() + 1);
    // Still ready: its revision is a newer one now.
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn functions_call_each_other_with_a_key_of_their_own_or_without_one() {
    let emulator = Emulator::start().await;
    let url = emulator.server.url();
    let deploy = async |options: Value, variables: &dyn Fn(&str) -> Option<String>| {
        let platform = openwhisk_platform::connect_with(emulator.connection(options), variables).unwrap();
        emulator.state.lock().unwrap().actions.clear();
        platform.deploy(&spec("function1", oci(1)), &MemoryLedger::new()).await.unwrap();
        let of = |key| emulator.parameter("function1", key);
        (of("FAASBENCH_INVOKE_URL"), of("FAASBENCH_INVOKE_AUTHORIZATION"))
    };
    let api = format!("{url}/api/v1/namespaces/_/actions/{{name}}?blocking=true&result=true");
    // The key that deploys allows everything: only who asks for it has it in functions.
    assert_eq!(deploy(json!({}), &variables).await, (None, None));
    let with_key = json!({ "nested-calls": "api" });
    assert_eq!(deploy(with_key, &variables).await, (Some(api.clone()), Some(BASIC.to_owned())));
    let two = |name: &str| match name {
        "OPENWHISK_AUTH" => Some(KEY.to_owned()),
        "CALLERS_KEY" => Some("a:b".to_owned()),
        _ => None,
    };
    let own = json!({ "nested-calls": "api", "invoke-auth-variable": "CALLERS_KEY" });
    assert_eq!(deploy(own, &two).await, (Some(api), Some("Basic YTpi".to_owned())));
    let inside = json!({ "nested-calls": "api", "invoke-endpoint": "http://controller:8080/" });
    assert!(deploy(inside, &variables).await.0.unwrap().starts_with("http://controller:8080/api/v1/"));
    assert_eq!(deploy(json!({ "nested-calls": "off" }), &variables).await, (None, None));
}

#[tokio::test]
async fn the_plan_is_what_is_asked_and_holds_no_secret() {
    let emulator = Emulator::start().await;
    let mut connection = emulator.connection(json!({}));
    connection.storage = Some("s3://bucket".to_owned());
    connection.storage_environment.insert("AWS_SECRET_ACCESS_KEY".to_owned(), "hidden".to_owned());
    let platform = openwhisk_platform::connect_with(connection, &variables).unwrap();
    let spec = spec("function1", oci(1));
    let planned = platform.requests(&spec).unwrap();
    assert!(emulator.server.seen().is_empty());
    let text = serde_json::to_string(&planned).unwrap();
    assert!(!text.contains("hidden") && !text.contains("MjNi") && text.contains("s3://bucket"), "{text}");
    platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
    let lines: Vec<String> = emulator.server.seen().iter().map(emulation::Request::line).collect();
    let unconditional = planned.iter().filter(|request| request.method != "PUSH");
    let expected: Vec<String> = unconditional
        .filter(|request| !request.address.contains("overwrite=true"))
        .map(|request| {
            let path = request.address.strip_prefix(&emulator.server.url()).unwrap();
            format!("{} {}", request.method, path.split('?').next().unwrap())
        })
        .collect();
    assert_eq!(lines, expected);
    let ledger = MemoryLedger::new();
    let connection = Connection {
        registry: Some(Arc::new(emulation::PretendedRegistry::refusing("r.test"))),
        ..emulator.connection(json!({}))
    };
    let platform = openwhisk_platform::connect_with(connection, &variables).unwrap();
    assert!(platform.deploy(&spec, &ledger).await.is_err());
    // What was not pushed may be there all the same.
    assert_eq!(kinds(&ledger), ["image"]);
}
